import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import {
  call,
  createHoldStage,
  type HeldRefresh,
  type HoldStage,
  keepLocksFresh,
} from '../support/oauth/refresh-hold.ts';
import type { RecordingClient } from '../support/recording-client.ts';

const ANSWERED = { result: expect.anything() };

const LOGIN_REQUIRED = {
  error: expect.objectContaining({
    code: -32000,
    message: expect.stringContaining('mcp-master auth login --server=api'),
    data: expect.objectContaining({ code: 'LOGIN_REQUIRED' }),
  }),
};

/** A process that was killed in the middle of its refresh, and what the next one came to. */
interface Aftermath {
  held: HeldRefresh;
  /** Processes that were running all the time; the first has waited for the lock of the killed one. */
  others: [RecordingClient, RecordingClient];
  /** What the first of them was answered. */
  next: Awaited<ReturnType<typeof call>>;
}

/** Kills a process when its refresh is held, while another one waits for its lock. */
async function killInRefresh(
  stage: HoldStage,
  answer: Parameters<HoldStage['holdNext']>[0],
): Promise<Aftermath> {
  const victim = await stage.startWorker('victim');
  const others: Aftermath['others'] = [
    await stage.startWorker('next'),
    await stage.startWorker('last'),
  ];
  const held = await stage.holdNext(answer);
  const unanswered = call(victim).catch(() => undefined);
  await held.reached;
  await keepLocksFresh(stage.home);
  const waiting = call(others[0]);
  // A whole program has started and ended meanwhile: nobody gets past a lock whose holder lives.
  await stage.home.run(['auth', 'status']);
  expect(held.refreshes()).toHaveLength(1);
  victim.kill('SIGKILL');
  await victim.waitForExit();
  expect(await unanswered).toBeUndefined();
  const next = await waiting;
  held.release();
  return { held, others, next };
}

describe('a process that is killed while it refreshes', () => {
  it('costs that one login when the server has rotated, which is said, and healed by a login', async () => {
    const stage = await createHoldStage();
    const { home, provider, server } = stage;
    const { held, others, next } = await killInRefresh(stage, (pass) => pass());
    expect(next).toEqual(LOGIN_REQUIRED);
    const [first, second, ...more] = held.refreshes();
    expect(first).toMatchObject({ status: 200 });
    expect(second).toMatchObject({ status: 400, shown: first?.shown });
    expect(more).toEqual([]);
    expect(provider.seen.reused).toEqual([first?.shown]);

    for (const client of others) expect(await call(client)).toEqual(LOGIN_REQUIRED);
    expect(held.refreshes()).toHaveLength(2);
    const lost = server.uses.filter(({ token }) => token === first?.issued?.accessToken);
    expect(lost).toEqual([]);
    const status = await home.json(['auth', 'status']);
    expect(status).toMatchObject({ code: 4, value: [{ server: 'api', state: 'login_required' }] });
    expect(status.value[0]?.['next']).toContain('mcp-master auth login --server=api');

    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    for (const client of others) {
      await waitFor(async () => (await call(client)).result, { what: 'an answer after the login' });
    }
    expect(await home.json(['auth', 'status'])).toMatchObject({
      ...{ code: 0, value: [{ state: 'logged_in', has_refresh_token: true }] },
    });
  });

  it('costs nothing when the server takes the old refresh token again', async () => {
    const stage = await createHoldStage({ rotation: false });
    const { held, others, next } = await killInRefresh(stage, (pass) => pass());
    expect(next).toEqual(ANSWERED);
    for (const client of others) expect(await call(client)).toEqual(ANSWERED);
    expect(held.refreshes()).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(await stage.home.json(['auth', 'status'])).toMatchObject({
      ...{ code: 0, value: [{ state: 'logged_in' }] },
    });
  });

  it('costs nothing before the server has heard of it', async () => {
    const stage = await createHoldStage();
    const { provider } = stage;
    const { held, others, next } = await killInRefresh(stage, async () => respond(503));
    expect(next).toEqual(ANSWERED);
    for (const client of others) expect(await call(client)).toEqual(ANSWERED);
    expect(held.refreshes()).toMatchObject([{ status: undefined }, { status: 200 }]);
    expect(provider.seen.reused).toEqual([]);
    expect(await stage.home.json(['auth', 'status'])).toMatchObject({
      ...{ code: 0, value: [{ state: 'logged_in' }] },
    });
  });
});
