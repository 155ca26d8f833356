import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import {
  type AuthHome,
  createAuthHome,
  type ProtectedPair,
  startPair,
} from '../support/oauth/auth-home.ts';
import type { AuthorizationServerOptions } from '../support/oauth/authorization-server.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import {
  type ProtectedServerOptions,
  startProtectedServer,
} from '../support/oauth/protected-server.ts';
import { plainly } from '../support/oauth/refusal.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import type { RecordingClient } from '../support/recording-client.ts';

const WHOAMI = { name: 'api__whoami', arguments: {} };

/** A request as the MCP server saw it. */
interface Shown {
  token: string;
  refused: number | undefined;
}

/** A client of `serve`, which is logged in, connected, and listens to the server's own stream. */
interface Stage extends ProtectedPair {
  home: AuthHome;
  client: RecordingClient;
  /** Token requests that renewed the login so far. */
  renewals(): number;
  /** The requests from now on: of this JSON-RPC method, or the GETs. */
  watch(what: string): () => Shown[];
  /** The token of the last request. */
  lastToken(): string;
}

async function startStage(
  provider: AuthorizationServerOptions = {},
  protection: Omit<ProtectedServerOptions, 'authorizationServer'> = {},
): Promise<Stage> {
  const home = await createAuthHome();
  const pair = await startPair(provider, protection);
  const { requests } = pair.server;
  await home.configure({ api: pair.entry });
  expect((await home.logIn(['api'])).code).toBe(0);
  const from = requests.length;
  const client = await home.serve();
  await whoami(client);
  await waitFor(() => requests.slice(from).some(({ method }) => method === 'GET'), {
    what: 'the stream of the server',
  });
  return {
    ...{ ...pair, home, client },
    renewals: () => pair.provider.seen.grants('refresh_token').length,
    lastToken: () => tokenOf(requests.at(-1)?.authorization),
    watch: (what) => {
      const before = requests.length;
      return () =>
        requests
          .slice(before)
          .filter(({ method, rpc }) => method === what || rpc === what)
          .map(({ authorization, refused }) => ({ token: tokenOf(authorization), refused }));
    },
  };
}

const tokenOf = (authorization = '') => authorization.replace(/^Bearer /, '');

const whoami = (client: RecordingClient) => client.callTool('api__whoami');

const asAlice = { content: [{ text: expect.stringContaining('"subject":"alice"') }] };

