import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import { createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const KEYS = [
  ...['server', 'strategy', 'state', 'store', 'expires_at', 'has_refresh_token', 'scopes'],
  ...['issuer', 'last_used', 'last_error', 'next'],
];

const UNKNOWN = {
  ...{ store: null, expires_at: null, has_refresh_token: null, scopes: null, issuer: null },
  ...{ last_used: null, last_error: null },
};

describe('auth status', () => {
  it('tells of every server where it stands, before the login and after it', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    const others = {
      keyed: { url: 'https://keyed.example/mcp', api_key: { header: 'X-Key', key: 'k' } },
      local: { command: 'node' },
    };
    await home.configure({ api: entry, ...others });
    const before = await home.json(['auth', 'status']);
    expect(before.value).toEqual([
      {
        ...{ server: 'api', strategy: 'delegate_oauth', state: 'login_required', ...UNKNOWN },
        next: 'mcp-master auth login --server=api',
      },
      { server: 'keyed', strategy: 'api_key', state: 'not_needed', ...UNKNOWN, next: null },
      { server: 'local', strategy: 'none', state: 'not_needed', ...UNKNOWN, next: null },
    ]);
    expect(Object.keys(before.value[0] ?? {})).toEqual(KEYS);
    expect(before.code).toBe(4);
    const table = await home.run(['auth', 'status']);
    expect(rowOf('api', table.stdout)).toEqual(['api', 'delegate_oauth', 'login required']);
    expect(table.stdout).toContain('\nNext:\n  mcp-master auth login --server=api\n');
    expect(table.code).toBe(4);

    await home.logIn(['api']);
    const after = await home.json(['auth', 'status', '--server=api']);
    expect(after.value).toEqual([
      {
        ...{ server: 'api', strategy: 'delegate_oauth', state: 'logged_in', store: 'file' },
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        has_refresh_token: true,
        scopes: expect.arrayContaining(['mcp:read']),
        issuer: provider.issuer,
        last_used: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        ...{ last_error: null, next: null },
      },
    ]);
    expect(after.code).toBe(0);
    const [server, strategy, state, store, expires, refresh, used, scopes] = rowOf(
      'api',
      (await home.run(['auth', 'status'])).stdout,
    );
    expect([server, strategy, state, store, refresh]).toEqual([
      ...['api', 'delegate_oauth', 'logged in', 'file', 'yes'],
    ]);
    expect(expires).toMatch(/^in (1 hour|59 minutes)$/);
    expect(used).toMatch(/^(just now|\d+ seconds ago)$/);
    expect(scopes).toContain('mcp:read');
  });

  it('calls a login expired that nobody can renew', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair({ refreshTokens: 'never', accessTokenSeconds: 3 });
    await home.configure({ api: entry });
    const { last } = await home.logIn(['api']);
    const end = Date.parse(String(last['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });
    const { value, code } = await home.json(['auth', 'status']);
    expect(value).toMatchObject([
      { state: 'expired', has_refresh_token: false, next: 'mcp-master auth login --server=api' },
    ]);
    expect(code).toBe(4);
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 4 });
    expect(rowOf('api', (await home.run(['auth', 'status'])).stdout)[4]).toMatch(/seconds? ago$/);
  });
});

describe('a login whose client the authorization server has forgotten', () => {
  it('is needed anew, with another client, and says how', async () => {
    const home = await createAuthHome();
    const options = { accessTokenSeconds: 1 };
    const server = await untilTestEnds(startMisbehavingAuthorizationServer({}, options));
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    server.script({
      token: ({ params }, right) =>
        params['grant_type'] === 'refresh_token'
          ? respond(401, { error: 'invalid_client' })
          : right(),
    });
    const status = () => home.json(['auth', 'status']);
    await waitFor(async () => {
      await home.run(['list']);
      return (await status()).code === 4;
    });
    const next = 'mcp-master auth login --server=api --force';
    expect((await status()).value).toMatchObject([{ state: 'login_required', next }]);
    expect(await home.logIn(['api', '--force'])).toMatchObject({ code: 0 });
    expect(server.seen.at('register')).toHaveLength(2);
    expect((await status()).value).toMatchObject([{ state: 'logged_in', next: null }]);
  });
});

