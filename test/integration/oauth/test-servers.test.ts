import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hasChromium } from '../../support/chromium.ts';
import {
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from '../../support/oauth/authorization-server.ts';
import { browse } from '../../support/oauth/browse.ts';
import { browseWithChromium } from '../../support/oauth/browse-chromium.ts';
import { listen } from '../../support/oauth/http-listener.ts';
import { publicJwk, signJwt } from '../../support/oauth/jwt.ts';
import {
  authorizationUrl,
  connectWithToken,
  NOWHERE,
  type PlainClient,
  pkce,
  postForm,
  readJson,
  readMetadata,
  registerPlainClient,
} from '../../support/oauth/plain-client.ts';
import {
  type ProtectedServerOptions,
  startProtectedServer,
} from '../../support/oauth/protected-server.ts';
import { untilTestEnds } from '../../support/oauth/test-lifetime.ts';

/** A real authorization server, and an MCP server that it protects. */
async function start(
  options: AuthorizationServerOptions = {},
  protection: Omit<ProtectedServerOptions, 'authorizationServer'> = {},
) {
  const authorizationServer = await untilTestEnds(startAuthorizationServer(options));
  const backend = await untilTestEnds(startProtectedServer({ authorizationServer, ...protection }));
  return { authorizationServer, backend };
}

/** The answer of an authorization request after login and consent, not delivered. */
async function authorize(client: PlainClient, resource: string, scope: string, deny = false) {
  const { verifier, challenge } = pkce();
  const url = authorizationUrl(client, challenge, { resource, scope, prompt: 'consent' });
  const { url: callback } = await browse(url, { stopBeforeCallback: true, deny });
  return { verifier, callback };
}

/** Logs in; gives the token response. */
async function logIn(client: PlainClient, resource: string, scope = 'mcp:read offline_access') {
  const { verifier, callback } = await authorize(client, resource, scope);
  const answer = await postForm(client, 'token_endpoint', {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
    resource,
  });
  expect(answer.status).toBe(200);
  return readJson(answer);
}

function refresh(client: PlainClient, token: string): Promise<Response> {
  return postForm(client, 'token_endpoint', { grant_type: 'refresh_token', refresh_token: token });
}

describe('the real authorization server', () => {
  test('metadata has what a client of MCP looks for', async () => {
    const { issuer, seen } = await untilTestEnds(startAuthorizationServer());
    const { metadata } = await registerPlainClient(issuer);
    expect(metadata).toMatchObject({
      issuer,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      scopes_supported: ['openid', 'offline_access', 'mcp:read', 'mcp:write'],
      revocation_endpoint: expect.stringContaining(issuer),
    });
    expect(seen.at('register')).toMatchObject([
      { status: 201, params: { application_type: 'native' } },
    ]);
  });

  test('an issuer with a path is found at the path-inserted URL alone', async () => {
    const { issuer, origin, seen } = await untilTestEnds(
      startAuthorizationServer({ path: '/tenant' }),
    );
    const wellKnown = `${origin}/.well-known/oauth-authorization-server`;
    expect((await fetch(wellKnown)).status).toBe(404);
    const metadata = await readMetadata(issuer);
    expect(metadata).toMatchObject({ issuer, token_endpoint: `${origin}/tenant/token` });
    expect((await fetch(`${issuer}/.well-known/openid-configuration`)).status).toBe(200);
    expect(seen.all).toMatchObject([
      { endpoint: 'other', path: '/.well-known/oauth-authorization-server', status: 404 },
      { endpoint: 'metadata', status: 200 },
      { endpoint: 'openid', status: 200 },
    ]);
  });

  test.each(['opaque', 'jwt'] as const)('a login with %s access tokens', async (accessTokens) => {
    const { authorizationServer, backend } = await start({ accessTokens, path: '/tenant' });
    const client = await registerPlainClient(authorizationServer.issuer);
    const { clientId } = client;
    const { access_token: token = '' } = await logIn(client, backend.resource, 'mcp:read');
    expect(token.split('.')).toHaveLength(accessTokens === 'jwt' ? 3 : 1);
    const mcp = await connectWithToken(backend.url, token);
    const answer = await mcp.callTool({ name: 'whoami', arguments: {} });
    const [block] = answer['content'] as { text: string }[];
    expect(JSON.parse(block?.text ?? '')).toEqual({
      clientId,
      scopes: ['mcp:read'],
      subject: 'alice',
      audience: backend.resource,
    });
    await mcp.close();
    expect(backend.authorizations()).toEqual([`Bearer ${token}`]);
  });

  test('state and iss come back; consent can be denied', async () => {
    const { authorizationServer, backend } = await start();
    const client = await registerPlainClient(authorizationServer.issuer);
    const { callback } = await authorize(client, backend.resource, 'mcp:read', true);
    expect(Object.fromEntries(callback.searchParams)).toMatchObject({
      error: 'access_denied',
      state: 'the-state',
      iss: authorizationServer.issuer,
    });
  });

  test('a refresh token rotates, and its reuse ends the login', async () => {
    const { authorizationServer, backend } = await start();
    const { issuer, seen } = authorizationServer;
    const client = await registerPlainClient(issuer);
    const first = await logIn(client, backend.resource);
    const { refresh_token: spent = '' } = first;
    const second = await readJson(await refresh(client, spent));
    const { refresh_token: newest = '', access_token: access = '' } = second;
    expect(newest).not.toBe(spent);
    expect(await authorizationServer.check(access)).toMatchObject({
      audience: backend.resource,
      scopes: ['mcp:read'],
    });
    expect(seen.spent).toEqual([spent]);
    const again = await refresh(client, spent);
    expect(await again.json()).toMatchObject({ error: 'invalid_grant' });
    expect(seen.reused).toEqual([spent]);
    expect((await refresh(client, newest)).status).toBe(400);
    expect(await authorizationServer.check(access)).toBeUndefined();
    expect(seen.grants('refresh_token').map(({ status }) => status)).toEqual([200, 400, 400]);
  });

  test('revocation ends the login', async () => {
    const { authorizationServer, backend } = await start();
    const client = await registerPlainClient(authorizationServer.issuer);
    const { access_token: access = '', refresh_token: token = '' } = await logIn(
      client,
      backend.resource,
    );
    const revoked = await postForm(client, 'revocation_endpoint', { token });
    expect(revoked.status).toBe(200);
    expect(authorizationServer.seen.at('revoke')).toMatchObject([{ params: { token } }]);
    expect((await refresh(client, token)).status).toBe(400);
    expect(await authorizationServer.check(access)).toBeUndefined();
  });

  test('tokens can be made invalid by the test', async () => {
    const { authorizationServer, backend } = await start();
    const client = await registerPlainClient(authorizationServer.issuer);
    const { access_token: access = '', refresh_token: token = '' } = await logIn(
      client,
      backend.resource,
    );
    await authorizationServer.expireAccessTokens();
    expect(await authorizationServer.check(access)).toBeUndefined();
    const next = await refresh(client, token);
    expect(next.status).toBe(200);
    const { refresh_token: newest = '' } = await readJson(next);
    await authorizationServer.forgetRefreshTokens();
    expect((await refresh(client, newest)).status).toBe(400);
  });

  test.each([
    ['offline_access', 'mcp:read', false],
    ['offline_access', 'mcp:read offline_access', true],
    ['always', 'mcp:read', true],
    ['never', 'mcp:read offline_access', false],
  ] as const)('refresh tokens %s, scope "%s": %s', async (refreshTokens, scope, expected) => {
    const { authorizationServer, backend } = await start({ refreshTokens });
    const client = await registerPlainClient(authorizationServer.issuer);
    const tokens = await logIn(client, backend.resource, scope);
    expect('refresh_token' in tokens).toBe(expected);
  });

  test.each(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const)(
    'a client that is known before, with %s',
    async (method) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const redirectUri = NOWHERE;
      const { authorizationServer, backend } = await start({
        registration: false,
        clients: [
          {
            client_id: 'known',
            redirect_uris: [redirectUri],
            token_endpoint_auth_method: method,
            ...(method.startsWith('client_secret') && {
              client_secret: 'the-secret-of-the-client',
            }),
            ...(method === 'private_key_jwt' && { jwks: { keys: [publicJwk(privateKey)] } }),
          },
        ],
      });
      const { issuer } = authorizationServer;
      const metadata = await readMetadata(issuer);
      expect(metadata['registration_endpoint']).toBeUndefined();
      const client = { issuer, clientId: 'known', redirectUri, metadata };
      const { verifier, callback } = await authorize(client, backend.resource, 'mcp:read');
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: 'known', sub: 'known', aud: issuer, jti: verifier, exp: now + 60 };
      const proofs = {
        none: {},
        client_secret_basic: {},
        client_secret_post: { client_secret: 'the-secret-of-the-client' },
        private_key_jwt: {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: signJwt(claims, privateKey),
        },
      };
      const secret = Buffer.from('known:the-secret-of-the-client').toString('base64');
      const basic = method === 'client_secret_basic';
      const answer = await fetch(metadata['token_endpoint'] ?? '', {
        method: 'POST',
        headers: basic ? { authorization: `Basic ${secret}` } : {},
        body: new URLSearchParams({
          ...(basic ? {} : { client_id: 'known' }),
          ...proofs[method],
          grant_type: 'authorization_code',
          code: callback.searchParams.get('code') ?? '',
          redirect_uri: redirectUri,
          code_verifier: verifier,
        }),
      });
      expect(await answer.json()).toMatchObject({ token_type: 'Bearer' });
    },
  );
});

