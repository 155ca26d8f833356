import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gate } from '../support/http/credentials.ts';
import { startBackend } from '../support/oauth/auth-home.ts';
import { startProtectedServer } from '../support/oauth/protected-server.ts';
import {
  createMasterStage,
  listed,
  MASTER_LOGIN,
  type MasterStage,
  newestToken,
  ROBOT,
  refusalOf,
  statusOf,
} from '../support/oauth/strategy-stage.ts';
import {
  startWitness,
  type Witness,
  type WitnessProtection,
} from '../support/oauth/strategy-witness.ts';

import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const TOKEN = 'MCP_MASTER_TOKEN';

function entryOf({ url }: Witness, auth_config?: object) {
  return { url, auth_strategy: 'master_oauth', ...(auth_config && { auth_config }) };
}

/** Two servers of the master's token, and one that wants nothing, configured. */
async function configureThree(stage: MasterStage, protection: WitnessProtection = {}) {
  const [one, two] = [await stage.startServer(protection), await stage.startServer(protection)];
  const open = await startWitness();
  const bypass = { url: open.url, auth_strategy: 'bypass_auth' };
  const servers = { one: entryOf(one), open: bypass, two: entryOf(two) };
  await stage.home.configure(servers, { master_oauth: stage.block });
  return { one, two, open, servers };
}

const ALL_READY = { one: { state: 'ready' }, open: { state: 'ready' }, two: { state: 'ready' } };

describe('MCP_MASTER_TOKEN', () => {
  it('is sent to each server that names master_oauth, and no authorization server is asked', async () => {
    const stage = await createMasterStage();
    const { one, two, open } = await configureThree(stage);
    const token = await stage.issue();
    const before = stage.provider.seen.all.length;
    expect(await listed(stage.home, { [TOKEN]: token })).toMatchObject(ALL_READY);
    const client = await stage.home.serve({ env: { [TOKEN]: token } });
    for (const name of ['one', 'two', 'open']) {
      expect(await refusalOf(client, name)).toBeUndefined();
    }
    expect([one.tokens(), two.tokens()]).toEqual([[token], [token]]);
    expect(open.hasSeen(token)).toBe(false);
    expect(stage.provider.seen.all).toHaveLength(before);
    expect(stage.relay.exchanges).toEqual([]);
  });

  it('may stand in the .env file beside the configuration; the process environment wins', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage);
    const [written, given] = [await stage.issue(), await stage.issue()];
    await writeFile(join(stage.home.path, '.env'), `${TOKEN}=${written}\n`, { mode: 0o600 });
    expect(await listed(stage.home)).toMatchObject(ALL_READY);
    expect([one.tokens(), two.tokens()]).toEqual([[written], [written]]);
    expect(await listed(stage.home, { [TOKEN]: given })).toMatchObject(ALL_READY);
    expect([one.tokens(), two.tokens()]).toEqual([
      [written, given],
      [written, given],
    ]);
  });

  it('wins over the login of the master, unless it is empty', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage);
    const login = await stage.logIn();
    const token = await stage.issue();
    for (const [env, sent] of [
      [{ [TOKEN]: token }, [token]],
      [{}, [token, login]],
      [{ [TOKEN]: '' }, [token, login]],
    ] as const) {
      expect(await listed(stage.home, env)).toMatchObject(ALL_READY);
      expect([one.tokens(), two.tokens()]).toEqual([sent, sent]);
    }
    // It is neither looked up nor renewed for somebody who has brought a token.
    expect(stage.relay.refreshes()).toEqual([]);
  });

  it('needs no root block', async () => {
    const stage = await createMasterStage();
    const one = await stage.startServer();
    await stage.home.configure({ one: entryOf(one) });
    const token = await stage.issue();
    expect(await listed(stage.home, { [TOKEN]: token })).toMatchObject({ one: { state: 'ready' } });
    expect(one.tokens()).toEqual([token]);
  });

  it('that a server refuses is named, and nothing is sent in its place', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage);
    await stage.logIn();
    const env = { [TOKEN]: 'a-token-that-nobody-knows' };
    const rows = await listed(stage.home, env);
    const error = { code: 'UNAUTHORIZED', hint: expect.stringContaining(TOKEN) };
    expect(rows).toMatchObject({
      ...{ one: { state: 'error', error }, two: { state: 'error', error } },
      open: { state: 'ready' },
    });
    expect(rows['one']?.error?.hint).not.toContain('auth login');
    const called = await stage.home.run(['call', 'one', 'echo', '{"text":"x"}'], { env });
    expect(called.code).not.toBe(0);
    expect(called.stderr).toMatch(/UNAUTHORIZED[\s\S]*MCP_MASTER_TOKEN/);
    const client = await stage.home.serve({ env });
    expect(await refusalOf(client, 'two')).toContain(TOKEN);
    expect(await refusalOf(client, 'open')).toBeUndefined();
    for (const said of [called.stderr, client.stderr, JSON.stringify(rows), ...client.rawLines]) {
      expect(said).not.toContain(env[TOKEN]);
    }
    expect([one.tokens(), two.tokens()]).toEqual([[env[TOKEN]], [env[TOKEN]]]);
    expect(stage.relay.refreshes()).toEqual([]);
    // The login is as good as before.
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
    expect(await listed(stage.home)).toMatchObject(ALL_READY);
  });
});

