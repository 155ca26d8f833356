import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import {
  logInAsClient,
  obtainWithClientCredentials,
} from '../../../src/oauth/grants/client-credentials.ts';
import type { LoginTarget } from '../../../src/oauth/login-target.ts';
import { renewTokens } from '../../../src/oauth/renew.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { KnownIssuers } from '../../../src/oauth/store/known-issuers.ts';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import { type Handler, startServer } from '../../support/http/scripted-server.ts';
import { memoryFiles } from '../../support/memory-stores.ts';
import { startPair } from '../../support/oauth/auth-home.ts';
import { publicJwk } from '../../support/oauth/jwt.ts';
import type { KnownClient } from '../../support/oauth/provider-configuration.ts';
import { KEY, memoryLogins, someLogin } from '../../support/stored-login.ts';
import { answering, NOW, oauthDeps, serverAt } from './token-requests-support.ts';

const SECRET = 'the-secret-of-the-client';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => String(key.export({ type: 'pkcs8', format: 'pem' }));

const WITH_SECRET: OAuthSettings = {
  ...{ grant: 'client_credentials', clientId: 'robot', clientSecret: SECRET },
};
const WITH_KEY: OAuthSettings = {
  ...{ grant: 'client_credentials', clientId: 'robot', privateKey: pem(privateKey) },
};

const TOKENS = { access_token: 'new-access-token', token_type: 'Bearer', expires_in: 60 };

/** A login of the client that is renewed at a token endpoint that answers as scripted. */
async function renewal(handle: Handler, settings = WITH_SECRET, more: Partial<StoredLogin> = {}) {
  const server = await startServer(handle);
  const world = oauthDeps();
  const login: StoredLogin = {
    ...someLogin({
      authorizationServer: serverAt(server.origin),
      client: { source: 'configured', clientId: 'robot', authMethod: 'client_secret_basic' },
      tokens: { accessToken: 'old', obtainedAt: 0, scopes: ['read', 'write'] },
    }),
    ...{ revision: 'r', ...more },
  };
  const renew = () => renewTokens(login, settings, world.deps);
  const sent = () => Object.fromEntries(new URLSearchParams(server.received.at(-1)?.body));
  return { ...world, server, renew, sent, login };
}

describe('renewTokens for a client', () => {
  test('asks for the scopes and the resource of the login (RFC 6749 §4.4.2)', async () => {
    const { renew, server, sent, secrets } = await renewal(answering(TOKENS));
    expect(await renew()).toEqual({
      ...{ accessToken: 'new-access-token', expiresAt: NOW + 60_000, obtainedAt: NOW },
      scopes: ['read', 'write'],
    });
    expect(sent()).toEqual({
      ...{ grant_type: 'client_credentials', scope: 'read write' },
      resource: 'https://x.example/mcp',
    });
    expect(server.received[0]?.headers.authorization).toBe(`Basic ${btoa(`robot:${SECRET}`)}`);
    expect(secrets).toEqual([SECRET, 'new-access-token']);
  });

  test('adds what the configuration adds, and keeps no refresh token (RFC 6749 §4.4.3)', async () => {
    const tokens = { ...TOKENS, refresh_token: 'not-wanted', scope: 'read' };
    const { renew, sent, secrets } = await renewal(answering(tokens), {
      ...{ ...WITH_SECRET, tokenEndpointAuthMethod: 'client_secret_post' },
      ...{ audience: 'urn:api', extraParams: { organization: 'acme' } },
    });
    const renewed = await renew();
    expect(renewed).not.toHaveProperty('refreshToken');
    expect(renewed.scopes).toEqual(['read']);
    expect(sent()).toMatchObject({
      ...{ client_id: 'robot', client_secret: SECRET },
      ...{ audience: 'urn:api', organization: 'acme' },
    });
    expect(secrets).toContain('not-wanted');
  });

  test('follows the configuration where that has another credential now', async () => {
    const { renew, sent, server } = await renewal(answering(TOKENS), WITH_KEY);
    await renew();
    expect(server.received[0]?.headers.authorization).toBeUndefined();
    expect(sent()).toHaveProperty('client_assertion');
  });

  test.each<[string, KeyObject, string, string]>([
    ['EC', privateKey, 'ES256', 'sha256'],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'RS256', 'sha256'],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, 'EdDSA', ''],
  ])('signs with an %s key (RFC 7523 §3)', async (_, key, alg, hash) => {
    const { renew, sent, server } = await renewal(answering(TOKENS), {
      ...{ ...WITH_KEY, privateKey: pem(key) },
    });
    const seen = new Set<string>();
    for (const _again of [1, 2]) {
      const begun = Math.floor(Date.now() / 1000);
      await renew();
      const form = sent();
      expect(form).toMatchObject({
        ...{ grant_type: 'client_credentials', client_id: 'robot' },
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      });
      const [header = '', payload = '', signature = ''] = (form['client_assertion'] ?? '').split(
        '.',
      );
      const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
      // Nobody has told a key id, and a wrong one would be refused.
      expect(read(header)).toEqual({ alg });
      const claims = read(payload);
      expect(claims).toMatchObject({ iss: 'robot', sub: 'robot', aud: server.origin });
      expect(claims.exp - begun).toBeGreaterThan(0);
      expect(claims.exp - begun).toBeLessThanOrEqual(120);
      expect(claims.jti).toEqual(expect.stringMatching(/^.{16,}$/));
      seen.add(claims.jti);
      const bytes = Buffer.from(signature, 'base64url');
      const proof = { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' as const };
      expect(verify(hash || null, Buffer.from(`${header}.${payload}`), proof, bytes)).toBe(true);
    }
    expect(seen.size).toBe(2);
  });

  test.each([
    ['invalid_request', 400, /`client_id`, `client_secret`/],
    ['invalid_client', 401, /`client_id`, `client_secret`/],
    ['invalid_grant', 400, /`client_id`, `client_secret`/],
    ['bad_refresh_token', 200, /`client_id`, `client_secret`/],
    ['unauthorized_client', 400, /grant of client credentials/],
    ['unsupported_grant_type', 400, /grant of client credentials/],
    ['invalid_scope', 400, /`scopes`/],
    ['invalid_target', 400, /`resource`/],
    ['access_denied', 403, /`client_id`, `client_secret`/],
    ['temporarily_unavailable', 503, /try again later/],
    ['', 429, /too many requests/],
    ['', 401, /`client_id`, `client_secret`/],
  ])('%s with %d blames nothing that is stored', async (error, status, hint) => {
    const { renew } = await renewal(answering({ error }, status));
    await expect(renew()).rejects.toMatchObject({
      ...{ code: 'REFRESH_FAILED', status, hint: expect.stringMatching(hint) },
    });
    const { renew: renewWithKey } = await renewal(
      answering({ error: 'invalid_client' }, 401),
      WITH_KEY,
    );
    await expect(renewWithKey()).rejects.toMatchObject({
      ...{ code: 'REFRESH_FAILED', hint: expect.stringContaining('`private_key`') },
    });
  });

  test('a key that is none is a problem of the configuration, and nothing is sent', async () => {
    const { renew, server } = await renewal(answering(TOKENS), {
      ...{ ...WITH_KEY, privateKey: 'no key' },
    });
    await expect(renew()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(server.received).toEqual([]);
  });

  test('with a refresh token and another grant, it is a refresh', async () => {
    const tokens = { accessToken: 'old', refreshToken: 'r-1', obtainedAt: 0, scopes: ['read'] };
    const { renew, sent } = await renewal(
      answering(TOKENS),
      { grant: 'device_code' },
      {
        tokens,
        client: { source: 'dynamic', clientId: 'tv', authMethod: 'none' },
      },
    );
    expect(await renew()).toMatchObject({ accessToken: 'new-access-token', refreshToken: 'r-1' });
    expect(sent()).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'r-1' });
  });
});

