import { describe, expect, it, vi } from 'vitest';
import { MultiAuthManager } from '../../../src/auth/multi-auth-manager.ts';
import type { AuthDeps } from '../../../src/auth/server-auth.ts';
import type { AuthConfig, ServerConfig } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import type { LoginTarget } from '../../../src/oauth/login-target.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { noMaster } from '../../support/no-master.ts';
import { serverConfig } from '../../support/server-config.ts';
import { memoryLogins, someLogin } from '../../support/stored-login.ts';

function remote(auth: AuthConfig, more: { url?: string; headers?: Record<string, string> } = {}) {
  const endpoint = {
    ...{ kind: 'http' as const, url: 'https://x.example/mcp', headers: {}, sseReadTimeout: 300 },
    ...{ auth, ...more },
  };
  return { server: serverConfig({ name: 'x', endpoint }), endpoint };
}

function create(profile = '') {
  const world = memoryLogins();
  const warnings: string[] = [];
  const challenges = new ChallengeRecords(world.files, (message) => void warnings.push(message));
  const clock = { now: 0 };
  const renew = vi.fn(async () => ({ ...someLogin().tokens, accessToken: 'access-2' }));
  const obtain = vi.fn(async (_: LoginTarget) => someLogin());
  const journal = {
    ...{ used: vi.fn(), refreshed: vi.fn(), refused: vi.fn() },
    ...{ failed: vi.fn(), succeeded: vi.fn() },
  };
  const commandFlags = profile && ` --profile=${profile}`;
  const owner = { profile, home: '', commandFlags };
  const { log } = memoryLog();
  const deps: AuthDeps = {
    ...noMaster(),
    ...{ logins: world.logins, challenges, journal, renew, obtain, owner, log },
    revoke: async () => true,
    now: () => clock.now,
  };
  const manager = new MultiAuthManager().attach(deps);
  return { ...world, clock, challenges, journal, renew, obtain, manager };
}

const DELEGATE: AuthConfig = { strategy: 'delegate_oauth', oauth: {} };

async function logIn(world: ReturnType<typeof create>, server: ServerConfig) {
  const key = world.manager.loginKey(server);
  if (key === undefined) throw new Error('this server has no login');
  await world.logins.save(key, someLogin());
  return key;
}

