import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond, silence } from '../support/oauth/answers.ts';
import { type AuthHome, createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import {
  type MisbehavingServer,
  onRefresh,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const KEYS = [
  ...['server', 'strategy', 'state', 'store', 'expires_at', 'has_refresh_token', 'scopes'],
  ...['issuer', 'last_used', 'last_error', 'next'],
];
const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

function start(script?: Script): Promise<MisbehavingServer> {
  return untilTestEnds(startMisbehavingAuthorizationServer(script));
}

function entryOf({ url }: MisbehavingServer) {
  return { url: url.href, auth_strategy: 'delegate_oauth' };
}

/** What the stored record of a server has counted. */
async function recordOf(home: AuthHome, server: string): Promise<Record<string, unknown>> {
  const files = [...(await home.files())];
  const [, text] = files.find(([path]) => path.startsWith(`state/records/${server}-`)) ?? [];
  return text === undefined ? {} : JSON.parse(text);
}

describe('auth refresh', () => {
  it('renews a login now, however good its token is, and shows where it stands', async () => {
    const home = await createAuthHome();
    const { provider, server, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const [before] = (await home.json(['auth', 'status'])).value;
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--server=api']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(value).toMatchObject([
      { server: 'api', state: 'logged_in', has_refresh_token: true, last_error: null, next: null },
    ]);
    expect(Object.keys(value[0] ?? {})).toEqual(KEYS);
    const end = (status: object | undefined) => Date.parse(String(Object(status).expires_at));
    expect(end(value[0])).toBeGreaterThan(end(before));
    expect(provider.seen.spent).toHaveLength(1);
    expect(await recordOf(home, 'api')).toMatchObject({ refreshes: 1, refusals: 0 });

    const tokens = new Set(server.authorizations());
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 0 });
    expect(new Set(server.authorizations()).size).toBe(tokens.size + 1);
    const { stdout } = await home.run(['auth', 'refresh', '--server=api']);
    expect(stdout).toMatch(
      /^SERVER +STRATEGY +STATE .*\napi +delegate_oauth +logged in +file +in /,
    );
    expect(provider.seen.spent).toHaveLength(2);
    expect(provider.seen.reused).toEqual([]);
  });

  it('is seen by a program that runs', async () => {
    const home = await createAuthHome();
    const { provider, server, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const client = await home.serve();
    await client.callTool('api__whoami', {});
    await home.run(['auth', 'refresh', '--server=api']);
    await provider.expireAccessTokens();
    await home.run(['auth', 'refresh', '--server=api']);
    await client.callTool('api__whoami', {});
    expect(provider.seen.spent).toHaveLength(2);
    const sent = server.requests.filter(({ authorization }) => authorization !== undefined);
    expect(sent.filter(({ refused }) => refused !== undefined)).toEqual([]);
  });

  it('fails where nobody has logged in, with the command', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--server=api']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error server "api": nobody has logged in .*\(LOGIN_REQUIRED\)$/m);
    expect(stderr).toContain('mcp-master auth login --server=api');
    expect(value).toMatchObject([{ state: 'login_required', store: null }]);
  });

  it('fails where there is no refresh token, and says so', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair({ refreshTokens: 'never' });
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--server=api']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/no refresh token.*\(LOGIN_REQUIRED\)/);
    expect(stderr).toContain('mcp-master auth login --server=api');
    // Its token is as good as before.
    expect(value).toMatchObject([{ state: 'logged_in', has_refresh_token: false }]);
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 0 });
  });

  it('fails for good where the refresh token is refused', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    await provider.forgetRefreshTokens();
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--server=api']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error server "api": .*invalid_grant.*\(LOGIN_REQUIRED\)$/m);
    const next = 'mcp-master auth login --server=api';
    expect(value).toMatchObject([{ state: 'login_required', has_refresh_token: false, next }]);
    expect(value[0]?.['last_error']).toMatch(/^[A-Z_]+: .*invalid_grant/);
    await home.logIn(['api']);
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'logged_in', last_error: null, next: null },
    ]);
  });

  it('keeps the login when the authorization server has a problem, and tells of it until it is over', async () => {
    const home = await createAuthHome();
    const provider = await start({ token: onRefresh(() => respond(503, 'busy')) });
    await home.configure({ api: entryOf(provider) });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--server=api']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/\(REFRESH_FAILED\)$/m);
    const last_error = expect.stringMatching(/^REFRESH_FAILED: .*503/);
    expect(value).toMatchObject([{ state: 'logged_in', last_error, next: null }]);
    expect(await home.keptFiles()).toEqual(before);
    const { stdout } = await home.run(['auth', 'status']);
    expect(stdout).toMatch(/\n\napi REFRESH_FAILED: .*503/);

    provider.script({});
    // Whoever asks for it need not wait for the pause after a failure.
    const again = await home.json(['auth', 'refresh', '--server=api']);
    expect(again).toMatchObject({ code: 0, value: [{ state: 'logged_in', last_error: null }] });
    expect(await recordOf(home, 'api')).toMatchObject({ refreshes: 1 });
  });

  it('renews all logins there are, and exits with 4 when one of them failed', async () => {
    const home = await createAuthHome();
    const [one, two] = [await startPair(), await startPair()];
    const bad = await start({ token: onRefresh(() => respond(400, { error: 'invalid_client' })) });
    const keyed = { url: 'https://keyed.example/mcp', headers: { Authorization: 'Bearer k' } };
    await home.configure({ one: one.entry, keyed, bad: entryOf(bad), two: two.entry });
    const nobody = await home.json(['auth', 'refresh', '--all']);
    expect(nobody).toMatchObject({ code: 0, value: [], stderr: 'There is no login.\n' });

    await home.logIn(['one']);
    expect(await home.json(['auth', 'refresh', '--all'])).toMatchObject({
      ...{ code: 0, value: [{ server: 'one' }], stderr: '' },
    });
    await Promise.all([home.logIn(['two']), home.logIn(['bad'])]);
    const { value, code, stderr } = await home.json(['auth', 'refresh', '--all']);
    expect(code).toBe(4);
    expect(value.map(({ server }) => server)).toEqual(['one', 'bad', 'two']);
    expect(stderr.match(/^error/gm)).toHaveLength(1);
    expect(stderr).toMatch(/^error server "bad": .*invalid_client.*\(REFRESH_FAILED\)$/m);
    expect(one.provider.seen.spent).toHaveLength(2);
    expect(two.provider.seen.spent).toHaveLength(1);
  });

  it.each([
    ['needs a server', [], /no server is named/],
    ['takes a server or all', ['--server=api', '--all'], /contradict/],
    ['needs a server that there is', ['--server=apo'], /Did you mean/],
    ['needs a server that logs in', ['--server=keyed'], /"keyed" needs no login/],
  ])('%s', async (_, flags, said) => {
    const home = await createAuthHome();
    const api = { url: 'https://api.example/mcp', auth_strategy: 'delegate_oauth' };
    const keyed = { url: 'https://keyed.example/mcp', headers: { Authorization: 'Bearer k' } };
    await home.configure({ api, keyed });
    const { code, stdout, stderr } = await home.run(['auth', 'refresh', ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(said);
  });

  it('exits with 5 when the login can not be read', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const OAUTH_ENCRYPTION_KEY = 'another-key-of-more-than-32-characters-1';
    const wrong = await home.run(['auth', 'refresh', '--server=api'], {
      env: { OAUTH_ENCRYPTION_KEY },
    });
    expect(wrong).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('ENCRYPTION_KEY_WRONG'),
    });
    expect(provider.seen.grants('refresh_token')).toEqual([]);
  });

  it('ends on Ctrl-C', async () => {
    const home = await createAuthHome();
    const provider = await start({ token: onRefresh(() => silence()) });
    await home.configure({ api: entryOf(provider) });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    const refresh = startBin(['auth', 'refresh', '--server=api'], {
      home: home.path,
      env: home.env,
    });
    const asked = () => provider.seen.grants('refresh_token').length > 0;
    await waitFor(asked, { what: 'the refresh request' });
    refresh.signal('SIGINT');
    const { code, stderr, stdout } = await refresh.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/interrupted.*\(INTERRUPTED\)/);
    expect(await home.keptFiles()).toEqual(before);
  });
});