describe('a token that the server does not take any more', () => {
  it.each(['http', 'sse'] as const)(
    'is renewed once, and the call sent once more (%s)',
    async (transport) => {
      const stage = await startStage({}, { transport });
      const { client, provider, server, renewals, watch, lastToken } = stage;
      const [old, before, ran] = [lastToken(), renewals(), server.ran().length];
      await provider.expireAccessTokens();
      const calls = watch('tools/call');
      expect(await whoami(client)).toMatchObject(asAlice);
      expect(renewals() - before).toBe(1);
      expect(provider.seen.reused).toEqual([]);
      const [first, second, ...more] = calls();
      expect(more).toEqual([]);
      expect(first).toEqual({ token: old, refused: 401 });
      expect(second?.refused).toBeUndefined();
      expect(await provider.check(second?.token ?? '')).toBeDefined();
      expect(server.ran().length - ran).toBe(1);
      // The next one needs none of that.
      await whoami(client);
      expect([calls().length, renewals() - before]).toEqual([3, 1]);
    },
  );

  it('is renewed once for all calls that meet it', async () => {
    const { client, provider, server, renewals, watch } = await startStage();
    const [before, ran] = [renewals(), server.ran().length];
    await provider.expireAccessTokens();
    const calls = watch('tools/call');
    const answers = await Promise.all([whoami(client), whoami(client), whoami(client)]);
    for (const answer of answers) expect(answer).toMatchObject(asAlice);
    expect(renewals() - before).toBe(1);
    expect(provider.seen.reused).toEqual([]);
    const good = calls().filter(({ refused }) => refused === undefined);
    expect(good).toHaveLength(3);
    expect(new Set(good.map(({ token }) => token)).size).toBe(1);
    // Each of them was refused once at most.
    expect(calls().length).toBeLessThanOrEqual(6);
    expect(server.ran().length - ran).toBe(3);
  });

  it('and can not be renewed: says so, with what was sent and what came back', async () => {
    const { client, home, provider, server, renewals, watch, lastToken } = await startStage();
    const [old, before] = [lastToken(), renewals()];
    await provider.expireAccessTokens();
    await provider.forgetRefreshTokens();
    const calls = watch('tools/call');
    const call = async () => plainly(await client.request('tools/call', WHOAMI));
    const { error } = await call();
    expect(error).toMatchObject({
      code: -32000,
      data: { code: 'LOGIN_REQUIRED' },
      message: expect.stringContaining('mcp-master auth login --server=api'),
    });
    expect(error?.message).toContain(`${server.origin} answered 401 to tools/call: invalid_token`);
    expect(error?.message).toContain(`sent was an access token of ${provider.issuer}`);
    expect(error?.message).toContain('mcp:read');
    expect(calls()).toEqual([{ token: old, refused: 401 }]);
    // The refresh token that the server has rejected is not shown again.
    for (let again = 0; again < 3; again += 1) {
      expect((await call()).error).toMatchObject({ data: { code: 'LOGIN_REQUIRED' } });
    }
    expect(renewals() - before).toBe(1);
    const status = await home.json(['auth', 'status']);
    expect(status.value).toMatchObject([{ state: 'login_required' }]);
    expectNoSecrets({ provider, server }, client, JSON.stringify(status));

    expect((await home.logIn(['api'])).code).toBe(0);
    const healed = await waitFor(async () => (await call()).result, { what: 'the new login' });
    expect(healed).toMatchObject(asAlice);
  });

  it('whatever the token: few renewals for many calls, each with a clear answer', async () => {
    const home = await createAuthHome();
    const { provider } = await startPair();
    let open = true;
    const check = async (token: string) => (open ? provider.check(token) : undefined);
    const authorizationServer = { issuer: provider.issuer, check };
    const server = await untilTestEnds(startProtectedServer({ authorizationServer }));
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    expect((await home.logIn(['api'])).code).toBe(0);
    const client = await home.serve();
    await whoami(client);
    const ran = server.ran().length;
    open = false;
    const call = async () => plainly(await client.request('tools/call', WHOAMI));
    const errors: unknown[] = [];
    for (let round = 0; round < 10; round += 1) errors.push((await call()).error);
    const together = await Promise.all(Array.from({ length: 10 }, call));
    errors.push(...together.map(({ error }) => error));
    for (const error of errors) {
      expect(error).toMatchObject({
        data: { code: 'LOGIN_REQUIRED' },
        message: expect.stringContaining('answered 401 to tools/call'),
      });
    }
    const { length: renewed } = provider.seen.grants('refresh_token');
    expect(renewed).toBeGreaterThanOrEqual(1);
    expect(renewed).toBeLessThanOrEqual(2);
    expect(provider.seen.reused).toEqual([]);
    expect(server.ran()).toHaveLength(ran);
    const sent = server.requests.filter(({ rpc, refused }) => rpc === 'tools/call' && refused);
    // Twice at most: the first of them, or all that were under way with it.
    expect(sent.length).toBeLessThanOrEqual(20 + 10 * renewed);
    expectNoSecrets({ provider, server }, client);

    open = true;
    expect(await whoami(client)).toMatchObject(asAlice);
  });
});

it('a refusal that repeats what was sent shows no token', async () => {
  const home = await createAuthHome();
  const server = await untilTestEnds(startMisbehavingAuthorizationServer());
  await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
  expect((await home.logIn(['api'])).code).toBe(0);
  const sent: string[] = [];
  const before = ['', 'x '.repeat(80), 'x '.repeat(90)];
  server.script({
    mcp: ({ headers, params }) => {
      if (params['method'] !== 'tools/call') return undefined;
      const token = tokenOf(headers.authorization);
      sent.push(token);
      const words = before[sent.length % before.length];
      const description = `${words}${token} is not good`;
      const challenge = `Bearer error="invalid_token", error_description="${description}"`;
      return respond(401, description, { 'www-authenticate': challenge });
    },
  });
  const client = await home.serve({ env: { MCP_MASTER_LOG_LEVEL: 'debug' } });
  await client.listTools();
  for (let call = 0; call < 6; call += 1) {
    const { error } = plainly(await client.request('tools/call', WHOAMI));
    expect(error).toMatchObject({ data: { code: 'LOGIN_REQUIRED' } });
  }
  const said = [...client.rawLines, client.stderr].join('\n');
  expect(said).toContain('*** is not good');
  for (const token of new Set(sent)) {
    expect(token.length).toBeGreaterThan(20);
    expect(said).not.toContain(token.slice(0, 16));
  }
});