type Row = [string, Partial<KnownClient>, OAuthSettings];

const BASIC: Row = ['client_secret_basic', { client_secret: SECRET }, WITH_SECRET];

const CLIENTS: Row[] = [
  BASIC,
  [
    'client_secret_post',
    { client_secret: SECRET },
    { ...WITH_SECRET, tokenEndpointAuthMethod: 'client_secret_post' },
  ],
  ['private_key_jwt', { jwks: { keys: [publicJwk(privateKey)] } }, WITH_KEY],
];

/** A real authorization server that knows the client, a protected server, and what a login works with. */
async function robotAt(method: string, known: Partial<KnownClient>, settings: OAuthSettings) {
  const client: KnownClient = {
    ...{ client_id: 'robot', redirect_uris: [], grant_types: ['client_credentials'], ...known },
    // The first column of CLIENTS.
    token_endpoint_auth_method: method as KnownClient['token_endpoint_auth_method'],
  };
  const pair = await startPair({ clients: [client], registration: false });
  const files = memoryFiles();
  const { deps, lines } = oauthDeps();
  const issuers = new KnownIssuers(files);
  const challenges = new ChallengeRecords(files, () => {});
  const all = { ...deps, issuers, challenges, resolve: async () => ['127.0.0.1'] };
  const target: LoginTarget = { key: KEY, url: pair.server.url, headers: {}, settings };
  return { ...pair, files, deps: all, lines, target, issuers };
}

