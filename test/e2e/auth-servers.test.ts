import { describe, expect, it } from 'vitest';
import { type AuthHome, createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import type { AuthorizationServerOptions } from '../support/oauth/authorization-server.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import type { ProtectedServerOptions } from '../support/oauth/protected-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

type Protection = Omit<ProtectedServerOptions, 'authorizationServer'>;

/** What is special about a server; each is logged in to under this name. */
const KINDS: Record<string, [AuthorizationServerOptions, Protection]> = {
  'issuer-with-path': [{ path: '/tenant/one' }, {}],
  'metadata-at-root': [{}, { metadata: 'root', challenge: 'bare' }],
  'challenge-without-metadata': [{}, { challenge: 'scope' }],
  'no-challenge': [{}, { challenge: 'none' }],
  'deprecated-sse': [{}, { transport: 'sse' }],
  'no-strategy': [{}, {}],
};

describe('auth login finds the authorization server of', () => {
  it('servers of every kind', async () => {
    const home = await createAuthHome();
    const all = await Promise.all(
      Object.entries(KINDS).map(async ([name, options]) => {
        const { provider, server, entry } = await startPair(...options);
        const { url } = entry;
        return { name, provider, server, entry: name === 'no-strategy' ? { url } : entry };
      }),
    );
    await home.configure(Object.fromEntries(all.map(({ name, entry }) => [name, entry])));
    const logins = await Promise.all(all.map(({ name }) => home.logIn([name])));
    expect(logins.map(({ last }) => last)).toMatchObject(
      all.map(({ name }) => ({ event: 'logged_in', server: name, tools: 3 })),
    );
    const users = await Promise.all(all.map(({ name }) => callWhoami(home, name)));
    expect(users).toMatchObject(
      all.map(({ server }) => ({ subject: 'alice', audience: server.url.href })),
    );
    const { value } = await home.json(['auth', 'status']);
    expect(value.map(({ issuer }) => issuer)).toEqual(all.map(({ provider }) => provider.issuer));
  });

  it('a server without any metadata, as revision 2025-03-26 has it', async () => {
    const home = await createAuthHome();
    const server = await untilTestEnds(
      startMisbehavingAuthorizationServer(
        {},
        { protection: { metadata: 'none', challenge: 'bare', audience: 'any', scopes: [] } },
      ),
    );
    await home.configure({ api: { url: server.url.href } });
    expect((await home.logIn(['api'])).last).toMatchObject({ event: 'logged_in', tools: 3 });
    expect(server.seen.at('metadata').map(({ status }) => status)).toEqual([200]);
  });
});

describe('a server whose initialize is open, and that wants a token for calls alone', () => {
  it('says so at the call, and is logged in to', async () => {
    const home = await createAuthHome();
    const { server, entry } = await startPair({}, { guard: 'calls' });
    await home.configure({ api: { url: entry.url } });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready', tools: 3 }]);
    const refused = await home.run(['call', 'api', 'whoami']);
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(refused.stderr).toMatch(/LOGIN_REQUIRED[\s\S]*mcp-master auth login --server=api/);
    const [status] = (await home.json(['auth', 'status'])).value;
    expect(status).toMatchObject({ state: 'login_required' });

    expect((await home.logIn(['api'])).last).toMatchObject({ event: 'logged_in', tools: 3 });
    expect(await callWhoami(home, 'api')).toMatchObject({ audience: server.url.href });
  });
});

describe('a call for which the scopes do not suffice', () => {
  it.each(['call', 'serve'])('through %s makes the next login ask for all of them', async (way) => {
    const home = await createAuthHome();
    const { entry, server } = await startPair();
    await home.configure({ api: entry });
    const before = await home.logIn(['api']);
    expect(scopesOf(before.visit.visited[0])).toEqual(['mcp:read', 'offline_access']);

    if (way === 'call') {
      const { code, stderr } = await home.run(['call', 'api', 'erase']);
      expect(code).toBe(4);
      expect(stderr).toMatch(/INSUFFICIENT_SCOPE[\s\S]*mcp-master auth login --server=api/);
    } else {
      const client = await home.serve();
      const answer = await client.request('tools/call', { name: 'api__erase', arguments: {} });
      expect(JSON.stringify(answer)).toContain('mcp-master auth login --server=api');
    }
    expect(server.requests.map(({ refused }) => refused)).toContain(403);
    const [status] = (await home.json(['auth', 'status'])).value;
    expect(status).toMatchObject({ state: 'login_required', next: expect.any(String) });

    const after = await home.logIn(['api']);
    expect(scopesOf(after.visit.visited[0])).toEqual(['mcp:read', 'mcp:write', 'offline_access']);
    expect(after.last).toMatchObject({ event: 'logged_in' });
    expect((await home.run(['call', 'api', 'erase'])).stdout).toBe('erased\n');
    // The demand is met: nothing asks for another login.
    expect((await home.run(['auth', 'login', '--server=api'])).stdout).toMatch(/^Already/);
  });
});

async function callWhoami({ run }: AuthHome, server: string) {
  const { stdout, stderr } = await run(['call', server, 'whoami']);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}

function scopesOf(url = ''): string[] {
  return (new URL(url).searchParams.get('scope') ?? '').split(' ').sort();
}
