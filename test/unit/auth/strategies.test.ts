import { describe, expect, it, vi } from 'vitest';
import { MultiAuthManager } from '../../../src/auth/multi-auth-manager.ts';
import type { MasterSettings } from '../../../src/auth/strategies.ts';
import type { AuthConfig, RemoteEndpoint } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import type { LoginKey } from '../../../src/oauth/store/login-key.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { noMaster } from '../../support/no-master.ts';
import { serverConfig } from '../../support/server-config.ts';
import { memoryLogins, someLogin } from '../../support/stored-login.ts';

const MASTER_SETTINGS = { issuer: 'https://login.example', clientId: 'c' };

interface World {
  masterToken?: string;
  master?: MasterSettings;
  masterOauth?: typeof MASTER_SETTINGS;
  variables?: Record<string, string>;
  register?: (manager: MultiAuthManager) => void;
}

function create({ masterToken = '', master, masterOauth, variables = {}, register }: World = {}) {
  const world = memoryLogins();
  const challenges = new ChallengeRecords(world.files, () => undefined);
  const renew = vi.fn(async () => ({ ...someLogin().tokens, accessToken: 'renewed' }));
  const noted = { ...{ used: vi.fn(), refreshed: vi.fn(), refused: vi.fn() } };
  const brought = new MultiAuthManager(master);
  register?.(brought);
  const manager = brought.attach({
    ...noMaster(),
    ...{ logins: world.logins, challenges, renew, masterToken, masterOauth },
    journal: { ...noted, failed: vi.fn(), succeeded: vi.fn() },
    ...{ revoke: async () => true, obtain: async () => someLogin(), now: () => 0 },
    lookup: (name) => variables[name],
    owner: { profile: '', home: '', commandFlags: '' },
    log: memoryLog().log,
  });
  const server = (name: string, auth: AuthConfig, more: Partial<RemoteEndpoint> = {}) => {
    const endpoint: RemoteEndpoint = {
      ...{ kind: 'http', url: `https://${name}.example/mcp`, headers: {}, sseReadTimeout: 300 },
      ...{ auth, ...more },
    };
    const config = serverConfig({ name, endpoint });
    return { config, auth: manager.forServer(config, endpoint) };
  };
  const logIn = async (key: LoginKey | undefined, accessToken: string) => {
    if (key === undefined) throw new Error('there is no login');
    const tokens = { ...someLogin().tokens, accessToken };
    await world.logins.save(key, someLogin({ server: key.server, tokens }));
  };
  return { manager, challenges, renew, server, logIn };
}

const MASTER: AuthConfig = { strategy: 'master_oauth', oauth: {} };
const proxy = (oauth = {}): AuthConfig => ({ strategy: 'proxy_oauth', oauth });
const refusal = () => new McpMasterError('UNAUTHORIZED', 'it answered 401', { status: 401 });