describe('ServerAuth', () => {
  it.each<[string, AuthConfig]>([
    ['bypass_auth', { strategy: 'bypass_auth' }],
    ['headers', { strategy: 'headers' }],
    ['api_key', { strategy: 'api_key', header: 'X-Key', template: '{key}', key: 'k' }],
  ])('has no login for %s, and asks no store', async (_, auth) => {
    const { manager, keychain } = create();
    const { server, endpoint } = remote(auth, { headers: { 'X-Team': 'core' } });
    expect(manager.loginKey(server)).toBeUndefined();
    const headers = await manager.forServer(server, endpoint).headers();
    expect(headers).toHaveProperty('X-Team', 'core');
    expect(headers).not.toHaveProperty('Authorization');
    expect(keychain.calls).toBe(0);
  });

  it('sends the token of the login beside the own headers', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE, { headers: { 'X-Team': 'core' } });
    await logIn(world, server);
    expect(await world.manager.forServer(server, endpoint).headers()).toEqual({
      'X-Team': 'core',
      Authorization: 'Bearer access-1',
    });
  });

  it('needs a login for delegate_oauth, and names the command with the profile', async () => {
    const { manager } = create('work');
    const { server, endpoint } = remote(DELEGATE);
    await expect(manager.forServer(server, endpoint).headers()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      hint: 'Log in: mcp-master auth login --server=x --profile=work',
    });
  });

  it('goes without a token where none is known to be needed, and with one after a login', async () => {
    const world = create();
    const { server, endpoint } = remote({ strategy: 'detect' });
    const auth = world.manager.forServer(server, endpoint);
    expect(await auth.headers()).toEqual({});
    await logIn(world, server);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer access-1' });
  });

  it('has no login beside a credential of the configuration', () => {
    const { server } = remote({ strategy: 'detect' }, { headers: { Authorization: 'Basic abc' } });
    expect(create().manager.loginKey(server)).toBeUndefined();
  });

  it('sends no stored token over http to another computer', async () => {
    const world = create();
    const { server, endpoint } = remote({ strategy: 'detect' }, { url: 'http://x.example/mcp' });
    await logIn(world, server);
    await expect(world.manager.forServer(server, endpoint).headers()).rejects.toMatchObject({
      code: 'INSECURE_URL',
    });
  });

  it('remembers what a 401 or an insufficient scope demands, and nothing else', async () => {
    const { manager, challenges } = create();
    const { server, endpoint } = remote(DELEGATE);
    const key = manager.loginKey(server);
    const auth = manager.forServer(server, endpoint);
    auth.onRefusal(403, { 'www-authenticate': 'Bearer error="access_denied"' });
    auth.onRefusal(500, { 'www-authenticate': 'Bearer scope="no"' });
    expect(challenges.has(key?.file ?? '')).toBe(false);
    auth.onRefusal(401, {});
    expect(challenges.get(key?.file ?? '')).toEqual({});
    auth.onRefusal(403, {
      'www-authenticate': 'Bearer error="insufficient_scope", scope="read write"',
    });
    const wider = { error: 'insufficient_scope', scopes: ['read', 'write'] };
    expect(challenges.get(key?.file ?? '')).toEqual(wider);
    // A plain 401 after that does not make anybody forget the wider scope.
    auth.onRefusal(401, {});
    auth.onConnected();
    expect(challenges.get(key?.file ?? '')).toEqual(wider);
  });

  it('forgets a 401 when the server takes the login after all', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE);
    const { file } = await logIn(world, server);
    const auth = world.manager.forServer(server, endpoint);
    auth.onRefusal(401, {});
    expect(world.challenges.has(file)).toBe(true);
    auth.onConnected();
    await world.challenges.flush();
    expect(world.challenges.has(file)).toBe(false);
  });

  it('explains refusals as logins that are needed, refused, or too narrow', async () => {
    const world = create();
    const { server } = remote(DELEGATE);
    const refusal = new McpMasterError('UNAUTHORIZED', 'it answered 401', { status: 401 });
    const explain = (error: McpMasterError) => world.manager.explain(server, error);
    expect(explain(refusal)).toMatchObject({
      code: 'LOGIN_REQUIRED',
      message: expect.stringContaining('needs a login'),
    });
    await logIn(world, server);
    expect(explain(refusal).message).toContain('refused the login that is stored');
    expect(explain(new McpMasterError('INSUFFICIENT_SCOPE', 'scope write'))).toMatchObject({
      code: 'INSUFFICIENT_SCOPE',
      hint: expect.stringContaining('mcp-master auth login --server=x'),
    });
    const other = new McpMasterError('BACKEND_TIMEOUT', 'slow');
    expect(explain(other)).toBe(other);
    expect(world.manager.explain(remote({ strategy: 'headers' }).server, refusal)).toMatchObject({
      code: 'UNAUTHORIZED',
      message: 'it refused the credential of the configuration: it answered 401',
      hint: expect.stringContaining('mcp-master secret set'),
    });
  });

  it('tells what was sent when a login is refused, but not the token', async () => {
    const world = create();
    const { server } = remote(DELEGATE);
    await logIn(world, server);
    const refusal = new McpMasterError('UNAUTHORIZED', 'answered 401: invalid_token', {
      status: 401,
    });
    const { message } = world.manager.explain(server, refusal);
    expect(message).toBe(
      'it refused the login that is stored: answered 401: invalid_token; sent was an access token of https://as.example with the scopes read, good until 1970-01-01T01:00:00Z',
    );
  });

  it('asks nobody to log in when a refused token only can not be renewed at the moment', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE);
    const { file } = await logIn(world, server);
    world.renew.mockRejectedValueOnce(new McpMasterError('REFRESH_FAILED', 'the network is down'));
    const auth = world.manager.forServer(server, endpoint);
    expect(await auth.onUnauthorized(await auth.headers())).toBe(false);
    auth.onRefusal(401, {});
    const refusal = new McpMasterError('UNAUTHORIZED', 'answered 401', { status: 401 });
    expect(world.manager.explain(server, refusal)).toMatchObject({
      code: 'REFRESH_FAILED',
      message:
        'it refused the token, which can not be renewed now: the network is down (answered 401)',
    });
    expect(world.challenges.has(file)).toBe(false);
    world.clock.now += 1000;
    expect(await auth.onUnauthorized(await auth.headers())).toBe(true);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer access-2' });
  });

  it('forgets a 401 when the token has been renewed', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE);
    const { file } = await logIn(world, server);
    const auth = world.manager.forServer(server, endpoint);
    auth.onRefusal(401, {});
    await world.manager.renewNow(server, endpoint);
    await world.challenges.flush();
    expect(world.challenges.has(file)).toBe(false);
  });

  it('notes a rejected refresh token as a login that is needed, but not a plain expiry', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE);
    const { file } = await logIn(world, server);
    world.clock.now = 3_600_000;
    world.renew.mockRejectedValue(new McpMasterError('REFRESH_REJECTED', 'invalid_grant'));
    const auth = world.manager.forServer(server, endpoint);
    await expect(auth.headers()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    expect(world.challenges.has(file)).toBe(true);
    await world.challenges.clear(file);
    await expect(auth.headers()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    expect(world.challenges.has(file)).toBe(false);
  });

  it('keeps the books: each use, each 401 once, renewals, failures and their end', async () => {
    const world = create();
    const { journal } = world;
    const { server, endpoint } = remote(DELEGATE);
    const { file } = await logIn(world, server);
    expect(world.manager.recordName(server)).toBe(file);
    const auth = world.manager.forServer(server, endpoint);
    const sent = await auth.headers();
    expect(await auth.onUnauthorized(sent)).toBe(true);
    const again = await auth.headers();
    expect(await auth.onUnauthorized(again)).toBe(false);
    auth.onRefusal(401, {});
    const refusal = new McpMasterError('UNAUTHORIZED', 'answered 401', { status: 401 });
    world.manager.explain(server, refusal);
    auth.onConnected();
    expect(journal.used.mock.calls).toEqual([[file], [file]]);
    expect(journal.refused.mock.calls).toEqual([[file], [file]]);
    expect(journal.refreshed.mock.calls).toEqual([[file]]);
    expect(journal.failed.mock.calls).toEqual([
      [file, expect.objectContaining({ code: 'LOGIN_REQUIRED' })],
    ]);
    expect(journal.succeeded.mock.calls).toEqual([[file]]);
  });

  it('keeps books on static credentials, too, and none on programs', async () => {
    const { manager, journal } = create();
    const { server, endpoint } = remote({ strategy: 'headers' }, { headers: { 'X-Key': 'k' } });
    const auth = manager.forServer(server, endpoint);
    await auth.headers();
    expect(await auth.onUnauthorized({ 'X-Key': 'k' })).toBe(false);
    auth.onRefusal(401, {});
    const name = manager.recordName(server);
    expect(name).toMatch(/^x-[0-9a-f]{12}$/);
    expect(journal.used.mock.calls).toEqual([[name]]);
    expect(journal.refused.mock.calls).toEqual([[name]]);
    const stdio = { kind: 'stdio' as const, command: 'x', args: [], env: {}, cwd: undefined };
    expect(manager.recordName(serverConfig({ name: 'y', endpoint: stdio }))).toBeUndefined();
  });

  it('gets a token without a person where the grant needs none, and asks for no login', async () => {
    const world = create();
    const oauth = { grant: 'client_credentials' as const, clientId: 'c', clientSecret: 's' };
    const { server, endpoint } = remote({ strategy: 'delegate_oauth', oauth });
    const auth = world.manager.forServer(server, endpoint);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer access-1' });
    expect(world.obtain.mock.calls[0]?.[0]).toMatchObject({ settings: oauth });
    const refusal = new McpMasterError('UNAUTHORIZED', 'answered 401', { status: 401 });
    expect(world.manager.explain(server, refusal)).toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining('client_id'),
    });
  });
});
