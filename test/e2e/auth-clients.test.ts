import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import { createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { listen } from '../support/oauth/http-listener.ts';
import { publicJwk } from '../support/oauth/jwt.ts';
import {
  type MisbehavingOptions,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import type { KnownClient } from '../support/oauth/provider-configuration.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

/** Free now; the redirect URI that is registered by hand has it in it. */
async function freePort(): Promise<number> {
  const { origin, close } = await listen(() => {});
  await close();
  return Number(new URL(origin).port);
}

const SECRET = 'the-client-secret-of-the-user';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

/** How a client is known to the server, how the configuration names it, and what it then sends. */
interface Proof {
  client: Partial<KnownClient>;
  config: object;
  sent: object;
}

const PROOFS: Record<KnownClient['token_endpoint_auth_method'], Proof> = {
  none: { client: {}, config: {}, sent: { params: { client_id: 'known' } } },
  client_secret_basic: {
    client: { client_secret: SECRET },
    config: { client_secret: 'env:CLIENT_SECRET' },
    sent: { headers: { authorization: `Basic ${btoa(`known:${SECRET}`)}` } },
  },
  client_secret_post: {
    client: { client_secret: SECRET },
    config: {
      client_secret: 'keyring:client-secret',
      token_endpoint_auth_method: 'client_secret_post',
    },
    sent: { params: { client_id: 'known', client_secret: SECRET } },
  },
  private_key_jwt: {
    client: { jwks: { keys: [publicJwk(privateKey)] } },
    config: { private_key: 'keyring:client-key' },
    sent: {
      params: {
        client_id: 'known',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      },
    },
  },
};

/** A real authorization server that knows one client, which proves itself in one way. */
async function startKnowing([method, { client, config, sent }]: [string, Proof]) {
  const port = await freePort();
  const redirectUri = `http://127.0.0.1:${port}/oauth/callback`;
  const known: KnownClient = {
    ...{ client_id: 'known', redirect_uris: [redirectUri], ...client },
    // The keys of PROOFS are these methods.
    token_endpoint_auth_method: method as KnownClient['token_endpoint_auth_method'],
  };
  const options = { registration: false, clients: [known], accessTokenSeconds: 4 };
  const { provider, entry } = await startPair(options);
  const auth_config = { client_id: 'known', redirect_port: port, ...config };
  return { name: method, provider, redirectUri, sent, entry: { ...entry, auth_config } };
}

describe('a client that is registered by hand', () => {
  it('proves itself in each way, when it logs in and when it renews its tokens', async () => {
    const home = await createAuthHome({ CLIENT_SECRET: SECRET });
    const all = await Promise.all(Object.entries(PROOFS).map(startKnowing));
    await home.configure(Object.fromEntries(all.map(({ name, entry }) => [name, entry])));
    for (const [name, input] of [
      ['client-secret', SECRET],
      ['client-key', PEM],
    ] as const) {
      expect(await home.run(['secret', 'set', name], { input })).toMatchObject({ code: 0 });
    }
    const logins = await Promise.all(all.map(({ name }) => home.logIn([name])));
    for (const [at, { provider, redirectUri, sent, name }] of all.entries()) {
      const { last, visit } = logins[at] ?? {};
      expect(last).toMatchObject({ event: 'logged_in', server: name, tools: 3 });
      const asked = new URL(visit?.visited[0] ?? '').searchParams;
      expect(asked.get('redirect_uri')).toBe(redirectUri);
      expect(provider.seen.at('register')).toEqual([]);
      expect(provider.seen.grants('authorization_code')).toMatchObject([{ status: 200, ...sent }]);
    }

    // By then each token is past its end, or near enough to be renewed.
    const end = Math.max(...logins.map(({ last }) => Date.parse(String(last['expires_at']))));
    await waitFor(() => Date.now() > end, { what: 'the end of the tokens' });
    const { value } = await home.json(['list']);
    expect(value.map(({ state }) => state)).toEqual(all.map(() => 'ready'));
    for (const { provider, sent } of all) {
      expect(provider.seen.grants('refresh_token').at(-1)).toMatchObject({ status: 200, ...sent });
    }
    for (const text of (await home.files()).values()) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('PRIVATE KEY');
    }
  });

  it('keeps host, port and path of a fixed redirect_uri', async () => {
    const redirectUri = `http://localhost:${await freePort()}/callback`;
    const { events, seen, last } = await logInAt(
      { client_id: 'known', redirect_uri: redirectUri },
      { clients: [publicClient(redirectUri)] },
    );
    expect(last).toMatchObject({ event: 'logged_in' });
    expect(paramsOf(events)['redirect_uri']).toBe(redirectUri);
    expect(seen.grants('authorization_code')[0]?.params).toMatchObject({
      redirect_uri: redirectUri,
    });
  });
});

describe('what the configuration says of the authorization server', () => {
  it('needs no metadata where the endpoints are given, and sends S256 all the same', async () => {
    const port = await freePort();
    const nothing = () => respond(404);
    const { events, seen, last, stderr } = await logInAt(
      (origin) => ({
        ...{ client_id: 'known', redirect_port: port, scopes: 'mcp:read' },
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
      }),
      { clients: [publicClient(`http://127.0.0.1:${port}/oauth/callback`)] },
      { metadata: nothing, openid: nothing },
    );
    expect(last).toMatchObject({ event: 'logged_in', scopes: ['mcp:read'] });
    expect(paramsOf(events)).toMatchObject({ code_challenge_method: 'S256' });
    expect(seen.at('metadata')).toEqual([]);
    expect(stderr).toMatch(/^\S+ warn .*S256/m);
  });

  it('adds extra_params to the authorization request alone', async () => {
    const { events, seen, last } = await logInAt({
      extra_params: { audience: 'urn:the-api', login_hint: 'alice' },
    });
    expect(last).toMatchObject({ event: 'logged_in' });
    expect(paramsOf(events)).toMatchObject({ audience: 'urn:the-api', login_hint: 'alice' });
    expect(seen.grants('authorization_code')[0]?.params).not.toHaveProperty('audience');
  });

  it('sends `resource` as it is configured, or not at all, also when it renews', async () => {
    const elsewhere = 'https://elsewhere.example/api';
    const [given, none] = await Promise.all([expectResource(elsewhere), expectResource(false)]);
    expect(given).toEqual(new Set([elsewhere]));
    expect(none).toEqual(new Set([undefined]));
  });
});

/** What was sent as `resource` at any time. */
async function expectResource(resource: string | false) {
  const options = { protection: { audience: 'any' }, accessTokenSeconds: 2 } as const;
  const { events, seen, last, home } = await logInAt({ resource }, options);
  expect(last).toMatchObject({ event: 'logged_in' });
  const end = Date.parse(String(last['expires_at']));
  await waitFor(() => Date.now() > end, { what: 'the end of the token' });
  expect(await home.run(['list'])).toMatchObject({ code: 0 });
  const refreshes = seen.grants('refresh_token');
  expect(refreshes).not.toEqual([]);
  const forms = [...seen.grants('authorization_code'), ...refreshes];
  const sent = forms.map(({ params }) => params['resource']);
  return new Set([paramsOf(events)['resource'], ...sent]);
}

function publicClient(redirectUri: string): KnownClient {
  return {
    ...{ client_id: 'known', redirect_uris: [redirectUri] },
    token_endpoint_auth_method: 'none',
  };
}

/** Logs in at a server that writes down what it is asked and that compares redirect URIs to the letter. */
async function logInAt(
  config: object | ((origin: string) => object),
  options: MisbehavingOptions = {},
  script: Script = {},
) {
  const home = await createAuthHome();
  const provider = await untilTestEnds(startMisbehavingAuthorizationServer(script, options));
  const auth_config = typeof config === 'function' ? config(provider.origin) : config;
  const entry = { url: provider.url.href, auth_strategy: 'delegate_oauth', auth_config };
  await home.configure({ api: entry });
  const end = await home.logIn(['api', '--log-level=info']);
  return { ...end, home, provider, seen: provider.seen };
}

function paramsOf([event]: readonly Record<string, unknown>[]): Record<string, string> {
  return Object.fromEntries(new URL(String(event?.['url'])).searchParams);
}