describe('the person with a browser', () => {
  /** A callback that counts its requests, as the loopback listener of a login would be. */
  async function startCallback() {
    const paths: string[] = [];
    const listener = await listen((request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>You are logged in</p>');
    });
    return untilTestEnds({ ...listener, paths });
  }

  async function loginUrl(origin: string) {
    const { authorizationServer, backend } = await start();
    const client = await registerPlainClient(authorizationServer.issuer, `${origin}/callback`);
    const { resource } = backend;
    return authorizationUrl(client, pkce().challenge, { resource, scope: 'mcp:read' });
  }

  test('ends at the page of the callback', async () => {
    const { origin, paths } = await startCallback();
    const visit = await browse(await loginUrl(origin));
    expect(visit).toMatchObject({ status: 200, text: '<p>You are logged in</p>' });
    expect(visit.url.href).toMatch(`${origin}/callback?code=`);
    expect(visit.visited.at(-1)).toBe(visit.url.href);
    expect(paths).toHaveLength(1);
  });

  test('may stop before it, or request it twice', async () => {
    const { origin, paths } = await startCallback();
    const url = await loginUrl(origin);
    expect(await browse(url, { stopBeforeCallback: true })).toMatchObject({ status: 0 });
    expect(paths).toHaveLength(0);
    const { again } = await browse(url, { callTwice: true });
    expect(again).toMatchObject({ status: 'fulfilled', value: { status: 200 } });
    expect(paths).toHaveLength(2);
  });

  test.runIf(hasChromium)('may use a real one', async () => {
    const { origin, paths } = await startCallback();
    const page = await browseWithChromium(await loginUrl(origin), { user: 'bob' });
    expect(page).toMatchObject({ status: 200, text: 'You are logged in' });
    expect(paths.filter((path) => path.startsWith('/callback?code='))).toHaveLength(1);
    const denied = await browseWithChromium(await loginUrl(origin), { deny: true });
    expect(denied.url.searchParams.get('error')).toBe('access_denied');
  });
});
