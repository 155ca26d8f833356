import { describe, expect, it } from 'vitest';
import { respond } from '../support/oauth/answers.ts';
import {
  createMasterStage,
  MASTER_LOGIN,
  type MasterStage,
  newestToken,
  refusalOf,
  statusOf,
} from '../support/oauth/strategy-stage.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** Two servers of the master's token, configured. */
async function configureTwo(stage: MasterStage) {
  const [one, two] = [await stage.startServer(), await stage.startServer()];
  const entryOf = ({ url }: { url: string }) => ({ url, auth_strategy: 'master_oauth' });
  const block = { master_oauth: stage.block };
  await stage.home.configure({ one: entryOf(one), two: entryOf(two) }, block);
  return { one, two };
}

/** Calls both servers in every process at the same time. */
function callAll(...clients: RecordingClient[]): Promise<(string | undefined)[]> {
  return Promise.all(
    clients.flatMap((client) => ['one', 'two'].map((name) => refusalOf(client, name))),
  );
}

/** The refresh tokens that were shown to the authorization server, and how often it took one. */
function renewalsOf({ provider, relay }: MasterStage) {
  const shown = relay.refreshes().map((refresh) => refresh.shown);
  return { shown: shown.length, spent: provider.seen.spent.length, reused: provider.seen.reused };
}

describe("the master's login that has expired", () => {
  it('is renewed once for two servers that are called at the same time', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureTwo(stage);
    const expired = await stage.logInUntilExpired();
    const client = await stage.home.serve();
    expect(await callAll(client)).toEqual([undefined, undefined]);
    expect(renewalsOf(stage)).toEqual({ shown: 1, spent: 1, reused: [] });
    const token = newestToken(stage.relay);
    expect(token).not.toBe(expired);
    expect([one.tokens(), two.tokens()]).toEqual([[token], [token]]);
  });

  it('is renewed once for two processes and two servers', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureTwo(stage);
    await stage.logInUntilExpired();
    const clients = await Promise.all([stage.home.serve(), stage.home.serve()]);
    expect(await callAll(...clients)).toEqual([undefined, undefined, undefined, undefined]);
    expect(renewalsOf(stage)).toEqual({ shown: 1, spent: 1, reused: [] });
    const token = newestToken(stage.relay);
    expect([one.tokens(), two.tokens()]).toEqual([[token], [token]]);
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
  });
});

describe("the master's login whose token is refused (401)", () => {
  it('is renewed once for all servers and processes that use it, while they run', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureTwo(stage);
    const first = await stage.logIn();
    const clients = await Promise.all([stage.home.serve(), stage.home.serve()]);
    const answered = [undefined, undefined, undefined, undefined];
    expect(await callAll(...clients)).toEqual(answered);
    expect(renewalsOf(stage)).toMatchObject({ shown: 0 });

    await stage.provider.expireAccessTokens();
    expect(await callAll(...clients)).toEqual(answered);
    expect(renewalsOf(stage)).toEqual({ shown: 1, spent: 1, reused: [] });
    const second = newestToken(stage.relay);
    expect([one.tokens(), two.tokens()]).toEqual([
      [first, second],
      [first, second],
    ]);
  });

  it('and that can not be renewed for good asks for one login, for all servers', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureTwo(stage);
    const first = await stage.logIn();
    const client = await stage.home.serve();
    expect(await callAll(client)).toEqual([undefined, undefined]);

    await stage.provider.expireAccessTokens();
    await stage.provider.forgetRefreshTokens();
    for (let times = 0; times < 2; times += 1) {
      for (const refusal of await callAll(client)) {
        expect(refusal).toContain(MASTER_LOGIN);
        expect(refusal).not.toMatch(/--server=(one|two)/);
      }
    }
    expect(renewalsOf(stage)).toEqual({ shown: 1, spent: 0, reused: [] });
    for (const name of ['master', 'one', 'two']) {
      const row = await statusOf(stage.home, name);
      expect(row).toMatchObject({ state: 'login_required', next: MASTER_LOGIN });
    }

    const second = await stage.logIn();
    expect(await callAll(client)).toEqual([undefined, undefined]);
    expect([one.tokens(), two.tokens()]).toEqual([
      [first, second],
      [first, second],
    ]);
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
  });

  it('is kept when its authorization server has a problem, and no login is asked for', async () => {
    const stage = await createMasterStage();
    const { one } = await configureTwo(stage);
    const first = await stage.logIn();
    const client = await stage.home.serve();
    expect(await callAll(client)).toEqual([undefined, undefined]);
    await stage.provider.expireAccessTokens();
    stage.relay.intercept(async () => respond(503, 'busy'));
    for (const refusal of await callAll(client)) {
      expect(refusal).toContain('REFRESH_FAILED');
      expect(refusal).not.toContain('auth login');
    }
    expect(one.tokens()).toEqual([first]);
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in' });

    stage.relay.intercept(undefined);
    // Whoever asks for it need not wait for the pause after a failure.
    expect(await stage.home.run(['auth', 'refresh', '--server=master'])).toMatchObject({ code: 0 });
    expect(await callAll(client)).toEqual([undefined, undefined]);
    expect(one.tokens()).toEqual([first, newestToken(stage.relay)]);
    expect(stage.provider.seen.reused).toEqual([]);
  });
});
