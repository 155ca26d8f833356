import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { gate } from '../support/http/credentials.ts';
import { examine } from '../support/oauth/examine.ts';
import {
  createProxyStage,
  type ProxyStage,
  SOURCE_KEY,
} from '../support/oauth/strategy-proxy-stage.ts';
import {
  listed,
  newestToken,
  refusalOf,
  statusOf,
  untilExpired,
} from '../support/oauth/strategy-stage.ts';
import type { Witness } from '../support/oauth/strategy-witness.ts';

const OWN_LOGIN = 'mcp-master auth login --server=api';
const FROM_ENV = { token_source: 'env:API_TOKEN' };
const FROM_KEYRING = { token_source: 'keyring:api-token' };
const PASSED_ON = { allow_passthrough: true };

/** Runs `list`, and gives the tokens that the server was sent meanwhile. */
async function sentBy({ home, api }: ProxyStage, env: Record<string, string> = {}) {
  const before = api.heard.length;
  const { api: row } = await listed(home, env);
  const headers = api.heard
    .slice(before)
    .flatMap(({ headers: { authorization = [] } }) => authorization);
  const tokens = [...new Set(headers)].map((value) => value.replace(/^Bearer /, ''));
  return { row, tokens };
}

const READY = { state: 'ready' };

function storeKey({ home }: ProxyStage, value = SOURCE_KEY) {
  return home.run(['secret', 'set', 'api-token'], { input: value });
}

describe('proxy_oauth sends', () => {
  it.each([
    ['of the environment', FROM_ENV],
    ['of the .env file', FROM_ENV],
    ['that is stored', FROM_KEYRING],
  ])('first the token %s that token_source names', async (where, source) => {
    const env = where === 'of the environment' ? { API_TOKEN: SOURCE_KEY } : {};
    const stage = await createProxyStage(env);
    if (where === 'of the .env file') {
      await writeFile(join(stage.home.path, '.env'), `API_TOKEN=${SOURCE_KEY}\n`, { mode: 0o600 });
    }
    if (source === FROM_KEYRING) await storeKey(stage);
    await stage.configure({ ...source, ...PASSED_ON });
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [SOURCE_KEY] });

    // It comes before every login that there is.
    await stage.configure(PASSED_ON);
    const own = await stage.logInToServer();
    const master = await stage.logIn();
    await stage.configure({ ...source, ...PASSED_ON });
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [SOURCE_KEY] });
    const client = await stage.home.serve({ args: ['--log-level=debug'] });
    expect(await refusalOf(client, 'api')).toBeUndefined();
    expect(stage.api.tokens()).toEqual([SOURCE_KEY, own]);
    expect(stage.api.hasSeen(master)).toBe(false);
    expect(client.stderr).not.toContain(SOURCE_KEY);
    for (const [file, text] of await stage.home.files()) {
      if (file !== '.env') expect(text).not.toContain(SOURCE_KEY);
    }
  });

  it.each([
    ['is not set', FROM_ENV, {}],
    ['is empty', FROM_ENV, { API_TOKEN: '' }],
    ['is not stored', FROM_KEYRING, {}],
    ['is not given', {}, {}],
  ])('then the own login of the server, where token_source %s', async (_, source, env) => {
    const stage = await createProxyStage(env);
    await stage.configure({ ...source, ...PASSED_ON });
    const master = await stage.logIn();
    const own = await stage.logInToServer();
    expect(await stage.own.check(own)).toMatchObject({ audience: stage.api.url });
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [own] });
    const given = { MCP_MASTER_TOKEN: await stage.issue() };
    expect(await sentBy(stage, given)).toMatchObject({ row: READY, tokens: [own] });
    expect(stage.api.hasSeen(master)).toBe(false);
    expect(await statusOf(stage.home, 'api')).toMatchObject({
      ...{ strategy: 'proxy_oauth', state: 'logged_in', issuer: stage.own.issuer, next: null },
    });
  });

  it("then the master's token, where allow_passthrough is true", async () => {
    const stage = await createProxyStage();
    await stage.configure({ ...FROM_ENV, ...PASSED_ON });
    const given = { MCP_MASTER_TOKEN: await stage.issue() };
    const before = await sentBy(stage, given);
    expect(before).toMatchObject({ row: READY, tokens: [given.MCP_MASTER_TOKEN] });
    const master = await stage.logIn();
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [master] });
    expect(stage.own.seen.at('token')).toEqual([]);
    // A login of its own comes first as soon as there is one.
    const own = await stage.logInToServer();
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [own] });
    await stage.home.run(['auth', 'logout', '--server=api']);
    expect(await sentBy(stage)).toMatchObject({ row: READY, tokens: [master] });
  });

  it.each([
    ['true', PASSED_ON, 'the token of the master'],
    ['not written', {}, 'nothing'],
  ])(
    'in place of an own login that has expired for good, with allow_passthrough %s (%j): %s',
    async (_, settings, sent) => {
      const ending = { accessTokenSeconds: 3, refreshTokens: 'never' } as const;
      const stage = await createProxyStage({}, ['own', 'master'], ending);
      await stage.configure(settings);
      await stage.logInToServer();
      const master = await stage.logIn();
      await untilExpired(stage.home, 'api');
      const { row, tokens } = await sentBy(stage);
      const isPassed = sent !== 'nothing';
      expect(row).toMatchObject({ state: isPassed ? 'ready' : 'login_required' });
      expect(tokens).toEqual(isPassed ? [master] : []);
      const status = await statusOf(stage.home, 'api');
      expect(status).toMatchObject(
        isPassed ? { state: 'not_needed', next: null } : { state: 'expired', next: OWN_LOGIN },
      );
    },
  );

  it.each([
    ['false', { allow_passthrough: false }, 'with'],
    ['not written', {}, 'with'],
    ['true', PASSED_ON, 'without'],
  ])(
    'at last nothing, and asks for its own login: allow_passthrough is %s (%j), %s a token of the master',
    async (_, settings, which) => {
      const stage = await createProxyStage();
      await stage.configure({ ...FROM_ENV, ...settings });
      const env: Record<string, string> = {};
      if (which === 'with') {
        await stage.logIn();
        env['MCP_MASTER_TOKEN'] = await stage.issue();
      }
      const error = { code: 'LOGIN_REQUIRED', hint: expect.stringContaining(OWN_LOGIN) };
      const { row, tokens } = await sentBy(stage, env);
      expect(row).toMatchObject({ state: 'login_required', error });
      expect(row?.error?.hint).not.toContain('--server=master');
      expect(tokens).toEqual([]);
      const client = await stage.home.serve({ env });
      expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
      expect(stage.api.tokens()).toEqual([]);
      const status = await statusOf(stage.home, 'api', env);
      expect(status).toMatchObject({ state: 'login_required', next: OWN_LOGIN });
      const { code, findings } = await examine(stage.home, [], env);
      expect({ code, text: JSON.stringify(findings) }).toEqual({
        ...{ code: 1, text: expect.stringContaining(OWN_LOGIN) },
      });
    },
  );
});

