import { expect, it } from 'vitest';
import { type Answer, reset, respond } from '../support/oauth/answers.ts';
import type { AuthHome } from '../support/oauth/auth-home.ts';
import { call, createHoldStage } from '../support/oauth/refresh-hold.ts';

const ANSWERED = { result: expect.anything() };

/** The record and the encrypted item of the login. */
async function stored(home: AuthHome): Promise<[string, string][]> {
  const files = [...(await home.files())];
  return files.filter(([path]) => /\/(logins|tokens)\/api-[^/]*\.json$/.test(path));
}

const LATE_ANSWERS: Record<string, (pass: () => Promise<Answer>) => Promise<Answer>> = {
  'new tokens': (pass) => pass(),
  'that the refresh token is spent': async () => respond(400, { error: 'invalid_grant' }),
  'a broken connection': async () => reset(),
};

it.each(Object.entries(LATE_ANSWERS))(
  'a process that is suspended in its refresh, and gets %s when it goes on, leaves the newer login alone',
  async (_, answer) => {
    // The provider takes the refresh token of the suspended process from another one, too.
    const stage = await createHoldStage({ rotation: false });
    const { home, server } = stage;
    const sleeper = await stage.startWorker('sleeper');
    const other = await stage.startWorker('other');
    const held = await stage.holdNext(answer);
    const late = call(sleeper);
    await held.reached;
    sleeper.kill('SIGSTOP');
    expect(await call(other)).toEqual(ANSWERED);
    const { accessToken } = held.refreshes()[1]?.issued ?? {};
    expect(server.uses.at(-1)).toEqual({ worker: 'other', token: accessToken });
    const saved = await stored(home);
    expect(saved).toHaveLength(2);

    held.release();
    sleeper.kill('SIGCONT');
    const answered = await late;
    expect(await stored(home)).toEqual(saved);
    // Its own refresh has failed when the connection broke, whatever others did meanwhile.
    if (answered.error !== undefined) {
      expect(answered).toMatchObject({ error: { data: { code: 'REFRESH_FAILED' } } });
    }
    const uses = server.uses.length;
    for (const client of [sleeper, other, sleeper]) expect(await call(client)).toEqual(ANSWERED);
    expect(server.uses.slice(uses)).toEqual(
      ['sleeper', 'other', 'sleeper'].map((worker) => ({ worker, token: accessToken })),
    );
    expect(held.refreshes()).toHaveLength(2);
    expect(await stored(home)).toEqual(saved);
    expect(sleeper.exit).toBeUndefined();
    expect(sleeper.stderr).not.toMatch(/^\s+at /m);
  },
);
