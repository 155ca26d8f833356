import { describe, expect, it, vi } from 'vitest';
import { Authenticator } from '../../../src/auth/authenticator.ts';
import type { AuthConfig, ServerConfig } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
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
  const refresh = vi.fn(async () => ({ ...someLogin().tokens, accessToken: 'access-2' }));
  const commandFlags = profile && ` --profile=${profile}`;
  const owner = { profile, home: '', commandFlags };
  const { log } = memoryLog();
  const deps = { ...{ logins: world.logins, challenges, refresh, owner, log }, now: () => 0 };
  return { ...world, challenges, refresh, authenticator: new Authenticator(deps) };
}

const DELEGATE: AuthConfig = { strategy: 'delegate_oauth', oauth: {} };

async function logIn(world: ReturnType<typeof create>, server: ServerConfig) {
  const key = world.authenticator.loginKey(server);
  if (key === undefined) throw new Error('this server has no login');
  await world.logins.save(key, someLogin());
  return key;
}

describe('Authenticator', () => {
  it.each<[string, AuthConfig]>([
    ['bypass_auth', { strategy: 'bypass_auth' }],
    ['headers', { strategy: 'headers' }],
    ['api_key', { strategy: 'api_key', header: 'X-Key', template: '{key}', key: 'k' }],
  ])('has no login for %s, and asks no store', async (_, auth) => {
    const { authenticator, keychain } = create();
    const { server, endpoint } = remote(auth, { headers: { 'X-Team': 'core' } });
    expect(authenticator.loginKey(server)).toBeUndefined();
    const headers = await authenticator.forServer(server, endpoint).headers();
    expect(headers).toHaveProperty('X-Team', 'core');
    expect(headers).not.toHaveProperty('Authorization');
    expect(keychain.calls).toBe(0);
  });

  it('sends the token of the login beside the own headers', async () => {
    const world = create();
    const { server, endpoint } = remote(DELEGATE, { headers: { 'X-Team': 'core' } });
    await logIn(world, server);
    expect(await world.authenticator.forServer(server, endpoint).headers()).toEqual({
      'X-Team': 'core',
      Authorization: 'Bearer access-1',
    });
  });

  it('needs a login for delegate_oauth, and names the command with the profile', async () => {
    const { authenticator } = create('work');
    const { server, endpoint } = remote(DELEGATE);
    await expect(authenticator.forServer(server, endpoint).headers()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      hint: 'Log in: mcp-master auth login --server=x --profile=work',
    });
  });

  it('goes without a token where none is known to be needed, and with one after a login', async () => {
    const world = create();
    const { server, endpoint } = remote({ strategy: 'detect' });
    const auth = world.authenticator.forServer(server, endpoint);
    expect(await auth.headers()).toEqual({});
    await logIn(world, server);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer access-1' });
  });

  it('has no login beside a credential of the configuration', () => {
    const { server } = remote({ strategy: 'detect' }, { headers: { Authorization: 'Basic abc' } });
    expect(create().authenticator.loginKey(server)).toBeUndefined();
  });

  it('sends no stored token over http to another computer', async () => {
    const world = create();
    const { server, endpoint } = remote({ strategy: 'detect' }, { url: 'http://x.example/mcp' });
    await logIn(world, server);
    await expect(world.authenticator.forServer(server, endpoint).headers()).rejects.toMatchObject({
      code: 'INSECURE_URL',
    });
  });

  it('remembers what a 401 or an insufficient scope demands, and nothing else', async () => {
    const { authenticator, challenges } = create();
    const { server, endpoint } = remote(DELEGATE);
    const key = authenticator.loginKey(server);
    const auth = authenticator.forServer(server, endpoint);
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
    const auth = world.authenticator.forServer(server, endpoint);
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
    const explain = (error: McpMasterError) => world.authenticator.explain(server, error);
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
    expect(world.authenticator.explain(remote({ strategy: 'headers' }).server, refusal)).toBe(
      refusal,
    );
  });
});