describe('master_oauth', () => {
  it('sends the token that comes from outside, before that of a login', async () => {
    const { server, manager } = create({ masterToken: 'outer', masterOauth: MASTER_SETTINGS });
    const { config, auth } = server('a', MASTER);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer outer' });
    expect(manager.loginKey(config)).toBeUndefined();
    expect(manager.explain(config, refusal())).toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining('MCP_MASTER_TOKEN'),
    });
  });

  it("sends the token of the master's login, the same to all that name it", async () => {
    const { server, manager, logIn } = create({ masterOauth: MASTER_SETTINGS });
    const [a, b] = [server('a', MASTER), server('b', MASTER)];
    expect(manager.loginKey(a.config)).toEqual(manager.loginKey(b.config));
    await expect(a.auth.headers()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      hint: 'Log in: mcp-master auth login --server=master',
    });
    await logIn(manager.loginKey(a.config), 'master-1');
    for (const { auth } of [a, b]) {
      expect(await auth.headers()).toEqual({ Authorization: 'Bearer master-1' });
    }
  });

  it('is no reason for another login when one server refuses it', async () => {
    const { server, manager, logIn, challenges } = create({ masterOauth: MASTER_SETTINGS });
    const { config, auth } = server('a', MASTER);
    const key = manager.loginKey(config);
    await logIn(key, 'master-1');
    auth.onRefusal(401, { 'www-authenticate': 'Bearer error="invalid_token"' }, 'tools/call');
    expect(challenges.has(key?.file ?? '')).toBe(false);
    expect(manager.explain(config, refusal())).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining("it refused the master's token"),
    });
  });

  it('says what to do where there is neither a token nor a login to be had', async () => {
    const { server } = create();
    await expect(server('a', MASTER).auth.headers()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      hint: expect.stringMatching(/MCP_MASTER_TOKEN.*--server=master/),
    });
  });

  it('takes settings of its own in place of the configuration', () => {
    const master = { issuer: 'https://other.example', client_id: 'own' };
    const { server, manager } = create({ master, masterOauth: MASTER_SETTINGS });
    const target = manager.loginTarget(server('a', MASTER).config, {
      ...{ kind: 'http', url: 'https://a.example/mcp', headers: {}, sseReadTimeout: 300 },
      auth: MASTER,
    });
    expect(target?.settings).toMatchObject({ issuer: 'https://other.example', clientId: 'own' });
    expect(target?.url).toBeUndefined();
  });
});