describe('auth logout', () => {
  it('revokes at the server, deletes here, and leaves others alone', async () => {
    const home = await createAuthHome();
    const [foo, fooBar] = [await startPair(), await startPair()];
    await home.configure({ foo: foo.entry, foo_bar: fooBar.entry });
    await Promise.all([home.logIn(['foo']), home.logIn(['foo_bar'])]);
    const { value, code } = await home.json(['auth', 'logout', '--server=foo']);
    expect({ value, code }).toEqual({
      ...{ value: [{ server: 'foo', removed: true, revoked: true }], code: 0 },
    });
    expect(foo.provider.seen.at('revoke').map(({ status }) => status)).toContain(200);
    for (const authorization of foo.server.authorizations()) {
      expect(await foo.provider.check(authorization.replace('Bearer ', ''))).toBeUndefined();
    }
    expect(fooBar.provider.seen.at('revoke')).toEqual([]);
    const { value: left } = await home.json(['auth', 'status']);
    expect(left.map(({ server, state }) => [server, state])).toEqual([
      ['foo', 'login_required'],
      ['foo_bar', 'logged_in'],
    ]);
    const paths = [...(await home.files()).keys()].join();
    expect(paths).not.toMatch(/(logins|tokens)\/foo-[^_]/);
    expect((await home.json(['list', '--server=foo_bar'])).value).toMatchObject([
      { state: 'ready' },
    ]);

    const again = await home.json(['auth', 'logout', '--server=foo']);
    expect(again.value).toEqual([{ server: 'foo', removed: false, revoked: false }]);
    expect(again.code).toBe(0);
  });

  it('deletes also where the server can not be asked any more', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    await provider.close();
    const { value, stderr } = await home.json(['auth', 'logout', '--server=api']);
    expect(value).toEqual([{ server: 'api', removed: true, revoked: false }]);
    expect(stderr).toContain('were not revoked at the server');
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required' },
    ]);
  });

  it('reaches a login whose server was taken out of the configuration', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ gone: entry });
    await home.logIn(['gone']);
    await home.configure({});
    const { value } = await home.json(['auth', 'logout', '--server=gone']);
    expect(value).toEqual([{ server: 'gone', removed: true, revoked: true }]);
    expect(provider.seen.at('revoke').map(({ status }) => status)).toContain(200);
    expect(await home.run(['auth', 'logout', '--server=gone'])).toMatchObject({ code: 2 });
  });

  it('ends every login with --all', async () => {
    const home = await createAuthHome();
    const [one, two] = [await startPair(), await startPair()];
    await home.configure({ one: one.entry, two: two.entry });
    await Promise.all([home.logIn(['one']), home.logIn(['two'])]);
    const { value } = await home.json(['auth', 'logout', '--all']);
    expect(value).toHaveLength(2);
    expect(value.every(({ removed, revoked }) => removed && revoked)).toBe(true);
    expect(await home.json(['auth', 'logout', '--all'])).toMatchObject({ code: 0, value: [] });
  });
});

describe('a login belongs to', () => {
  it('its profile', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    const config = await home.configure({ api: entry });
    const stateOf = async (...flags: string[]) => {
      const { value } = await home.json(['auth', 'status', '--config', config, ...flags]);
      return value[0]?.['state'];
    };
    await home.logIn(['api', '--config', config, '--profile=work']);
    expect(await stateOf('--profile=work')).toBe('logged_in');
    expect(await stateOf()).toBe('login_required');
    const { value } = await home.json(['auth', 'status', '--config', config, '--profile=home']);
    expect(value[0]?.['next']).toBe(
      `mcp-master auth login --server=api --profile=home --config=${config}`,
    );
    await home.logIn(['api']);
    await home.json(['auth', 'logout', '--all', '--profile=work', '--config', config]);
    expect(await stateOf('--profile=work')).toBe('login_required');
    expect(await stateOf()).toBe('logged_in');
  });

  it('its address: another one never gets its token', async () => {
    const home = await createAuthHome();
    const [first, second] = [await startPair(), await startPair()];
    await home.configure({ api: first.entry });
    await home.logIn(['api']);
    await home.configure({ api: second.entry });
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 4 });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'login_required' }]);
    await home.configure({ api: { url: second.entry.url } });
    await home.run(['list']);
    expect(second.server.requests).not.toEqual([]);
    expect(second.server.authorizations()).toEqual([]);
    // The old one is still there for the old address.
    await home.configure({ api: first.entry });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });
});

/** The cells of a server's row. */
function rowOf(server: string, table: string): string[] {
  const row = table.split('\n').find((line) => line.startsWith(`${server} `)) ?? '';
  return row.split(/ {2,}/).filter((cell) => cell !== '-');
}