/** Holds the first tool call with a token, until it is let go. */
function holdFirst(server: Witness, token: string) {
  const [reached, released] = [gate<void>(), gate<void>()];
  let isFirst = true;
  server.hold(({ headers, body }) => {
    const isMeant = headers.authorization === `Bearer ${token}` && body.includes('"tools/call"');
    if (!(isFirst && isMeant)) return undefined;
    isFirst = false;
    reached.open();
    return released.opened;
  });
  return { reached: reached.opened, release: () => released.open() };
}

describe('proxy_oauth whose token is refused (401)', () => {
  it.each([
    ['env:API_TOKEN', FROM_ENV],
    ['keyring:api-token', FROM_KEYRING],
  ])('names the token_source %s, and sends nothing else', async (name, source) => {
    const stage = await createProxyStage({}, ['own', 'master']);
    await stage.configure(PASSED_ON);
    const own = await stage.logInToServer();
    const master = await stage.logIn();
    await storeKey(stage, 'a-stale-key');
    await stage.configure({ ...source, ...PASSED_ON });
    const env = { API_TOKEN: 'a-stale-key' };
    const { row, tokens } = await sentBy(stage, env);
    expect(row).toMatchObject({ state: 'error', error: { code: 'UNAUTHORIZED' } });
    expect(`${row?.error?.message} ${row?.error?.hint}`).toContain(name);
    expect(JSON.stringify(row)).not.toContain('a-stale-key');
    expect(tokens).toEqual(['a-stale-key']);
    const client = await stage.home.serve({ env });
    const refusal = await refusalOf(client, 'api');
    expect(refusal).toContain(`refused the token of ${name}`);
    expect(stage.api.tokens()).toEqual([own, 'a-stale-key']);
    expect(stage.api.hasSeen(master)).toBe(false);
    expect(stage.own.seen.grants('refresh_token')).toEqual([]);
    expect(stage.relay.refreshes()).toEqual([]);
  });

  it('renews the own login of the server once, and the call is answered', async () => {
    const stage = await createProxyStage();
    await stage.configure(PASSED_ON);
    const first = await stage.logInToServer();
    const master = await stage.logIn();
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'api')).toBeUndefined();
    await stage.own.expireAccessTokens();
    const answers = await Promise.all([refusalOf(client, 'api'), refusalOf(client, 'api')]);
    expect(answers).toEqual([undefined, undefined]);
    expect(stage.own.seen.spent).toHaveLength(1);
    expect(stage.own.seen.reused).toEqual([]);
    expect(stage.api.tokens()).toEqual([first, expect.not.stringMatching(master)]);
    expect(stage.relay.refreshes()).toEqual([]);
  });

  it('asks for the own login of the server when that has ended, and does not turn to the master', async () => {
    const stage = await createProxyStage();
    await stage.configure(PASSED_ON);
    const own = await stage.logInToServer();
    const master = await stage.logIn();
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'api')).toBeUndefined();
    await stage.own.expireAccessTokens();
    await stage.own.forgetRefreshTokens();
    for (let times = 0; times < 2; times += 1) {
      expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
    }
    expect(stage.own.seen.grants('refresh_token')).toHaveLength(1);
    expect(stage.api.tokens()).toEqual([own]);
    expect(stage.api.hasSeen(master)).toBe(false);
  });

  it("renews the master's login that was passed on, also for a call whose refusal comes late", async () => {
    const stage = await createProxyStage();
    await stage.configure(PASSED_ON);
    const first = await stage.logIn();
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'api')).toBeUndefined();
    await stage.provider.expireAccessTokens();
    const late = holdFirst(stage.api, first);
    const slow = refusalOf(client, 'api');
    await late.reached;
    expect(await refusalOf(client, 'api')).toBeUndefined();
    late.release();
    expect(await slow).toBeUndefined();
    expect(stage.relay.refreshes()).toHaveLength(1);
    expect(stage.api.tokens()).toEqual([first, newestToken(stage.relay)]);
  });

  it("renews the master's login at most once where that was passed on, and has no loop", async () => {
    const stage = await createProxyStage({}, ['own']);
    await stage.configure(PASSED_ON);
    const master = await stage.logIn();
    const client = await stage.home.serve();
    for (let times = 0; times < 3; times += 1) {
      expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
    }
    expect(stage.relay.refreshes().length).toBeLessThanOrEqual(1);
    expect(stage.api.tokens()[0]).toBe(master);
    expect(await statusOf(stage.home, 'master')).toMatchObject({ state: 'logged_in', next: null });
  });
});