describe('auth status', () => {
  it('tells when a login was used last, in words and in JSON, and of what failed since', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const [status] = (await home.json(['auth', 'status'])).value;
    expect(status).toMatchObject({ last_used: expect.stringMatching(ISO), last_error: null });
    const used = Date.parse(String(status?.['last_used']));
    expect(Math.abs(Date.now() - used)).toBeLessThan(30_000);
    const { stdout } = await home.run(['auth', 'status']);
    expect(stdout).toMatch(/ REFRESH {2}LAST USED +SCOPES\n/);
    expect(stdout).toMatch(/ yes +(just now|\d+ seconds ago) +/);

    await provider.expireAccessTokens();
    await provider.forgetRefreshTokens();
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 4 });
    const refused = await home.json(['auth', 'status']);
    const last_error = expect.stringMatching(/^LOGIN_REQUIRED: /);
    expect(refused).toMatchObject({ code: 4, value: [{ state: 'login_required', last_error }] });
    await home.logIn(['api']);
    expect(await home.json(['auth', 'status'])).toMatchObject({
      ...{ code: 0, value: [{ state: 'logged_in', last_error: null }] },
    });
  });

  it('wants a login when the server has refused one, also past its expiry', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair({ refreshTokens: 'never', accessTokenSeconds: 4 });
    await home.configure({ api: entry });
    const { last } = await home.logIn(['api']);
    await provider.expireAccessTokens();
    const { code } = await home.run(['call', 'api', 'whoami']);
    expect(code).toBe(4);
    const end = Date.parse(String(last['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required' },
    ]);
  });
});