describe("the master's login", () => {
  it('is sent to each server that names master_oauth, by every process', async () => {
    const stage = await createMasterStage();
    const { one, two, open } = await configureThree(stage);
    const token = await stage.logIn();
    expect(await listed(stage.home)).toMatchObject(ALL_READY);
    const client = await stage.home.serve();
    for (const name of ['one', 'two', 'open']) {
      expect(await refusalOf(client, name)).toBeUndefined();
    }
    expect(await stage.home.run(['call', 'two', 'whoami'])).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining('alice') },
    });
    expect([one.tokens(), two.tokens()]).toEqual([[token], [token]]);
    expect(open.hasSeen(token)).toBe(false);
    expect(stage.relay.exchanges).toHaveLength(1);
    const row = await statusOf(stage.home, 'two');
    expect(row).toMatchObject({ strategy: 'master_oauth', state: 'logged_in', next: null });
  });

  it.each(['with', 'without'])(
    'is asked for by its command where there is none, %s a root block',
    async (which) => {
      const stage = await createMasterStage();
      const { one, two, servers } = await configureThree(stage);
      if (which === 'without') await stage.home.configure(servers);
      const error = { code: 'LOGIN_REQUIRED', hint: expect.stringContaining(MASTER_LOGIN) };
      expect(await listed(stage.home)).toMatchObject({
        ...{ one: { state: 'login_required', error }, two: { state: 'login_required', error } },
        open: { state: 'ready' },
      });
      const called = await stage.home.run(['call', 'one', 'echo', '{"text":"x"}']);
      expect(called).toMatchObject({ code: 4, stdout: '' });
      expect(called.stderr).toContain(MASTER_LOGIN);
      expect(called.stderr).not.toContain('--server=one');
      const client = await stage.home.serve();
      expect(await refusalOf(client, 'one')).toContain(MASTER_LOGIN);
      expect(await refusalOf(client, 'open')).toBeUndefined();
      expect([one.tokens(), two.tokens()]).toEqual([[], []]);
      const row = await statusOf(stage.home, 'one');
      expect(row).toMatchObject({ state: 'login_required', next: MASTER_LOGIN });
    },
  );

  it('that one server refuses stays good for the others, and is renewed once at most', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage, { audience: 'own' });
    const passed = entryOf(two, { allow_passthrough: true });
    const block = { ...stage.block, resource: one.url };
    await stage.home.configure({ one: entryOf(one), two: passed }, { master_oauth: block });
    await stage.logIn();
    const client = await stage.home.serve();
    for (let times = 0; times < 3; times += 1) {
      expect(await refusalOf(client, 'one')).toBeUndefined();
      const refusal = await refusalOf(client, 'two');
      expect(refusal).toContain("refused the master's token");
      expect(refusal).not.toContain('LOGIN_REQUIRED');
      expect(refusal).not.toContain('oauth_delegation');
    }
    expect(stage.relay.refreshes().length).toBeLessThanOrEqual(1);

    const rows = await listed(stage.home);
    expect(rows).toMatchObject({ one: { state: 'ready' }, two: { state: 'error' } });
    const { code, hint } = rows['two']?.error ?? {};
    expect(code).toBe('UNAUTHORIZED');
    expect(hint).toMatch(/audience[\s\S]*scopes|scopes[\s\S]*audience/);
    expect(hint).toContain('master_oauth');
    expect(hint).not.toContain('auth login --server=two');
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
    expect(await statusOf(stage.home, 'one')).toMatchObject({ state: 'logged_in', next: null });
    // Each process may have renewed it once, and nothing else was sent.
    const issued = stage.relay.exchanges.map((exchange) => exchange.issued?.accessToken);
    expect(issued).toEqual(expect.arrayContaining([...one.tokens(), ...two.tokens()]));
  });

  it('that a server refuses at every call is not renewed for each of them', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage, { audience: 'own', guard: 'calls' });
    const passed = entryOf(two, { allow_passthrough: true });
    const block = { ...stage.block, resource: one.url };
    await stage.home.configure({ one: entryOf(one), two: passed }, { master_oauth: block });
    await stage.logIn();
    const client = await stage.home.serve();
    for (let times = 0; times < 8; times += 1) {
      expect(await refusalOf(client, 'two')).toContain("refused the master's token");
    }
    // Again after five seconds at the earliest, then after ten, and twenty.
    expect(stage.relay.refreshes().length).toBeGreaterThanOrEqual(1);
    expect(stage.relay.refreshes().length).toBeLessThan(4);
    expect(await refusalOf(client, 'one')).toBeUndefined();
  });

  it('made, ended and made again by another process is followed by a serve that runs', async () => {
    const stage = await createMasterStage();
    const { one, two } = await configureThree(stage);
    const client = await stage.home.serve();
    const names = async () => (await client.listTools()).map(({ name }) => String(name));
    expect((await names()).filter((name) => !name.startsWith('open__'))).toEqual(
      expect.not.arrayContaining(['one__echo', 'two__echo']),
    );
    expect(await refusalOf(client, 'one')).toContain(MASTER_LOGIN);

    const first = await stage.logIn();
    await client.waitForNotification('notifications/tools/list_changed');
    for (const name of ['one', 'two']) expect(await refusalOf(client, name)).toBeUndefined();
    expect(await names()).toEqual(expect.arrayContaining(['one__echo', 'open__echo', 'two__echo']));

    expect(await stage.home.run(['auth', 'logout', '--server=master'])).toMatchObject({ code: 0 });
    for (const name of ['one', 'two'])
      expect(await refusalOf(client, name)).toContain(MASTER_LOGIN);
    expect(await refusalOf(client, 'open')).toBeUndefined();

    const second = await stage.logIn();
    for (const name of ['one', 'two']) expect(await refusalOf(client, name)).toBeUndefined();
    expect(second).toBe(newestToken(stage.relay));
    expect([one.tokens(), two.tokens()]).toEqual([
      [first, second],
      [first, second],
    ]);
  });

  it('made by another process answers the next call, also while its server is still connecting', async () => {
    const stage = await createMasterStage();
    const { one } = await configureThree(stage);
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'one')).toContain(MASTER_LOGIN);
    const [reached, released] = [gate<void>(), gate<void>()];
    one.hold(({ body }) => {
      if (!body.includes('"initialize"')) return undefined;
      reached.open();
      return released.opened;
    });
    await stage.logIn();
    await reached.opened;
    const call = refusalOf(client, 'one');
    // A ping is answered after what came before it was taken.
    await client.result('ping');
    released.open();
    expect(await call).toBeUndefined();
  });

  it('may be that of a client of its own, which needs no person: one token for all', async () => {
    const stage = await createMasterStage();
    const { one, two, servers } = await configureThree(stage);
    const { client_id, client_secret } = ROBOT;
    await stage.home.run(['secret', 'set', 'robot'], { input: client_secret });
    const client = { grant: 'client_credentials', client_id, client_secret: 'keyring:robot' };
    const method = { token_endpoint_auth_method: ROBOT.token_endpoint_auth_method };
    const places = { issuer: stage.provider.issuer, token_endpoint: stage.relay.url };
    const block = { ...places, ...client, ...method };
    await stage.home.configure(servers, { master_oauth: block });
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'not_needed', next: null });
    const clients = await Promise.all([stage.home.serve(), stage.home.serve()]);
    const calls = clients.flatMap((each) => ['one', 'two'].map((name) => refusalOf(each, name)));
    expect(await Promise.all(calls)).toEqual([undefined, undefined, undefined, undefined]);
    const token = newestToken(stage.relay);
    expect(stage.relay.exchanges).toMatchObject([{ grant: 'client_credentials', status: 200 }]);
    expect([one.tokens(), two.tokens()]).toEqual([[token], [token]]);
    expect(await statusOf(stage.home, 'one')).toMatchObject({ state: 'logged_in', next: null });

    await stage.provider.expireAccessTokens();
    const again = clients.flatMap((each) => ['one', 'two'].map((name) => refusalOf(each, name)));
    expect(await Promise.all(again)).toEqual([undefined, undefined, undefined, undefined]);
    expect(stage.relay.exchanges).toHaveLength(2);
    expect(two.tokens()).toEqual([token, newestToken(stage.relay)]);
  });

  it('is sent over the deprecated SSE transport, too, and renewed there', async () => {
    const stage = await createMasterStage();
    const server = await untilTestEnds(
      startProtectedServer({
        ...{ authorizationServer: stage.provider, audience: 'any', scopes: [], transport: 'sse' },
      }),
    );
    const entry = { url: server.url.href, auth_strategy: 'master_oauth' };
    await stage.home.configure({ one: entry }, { master_oauth: stage.block });
    const first = await stage.logIn();
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'one')).toBeUndefined();
    await stage.provider.expireAccessTokens();
    expect(await refusalOf(client, 'one')).toBeUndefined();
    const sent = [first, newestToken(stage.relay)].map((token) => `Bearer ${token}`);
    expect(server.authorizations()).toEqual(sent);
    expect(stage.relay.refreshes()).toHaveLength(1);
  });

  it('whose scopes do not suffice for a call stays as good as it was', async () => {
    const stage = await createMasterStage();
    await configureThree(stage);
    await stage.logIn();
    const { code, stderr } = await stage.home.run(['call', 'one', 'erase']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/INSUFFICIENT_SCOPE[\s\S]*`scopes`[\s\S]*master_oauth/);
    expect(stderr).not.toContain('--server=one');
    expect(await listed(stage.home)).toMatchObject(ALL_READY);
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
    expect(stage.relay.refreshes()).toEqual([]);
  });

  it('is of no use to programs on this computer', async () => {
    const stage = await createMasterStage();
    const local = await startBackend('local', 'stdio');
    await stage.home.configure({ local: local.entry }, { master_oauth: stage.block });
    const token = await stage.logIn();
    const client = await stage.home.serve();
    await client.callTool('local__echo', { message: 'x' });
    expect(JSON.stringify(local.lines())).not.toContain(token);
  });
});