describe('while serve runs, proxy_oauth follows', () => {
  it('a secret that is stored, changed and deleted', async () => {
    const stage = await createProxyStage();
    await stage.configure(FROM_KEYRING);
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
    await storeKey(stage, SOURCE_KEY);
    const answered = async () => (await refusalOf(client, 'api')) === undefined;
    await waitFor(answered, { what: 'an answer with the stored token' });
    expect(stage.api.tokens()).toEqual([SOURCE_KEY]);
    await stage.home.run(['secret', 'delete', 'api-token']);
    await waitFor(async () => !(await answered()), { what: 'the end of the stored token' });
    expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
  });

  it.each(['api', 'master'])('a login of %s that is made and ended elsewhere', async (which) => {
    const stage = await createProxyStage();
    await stage.configure(PASSED_ON);
    const client = await stage.home.serve();
    expect(await client.listTools()).not.toContainEqual(
      expect.objectContaining({ name: 'api__echo' }),
    );
    expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
    const token = which === 'api' ? await stage.logInToServer() : await stage.logIn();
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await refusalOf(client, 'api')).toBeUndefined();
    expect(stage.api.tokens()).toEqual([token]);
    if (which === 'master') expect(token).toBe(newestToken(stage.relay));
    await stage.home.run(['auth', 'logout', `--server=${which}`]);
    expect(await refusalOf(client, 'api')).toContain(OWN_LOGIN);
  });

  it("the better login when it comes: its own after the master's", async () => {
    const stage = await createProxyStage();
    await stage.configure(PASSED_ON);
    const master = await stage.logIn();
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'api')).toBeUndefined();
    const own = await stage.logInToServer();
    const before = stage.api.heard.length;
    await waitFor(
      async () => {
        expect(await refusalOf(client, 'api')).toBeUndefined();
        return stage.api.heard
          .slice(before)
          .some(({ headers }) => headers.authorization === `Bearer ${own}`);
      },
      { what: 'a call with its own login' },
    );
    expect(stage.api.tokens()).toEqual([master, own]);
  });
});