describe('a server that wants a token for calls alone', () => {
  it('has the call repeated with a renewed token', async () => {
    const { client, provider, server, renewals, watch } = await startStage({}, { guard: 'calls' });
    const [before, ran] = [renewals(), server.ran().length];
    await provider.expireAccessTokens();
    const calls = watch('tools/call');
    expect(await whoami(client)).toMatchObject(asAlice);
    expect(calls().map(({ refused }) => refused)).toEqual([401, undefined]);
    expect([renewals() - before, server.ran().length - ran]).toEqual([1, 1]);
  });

  it('says which login it wants where nobody has said that it does', async () => {
    const home = await createAuthHome();
    const { server } = await startPair({}, { guard: 'calls' });
    await home.configure({ api: { url: server.url.href } });
    const client = await home.serve();
    expect((await client.listTools()).map(({ name }) => name)).toContain('api__whoami');
    const call = async () => plainly(await client.request('tools/call', WHOAMI));
    expect((await call()).error).toMatchObject({
      data: { code: 'LOGIN_REQUIRED' },
      message: expect.stringContaining('mcp-master auth login --server=api'),
    });
    const calls = server.requests.filter(({ rpc }) => rpc === 'tools/call');
    expect(calls).toMatchObject([{ authorization: undefined, refused: 401 }]);
    expect((await home.logIn(['api'])).code).toBe(0);
    const answered = await waitFor(async () => (await call()).result, { what: 'the login' });
    expect(answered).toMatchObject(asAlice);
  });
});

describe('a stream', () => {
  it('of an answer goes on beyond the end of its token', async () => {
    const stage = await startStage({ accessTokenSeconds: 2 }, { count: true });
    const { client, provider, server, watch } = stage;
    const called = watch('tools/call');
    const calls = () => called().filter(({ refused }) => refused === undefined);
    const args = { to: 20, pause: 250 };
    const counting = client.callTool('api__count', args, { progressToken: 'counting' });
    const late = await client.waitForNotification('notifications/progress', 19);
    const [used] = calls();
    expect(await provider.check(used?.token ?? '')).toBeUndefined();
    expect(late).toMatchObject({ params: { progressToken: 'counting', progress: 19 } });
    expect(await counting).toMatchObject({ content: [{ text: '20' }] });
    expect(calls()).toHaveLength(1);
    expect(server.ran().filter((tool) => tool === 'count')).toHaveLength(1);
    expect(await whoami(client)).toMatchObject(asAlice);
  });

  it("of the server's own outlives its token, and is opened anew with the current one", async () => {
    const { client, provider, server, renewals, watch, lastToken } = await startStage();
    const [old, before] = [lastToken(), renewals()];
    await provider.expireAccessTokens();
    const streams = watch('GET');
    await hear({ server, watch });
    await whoami(client);
    expect([streams(), renewals() - before]).toEqual([[], 1]);
    const current = lastToken();
    expect(current).not.toBe(old);

    server.cut();
    await waitFor(() => streams().length > 0, { what: 'another stream' });
    expect(streams()).toEqual([{ token: current, refused: undefined }]);
    await hear({ server, watch });
    expect(renewals() - before).toBe(1);
  });

  it("of the server's own renews the login when it is opened anew with a dead token", async () => {
    const { client, provider, server, renewals, watch, lastToken } = await startStage();
    const [old, before] = [lastToken(), renewals()];
    await provider.expireAccessTokens();
    const streams = watch('GET');
    server.cut();
    await waitFor(() => streams().length > 1, { what: 'another stream' });
    const [first, second] = streams();
    expect(first).toEqual({ token: old, refused: 401 });
    expect(second?.refused).toBeUndefined();
    expect(await provider.check(second?.token ?? '')).toBeDefined();
    await hear({ server, watch });
    await whoami(client);
    expect(renewals() - before).toBe(1);
  });
});

/** What the server says on its own stream arrives: it is asked for its tools. */
async function hear({ server, watch }: Pick<Stage, 'server' | 'watch'>): Promise<void> {
  const lists = watch('tools/list');
  await server.announce();
  const asked = () => lists().some(({ refused }) => refused === undefined);
  await waitFor(asked, { what: 'a request for the tools' });
}

/** Neither the client nor its log has seen a token. */
function expectNoSecrets(
  { provider, server }: Pick<ProtectedPair, 'provider' | 'server'>,
  { rawLines, stderr }: RecordingClient,
  more = '',
): void {
  const said = [...rawLines, stderr, more].join('\n');
  const spent = provider.seen.grants('refresh_token').map(({ params }) => params['refresh_token']);
  const secrets = [...server.authorizations().map(tokenOf), ...spent.map(String)];
  expect(secrets.length).toBeGreaterThan(1);
  for (const secret of secrets) expect(said).not.toContain(secret);
}
