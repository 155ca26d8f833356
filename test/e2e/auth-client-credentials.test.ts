import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import { type AuthHome, createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { publicJwk } from '../support/oauth/jwt.ts';
import {
  type Override,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import type { KnownClient, ProviderOptions } from '../support/oauth/provider-configuration.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import type { RecordingClient } from '../support/recording-client.ts';

const SECRET = 'the-client-secret-of-the-robot';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

/** How a client is known to the server, how the configuration names it, and what it then sends. */
interface Proof {
  client: Partial<KnownClient>;
  config: object;
  sent: object;
}

type Method = Exclude<KnownClient['token_endpoint_auth_method'], 'none'>;

const PROOFS: Record<Method, Proof> = {
  client_secret_basic: {
    client: { client_secret: SECRET },
    config: { client_secret: 'env:ROBOT_SECRET' },
    sent: { headers: { authorization: `Basic ${btoa(`robot:${SECRET}`)}` } },
  },
  client_secret_post: {
    client: { client_secret: SECRET },
    config: {
      client_secret: 'env:ROBOT_SECRET',
      token_endpoint_auth_method: 'client_secret_post',
    },
    sent: { params: { client_id: 'robot', client_secret: SECRET } },
  },
  private_key_jwt: {
    client: { jwks: { keys: [publicJwk(privateKey)] } },
    config: { private_key: 'keyring:robot-key' },
    sent: {
      params: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      },
    },
  },
};

const METHODS = Object.keys(PROOFS) as Method[];

/** A home with a server of which a robot is a client, and its key where it has one. */
async function robotHome(method: Method, options: ProviderOptions = {}) {
  const { client, config, sent } = PROOFS[method];
  const known: KnownClient = {
    ...{ client_id: 'robot', redirect_uris: [], token_endpoint_auth_method: method },
    ...{ grant_types: ['client_credentials'], ...client },
  };
  const pair = await startPair({ clients: [known], registration: false, ...options });
  const home = await createAuthHome({ ROBOT_SECRET: SECRET });
  const auth_config = { grant: 'client_credentials', client_id: 'robot', ...config };
  await home.configure({ api: { ...pair.entry, auth_config } });
  if (method === 'private_key_jwt') {
    const set = await home.run(['secret', 'set', 'robot-key'], { input: PEM });
    expect(set).toMatchObject({ code: 0 });
  }
  return { home, sent, ...pair };
}

async function whoami(client: RecordingClient): Promise<Record<string, unknown>> {
  const result = await client.callTool('api__whoami');
  expect(result).toMatchObject({ content: [{ type: 'text' }] });
  // The tool of the protected server says so.
  const [{ text }] = result['content'] as [{ text: string }];
  return JSON.parse(text);
}

describe('a client that logs in as itself', () => {
  it.each(METHODS)('does so by auth login: %s', async (method) => {
    const { home, provider, server, sent } = await robotHome(method);
    expect((await home.json(['auth', 'login', '--server=api'])).value).toEqual({
      ...{ event: 'logged_in', server: 'api', store: 'file', scopes: ['mcp:read'], tools: 3 },
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(provider.seen.grants('client_credentials')).toMatchObject([{ status: 200, ...sent }]);
    expect(provider.seen.grants('client_credentials')[0]?.params).toMatchObject({
      ...{ resource: server.url.href, scope: 'mcp:read' },
    });
    const again = await home.run(['auth', 'login', '--server=api']);
    expect(again).toMatchObject({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringMatching(
        /^Already logged in to api: 3 tools; .* is renewed by itself\.\n$/,
      ),
    });
    const call = await home.json<{ structuredContent?: object; content: [{ text: string }] }>([
      ...['call', 'api', 'whoami'],
    ]);
    expect(JSON.stringify(call.value)).toContain('robot');
    expect(provider.seen.at('token')).toHaveLength(1);
    expect(provider.seen.at('authorize')).toEqual([]);
    expect(provider.seen.at('register')).toEqual([]);
    for (const text of (await home.files()).values()) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('PRIVATE KEY');
    }
  });

  it.each(METHODS)('does so in serve, where nobody has logged in: %s', async (method) => {
    const { home, provider, server, sent } = await robotHome(method, { accessTokenSeconds: 4 });
    const client = await home.serve();
    expect(await whoami(client)).toMatchObject({
      ...{ clientId: 'robot', subject: 'robot', audience: server.url.href, scopes: ['mcp:read'] },
    });
    const first = provider.seen.grants('client_credentials').length;
    expect(first).toBe(1);
    expect(provider.seen.grants('client_credentials')).toMatchObject([{ status: 200, ...sent }]);
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      {
        state: 'logged_in',
        has_refresh_token: false,
        scopes: ['mcp:read'],
        issuer: provider.issuer,
      },
    ]);

    const [status] = (await home.json(['auth', 'status'])).value;
    const end = Date.parse(String(status?.['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });
    const before = provider.seen.grants('client_credentials').length;
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => whoami(client)));
    expect(answers).toHaveLength(5);
    const renewals = provider.seen.grants('client_credentials').slice(before);
    expect(renewals).toMatchObject([{ status: 200, ...sent }]);
    expect(provider.seen.grants('refresh_token')).toEqual([]);
  });

  it('gets another token when the server refuses the one it has', async () => {
    const { home, provider } = await robotHome('client_secret_basic');
    const client = await home.serve();
    await whoami(client);
    await provider.expireAccessTokens();
    expect(await whoami(client)).toMatchObject({ subject: 'robot' });
    expect(provider.seen.grants('client_credentials')).toHaveLength(2);
  });

  it('goes on after a logout, and after a change of its secret', async () => {
    const { home, provider, entry } = await robotHome('client_secret_basic');
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready', tools: 3 }]);
    expect(await home.run(['auth', 'logout', '--server=api'])).toMatchObject({ code: 0 });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready', tools: 3 }]);
    expect(provider.seen.grants('client_credentials')).toHaveLength(2);
    const wrong = { grant: 'client_credentials', client_id: 'robot', client_secret: 'env:WRONG' };
    await home.configure({ api: { ...entry, auth_config: wrong } });
    const env = { WRONG: 'not-the-secret-of-the-robot' };
    // The token is still good.
    expect((await home.json(['list'], { env })).value).toMatchObject([{ state: 'ready' }]);
    const forced = await home.json(['auth', 'login', '--server=api', '--force'], { env });
    expect(forced).toMatchObject({
      code: 4,
      value: { event: 'error', code: 'TOKEN_REQUEST_FAILED' },
    });
    expect((await home.json(['list'], { env })).value).toMatchObject([{ state: 'ready' }]);
  });

  it('asks for the scopes of the configuration or of --scope, and keeps to them', async () => {
    const { home, provider, entry } = await robotHome('client_secret_basic');
    const auth_config = {
      ...{ grant: 'client_credentials', client_id: 'robot', client_secret: 'env:ROBOT_SECRET' },
      scopes: ['mcp:read', 'mcp:write'],
    };
    await home.configure({ api: { ...entry, auth_config } });
    await home.run(['auth', 'login', '--server=api']);
    await home.run(['auth', 'login', '--server=api', '--scope=mcp:write']);
    await home.run(['auth', 'refresh', '--server=api']);
    const scopes = provider.seen.grants('client_credentials').map(({ params }) => params['scope']);
    expect(scopes).toEqual(['mcp:read mcp:write', 'mcp:write', 'mcp:write']);
  });
});

/** A scripted authorization server that knows the robot, and a home that has it. */
async function scriptedHome() {
  const client: KnownClient = {
    ...{ client_id: 'robot', client_secret: SECRET, redirect_uris: [] },
    token_endpoint_auth_method: 'client_secret_basic',
  };
  const server = await untilTestEnds(
    startMisbehavingAuthorizationServer({}, { clients: [client], accessTokenSeconds: 2 }),
  );
  const home = await createAuthHome({ ROBOT_SECRET: SECRET });
  const auth_config = {
    ...{ grant: 'client_credentials', client_id: 'robot', client_secret: 'env:ROBOT_SECRET' },
  };
  await home.configure({ api: { url: server.url.href, auth_config } });
  return { home, server };
}

function refuse(error: string, status = 400): Override {
  return () => respond(status, { error, error_description: 'so it is' });
}

const CLIENT = /^Check `client_id`, `client_secret` and `token_endpoint_auth_method`/;
const GRANT = /^Allow the client the grant of client credentials at the provider/;

async function callError(client: RecordingClient): Promise<{ code?: string; hint?: string }> {
  const answer = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
  return Object(Object(answer.error).data);
}

describe('a client that is refused', () => {
  const REFUSALS: [string, number, string, RegExp][] = [
    ['invalid_client', 401, 'TOKEN_REQUEST_FAILED', CLIENT],
    ['unauthorized_client', 400, 'TOKEN_REQUEST_FAILED', GRANT],
    ['unsupported_grant_type', 400, 'TOKEN_REQUEST_FAILED', GRANT],
    ['invalid_scope', 400, 'INVALID_SCOPE', /^Check `scopes`/],
    ['invalid_target', 400, 'TOKEN_REQUEST_FAILED', /^Set `resource`/],
    ['invalid_request', 400, 'TOKEN_REQUEST_FAILED', /^Check `issuer`/],
  ];

  it.each(REFUSALS)('%s is what auth login says', async (error, status, code, hint) => {
    const { home, server } = await scriptedHome();
    server.script({ token: refuse(error, status) });
    const { code: exit, value } = await home.json(['auth', 'login', '--server=api']);
    expect(exit).toBe(4);
    expect(value).toEqual({
      ...{ event: 'error', server: 'api', code },
      message: expect.stringMatching(
        new RegExp(`${status} to the token request: ${error}: so it is`),
      ),
      hint: expect.stringMatching(hint),
    });
    expect((await home.json(['auth', 'status'])).value).toMatchObject([{ store: null }]);
  });

  it('says so in serve, recovers by itself, and loses nothing over a refused renewal', async () => {
    const { home, server } = await scriptedHome();
    server.script({ token: refuse('invalid_client', 401) });
    const client = await home.serve({ args: ['--log-level=debug'] });
    // Its tools are not known yet, and the answer says why.
    const early = JSON.stringify(await callError(client));
    expect(early).toContain('answered 401 to the token request: invalid_client');
    expect(early).toContain('Check `client_id`, `client_secret`');
    server.script({});
    await works(client);

    server.script({ token: refuse('invalid_grant') });
    const failure = () =>
      waitFor(
        async () => {
          const error = await callError(client);
          return error.code === 'REFRESH_FAILED' && error;
        },
        { what: 'the end of the token' },
      );
    expect(await failure()).toMatchObject({ hint: expect.stringContaining('`client_secret`') });
    const before = await recordsOf(home);
    const asked = server.seen.at('token').length;
    // Not before the pause is over that follows a failure.
    await waitFor(async () => (await failure()) && server.seen.at('token').length > asked, {
      what: 'another refusal',
    });
    expect(await recordsOf(home)).toEqual(before);
    expect(before).toHaveLength(1);
    server.script({});
    await works(client);
    for (const text of [client.stderr, ...client.rawLines]) expect(text).not.toContain(SECRET);
  });

  it('finds a new authorization server by auth login', async () => {
    const { home, server } = await scriptedHome();
    await home.run(['auth', 'login', '--server=api']);
    server.expireAccessTokens();
    // Nothing is where it was, but what the server says of itself leads to the new place.
    server.script({
      token: ({ url }, right) => (url.searchParams.has('new') ? right() : respond(404, 'moved')),
      metadata: (_, right) => {
        const answer = right();
        const body: { token_endpoint: string } = JSON.parse(answer.body);
        return respond(200, { ...body, token_endpoint: `${body.token_endpoint}?new` });
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { code, value } = await home.json(['auth', 'login', '--server=api']);
    expect({ code, value }).toMatchObject({ code: 0, value: { event: 'logged_in' } });
  });
});

/** Tries until the call has a result, as a client does that lists the tools: after a failure there is a pause. */
async function works(client: RecordingClient): Promise<void> {
  await waitFor(
    async () => {
      await client.listTools();
      const answer = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
      return answer.result !== undefined;
    },
    { what: 'a call that works' },
  );
}

/** The records of the logins, which have the revision of what is stored. */
async function recordsOf(home: AuthHome): Promise<[string, string][]> {
  return [...(await home.files())].filter(([path]) => path.includes('logins/'));
}

describe('the configuration of a client', () => {
  it.each([
    [{ client_id: 'robot' }, 'needs "client_id" and "client_secret" or "private_key"'],
    [{ client_secret: 'env:ROBOT_SECRET' }, 'needs "client_id" and "client_secret"'],
  ])('%j is refused when it is loaded', async (config, expected) => {
    const home = await createAuthHome({ ROBOT_SECRET: SECRET });
    const auth_config = { grant: 'client_credentials', ...config };
    await home.configure({ api: { url: 'https://api.example/mcp', auth_config } });
    const { code, stdout, stderr } = await home.run(['config', 'check']);
    expect(code).toBe(2);
    expect(stdout + stderr).toContain(expected);
  });

  it('a key that is none is told before anything is sent', async () => {
    const { home, provider } = await robotHome('private_key_jwt');
    await home.run(['secret', 'set', 'robot-key'], { input: 'no key at all' });
    const { code, value } = await home.json(['auth', 'login', '--server=api']);
    expect({ code, value }).toMatchObject({
      ...{ code: 2, value: { event: 'error', code: 'CONFIG_INVALID' } },
    });
    expect(JSON.stringify(value)).toContain('private_key');
    expect(JSON.stringify(value)).not.toContain('no key at all');
    expect(provider.seen.at('token')).toEqual([]);
  });
});