describe('proxy_oauth', () => {
  const variables = { TOKEN: 'from-outside', EMPTY: '' };

  it('sends the token of its source, and tells which one was refused', async () => {
    const { server, manager } = create({ variables, masterToken: 'outer' });
    const { config, auth } = server(
      'a',
      proxy({ tokenSource: 'env:TOKEN', allowPassthrough: true }),
    );
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer from-outside' });
    expect(manager.loginKey(config)).toBeUndefined();
    expect(manager.explain(config, refusal()).message).toContain('the token of env:TOKEN');
  });

  it.each(['env:EMPTY', 'env:UNSET', 'keyring:none'])('goes on without one: %s', async (source) => {
    const { server, manager, logIn } = create({ variables });
    const { config, auth } = server('a', proxy({ tokenSource: source }));
    await expect(auth.headers()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    await logIn(manager.loginKey(config), 'own-1');
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer own-1' });
  });

  it("passes the master's token on where it may, and has none of its own", async () => {
    const { server, manager, logIn } = create({ masterToken: 'outer' });
    const allowed = server('a', proxy({ allowPassthrough: true }));
    const refused = server('b', proxy());
    expect(await allowed.auth.headers()).toEqual({ Authorization: 'Bearer outer' });
    await expect(refused.auth.headers()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    await logIn(manager.loginKey(allowed.config), 'own-1');
    expect(await allowed.auth.headers()).toEqual({ Authorization: 'Bearer own-1' });
  });

  it("renews the master's login when the token that was passed on is refused", async () => {
    const { server, manager, logIn, renew } = create({ masterOauth: MASTER_SETTINGS });
    const { config, auth } = server('a', proxy({ allowPassthrough: true }));
    const [, master] = manager.loginKeys(config);
    await logIn(master, 'master-1');
    const sent = await auth.headers();
    expect(sent).toEqual({ Authorization: 'Bearer master-1' });
    expect(await auth.onUnauthorized(sent)).toBe(true);
    expect(renew).toHaveBeenCalledTimes(1);
    expect(await auth.headers()).toEqual({ Authorization: 'Bearer renewed' });
    // A refusal of the old one that comes late.
    expect(await auth.onUnauthorized(sent)).toBe(true);
    expect(renew).toHaveBeenCalledTimes(1);
  });
});

describe('a strategy that is registered', () => {
  it('takes the place of the configured one', async () => {
    const { server } = create({
      register: (manager) => {
        manager.registerServerAuth('a', 'api_key', { header: 'X-Key', key: 'secret-key-1' });
      },
    });
    const own = { headers: { 'X-Team': 'core' } };
    const { auth } = server('a', { strategy: 'delegate_oauth', oauth: {} }, own);
    expect(await auth.headers()).toEqual({ 'X-Team': 'core', 'X-Key': 'secret-key-1' });
    const other = server('b', { strategy: 'bypass_auth' });
    expect(await other.auth.headers()).toEqual({});
  });

  it('may be of your own: asked for each request, and after a 401', async () => {
    let turn = 0;
    const onUnauthorized = vi.fn(() => turn < 2);
    const { server, manager } = create({
      register: (own) => {
        const headers = () => ({ 'X-Turn': String(++turn) });
        own.registerServerAuth('a', { headers, onUnauthorized });
      },
    });
    const { auth, config } = server('a', { strategy: 'detect' }, { headers: { 'X-Team': 'core' } });
    expect(await auth.headers()).toEqual({ 'X-Team': 'core', 'X-Turn': '1' });
    expect(await auth.onUnauthorized({})).toBe(true);
    expect(onUnauthorized).toHaveBeenCalledWith({ server: 'a', url: 'https://a.example/mcp' });
    await auth.headers();
    expect(await auth.onUnauthorized({})).toBe(false);
    expect(manager.loginKey(config)).toBeUndefined();
    const error = refusal();
    expect(manager.explain(config, error)).toBe(error);
  });

  it('is checked when the manager is attached', () => {
    expect(() =>
      create({ register: (manager) => manager.registerServerAuth('a', 'api_key', {}) }),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('what a program brings', () => {
  it("keeps the master's token from a server that its resource does not cover", async () => {
    const master = { issuer: 'https://login.example', resource: 'https://a.example/mcp' };
    const { server } = create({
      ...{ master, masterToken: 'outer' },
      register: (manager) => void manager.registerServerAuth('b', 'master_oauth'),
    });
    expect(await server('a', MASTER).auth.headers()).toEqual({ Authorization: 'Bearer outer' });
    await expect(server('b', { strategy: 'detect' }).auth.headers()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining("the master's token is for https://a.example/mcp"),
    });
  });

  it('leaves no credential of the file beside the one that takes its place', async () => {
    const { server } = create({
      register: (manager) =>
        void manager.registerServerAuth('a', 'api_key', { header: 'X-Key', key: 'secret-key-1' }),
    });
    const headers = { Authorization: 'Bearer of-the-file', 'X-Team': 'core' };
    const { auth } = server('a', { strategy: 'headers' }, { headers });
    expect(await auth.headers()).toEqual({ 'X-Team': 'core', 'X-Key': 'secret-key-1' });
  });

  it.each([
    ['of the transport are left out', { Host: 'evil.example', 'X-A': '1' }, { 'X-A': '1' }],
    ['replace those of the entry in any case', { 'x-team': 'b' }, { 'x-team': 'b' }],
    ['may be a Headers object', new Headers({ 'X-A': '1' }), { 'X-Team': 'core', 'x-a': '1' }],
  ])('headers %s', async (_, headers, expected) => {
    const own = { headers: () => headers as Record<string, string> };
    const { server } = create({ register: (manager) => void manager.registerServerAuth('a', own) });
    const { auth } = server('a', { strategy: 'detect' }, { headers: { 'X-Team': 'core' } });
    expect(await auth.headers()).toMatchObject(expected);
    expect(Object.keys(await auth.headers())).not.toContain('Host');
  });

  it.each([null, 7, ['X-A'], { 'X-A': 7 }])(
    'refuses headers that are none: %j',
    async (headers) => {
      const own = { headers: () => headers as unknown as Record<string, string> };
      const { server } = create({
        register: (manager) => void manager.registerServerAuth('a', own),
      });
      await expect(server('a', { strategy: 'detect' }).auth.headers()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
    },
  );

  it('refuses a strategy without headers at once, and a token that is none', async () => {
    const nothing = {} as { headers: () => Record<string, string> };
    expect(() =>
      create({ register: (manager) => void manager.registerServerAuth('a', nothing) }),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    for (const masterToken of ['Bearer T1', '"T1"']) {
      const { server } = create({ masterToken });
      await expect(server('a', MASTER).auth.headers()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('MCP_MASTER_TOKEN is no token'),
      });
    }
  });
});