describe('obtainWithClientCredentials', () => {
  test.each(CLIENTS)('%s at a real authorization server', async (method, known, settings) => {
    const { provider, server, deps, target, files, issuers } = await robotAt(
      method,
      known,
      settings,
    );
    const login = await obtainWithClientCredentials(target, deps);
    expect(login).toEqual({
      ...{ server: 'x', loggedInAt: NOW, resource: server.url.href },
      authorizationServer: { metadata: expect.any(Object), source: 'metadata' },
      client: expect.objectContaining({
        source: 'configured',
        clientId: 'robot',
        authMethod: method,
      }),
      tokens: {
        ...{ accessToken: expect.any(String), obtainedAt: NOW, expiresAt: NOW + 3_600_000 },
        scopes: ['mcp:read'],
      },
    });
    expect(login.client).not.toHaveProperty('redirectUri');
    expect(await provider.check(login.tokens.accessToken)).toMatchObject({
      ...{ clientId: 'robot', subject: 'robot', audience: server.url.href, scopes: ['mcp:read'] },
    });
    // Nothing is saved but whose secret it is.
    expect([...files.texts.keys()]).toEqual([`issuers/${KEY.file}`]);
    expect(issuers.get(KEY.file)).toBe(provider.issuer);

    const stored = { ...login, revision: 'r' };
    const renewed = await renewTokens(stored, settings, deps);
    expect(renewed.accessToken).not.toBe(login.tokens.accessToken);
    expect(await provider.check(renewed.accessToken)).toMatchObject({ audience: server.url.href });
    expect(provider.seen.grants('client_credentials')).toHaveLength(2);
  });

  test('does not show the secret to another authorization server than before', async () => {
    const { deps, target, issuers, provider } = await robotAt(...BASIC);
    await issuers.put(KEY.file, 'https://as.example');
    await expect(obtainWithClientCredentials(target, deps)).rejects.toMatchObject({
      ...{ code: 'ISSUER_MISMATCH', hint: expect.stringContaining('`issuer`') },
    });
    expect(provider.seen.at('token')).toEqual([]);
    expect(issuers.get(KEY.file)).toBe('https://as.example');
  });

  test('needs no metadata where the token endpoint is given', async () => {
    const { deps, target, provider, server } = await robotAt(...BASIC);
    const settings = { ...WITH_SECRET, tokenEndpoint: `${provider.origin}/token` };
    const login = await obtainWithClientCredentials({ ...target, settings }, deps);
    expect(login.authorizationServer).toMatchObject({ source: 'settings', issuerGuessed: true });
    expect(login.tokens.scopes).toEqual(['mcp:read']);
    expect(provider.seen.at('metadata')).toEqual([]);
    expect(await provider.check(login.tokens.accessToken)).toMatchObject({
      audience: server.url.href,
    });
  });

  test('says what to mend when the client is refused, and remembers no issuer', async () => {
    const { deps, target, issuers, lines } = await robotAt(...BASIC);
    const settings = { ...WITH_SECRET, clientSecret: 'a-wrong-secret' };
    const failure = await obtainWithClientCredentials({ ...target, settings }, deps).catch(
      (e) => e,
    );
    expect(failure).toMatchObject({
      ...{ code: 'TOKEN_REQUEST_FAILED', status: 401 },
      hint: 'Check `client_id`, `client_secret` and `token_endpoint_auth_method`.',
    });
    expect(issuers.get(KEY.file)).toBeUndefined();
    expect(lines.join() + failure.message).not.toContain('a-wrong-secret');
  });

  test('is not led into a private network', async () => {
    const { deps, target, provider } = await robotAt(...BASIC);
    const resolve = async (host: string) => (host === '127.0.0.1' ? ['127.0.0.1'] : ['8.8.8.8']);
    const url = new URL('https://public.example/mcp');
    const fetch: typeof deps.fetch = async (input) => {
      const { pathname } = new URL(input);
      if (!pathname.startsWith('/.well-known/oauth-protected-resource'))
        return new Response('', { status: 401 });
      return Response.json({ resource: url.href, authorization_servers: [provider.origin] });
    };
    await expect(
      obtainWithClientCredentials({ ...target, url }, { ...deps, resolve, fetch }),
    ).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining('loopback'),
    });
    expect(provider.seen.all).toEqual([]);
  });

  test('gives no token to a server in clear text', async () => {
    const { deps, target } = await robotAt(...BASIC);
    const url = new URL('http://public.example/mcp');
    await expect(obtainWithClientCredentials({ ...target, url }, deps)).rejects.toMatchObject({
      code: 'INSECURE_URL',
    });
  });
});

describe('logInAsClient', () => {
  test('asks for the scopes that the person names, and saves', async () => {
    const { deps, target, provider } = await robotAt(...BASIC);
    const { logins, keychain } = memoryLogins();
    const options = {
      scopes: ['mcp:write'],
      force: false,
      patience: 1000,
      signal: new AbortController().signal,
    };
    const saved = await logInAsClient(target, options, { ...deps, logins, store: keychain });
    expect(saved.tokens.scopes).toEqual(['mcp:write']);
    expect(await logins.read(KEY)).toMatchObject({
      revision: saved.revision,
      client: { clientId: 'robot' },
    });
    expect([...keychain.items.values()].join()).not.toContain(SECRET);
    expect(provider.seen.grants('client_credentials')).toMatchObject([
      { status: 200, params: { scope: 'mcp:write', resource: target.url?.href } },
    ]);
  });

  test('is ended by the signal, and saves nothing', async () => {
    const { deps, target } = await robotAt(...BASIC);
    const { logins, keychain } = memoryLogins();
    const reason = new Error('enough');
    const options = { force: false, patience: 1000, signal: AbortSignal.abort(reason) };
    await expect(logInAsClient(target, options, { ...deps, logins, store: keychain })).rejects.toBe(
      reason,
    );
    expect(await logins.read(KEY)).toBeUndefined();
  });
});
