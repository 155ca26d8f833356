import { createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  answering,
  answeringText,
  CODE,
  client,
  NOW,
  REDIRECT,
  requestAt,
  tokenEndpoint,
  tokenSet,
  VERIFIER,
} from './token-requests-support.ts';

const GOOD = { access_token: 'new-access-token', token_type: 'Bearer' };

describe('exchangeCode', () => {
  test('sends exactly the parameters of the grant, and nothing of the library', async () => {
    const { exchange, server, sent, secrets, lines } = await tokenEndpoint(
      answering({ ...GOOD, refresh_token: 'new-refresh-token', expires_in: 60, scope: 'read' }),
      { resource: 'https://mcp.test/mcp' },
    );
    const tokens = await exchange();
    expect(tokens).toEqual({
      ...{ accessToken: 'new-access-token', refreshToken: 'new-refresh-token' },
      ...{ expiresAt: NOW + 60_000, obtainedAt: NOW, scopes: ['read'] },
    });
    expect(Object.fromEntries(sent())).toEqual({
      ...{ grant_type: 'authorization_code', code: CODE, redirect_uri: REDIRECT },
      ...{ code_verifier: VERIFIER, resource: 'https://mcp.test/mcp', client_id: 'the-client' },
    });
    const { headers, method, path } = server.received[0] ?? {};
    expect([method, path]).toEqual(['POST', '/token']);
    expect(headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    });
    expect(headers?.authorization).toBeUndefined();
    expect(headers?.['user-agent'] ?? '').not.toContain('openid-client');
    expect(secrets).toEqual([CODE, 'new-access-token', 'new-refresh-token']);
    expect(lines.join()).toContain(`the token request: ${server.origin}/token answered 200`);
    for (const secret of [...secrets, VERIFIER]) expect(lines.join()).not.toContain(secret);
  });

  test('the redirect URI is sent as it was registered, not as a URL parser would write it', async () => {
    const { exchange, server, sent } = await tokenEndpoint(answering(GOOD));
    const redirectUri = 'http://LocalHost:4711/a/../callback?x=1';
    await exchange(requestAt(server.origin, { redirectUri }));
    expect(sent().get('redirect_uri')).toBe(redirectUri);
    expect(sent().has('resource')).toBe(false);
  });

  test.each<[string, Record<string, string | string[]>, boolean, string]>([
    ['another state', { code: CODE, state: 'other' }, false, 'STATE_MISMATCH'],
    ['no state', { code: CODE }, false, 'STATE_MISMATCH'],
    ['two states', { code: CODE, state: ['the-state', 'x'] }, false, 'STATE_MISMATCH'],
    [
      'another issuer',
      { code: CODE, state: 'the-state', iss: 'https://evil.test' },
      false,
      'ISSUER_MISMATCH',
    ],
    ['no issuer where it is required', { code: CODE, state: 'the-state' }, true, 'ISSUER_MISMATCH'],
    ['no code', { state: 'the-state' }, false, 'TOKEN_REQUEST_FAILED'],
    ['two codes', { state: 'the-state', code: [CODE, 'x'] }, false, 'TOKEN_REQUEST_FAILED'],
  ])('%s: nothing is sent', async (_, parameters, issRequired, code) => {
    const { exchange, server } = await tokenEndpoint(answering(GOOD));
    const pairs = Object.entries(parameters).flatMap(([name, values]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    );
    const request = requestAt(server.origin, { issRequired });
    await expect(exchange(request, new URLSearchParams(pairs))).rejects.toMatchObject({
      code,
      hint: expect.any(String),
      message: expect.not.stringContaining('evil'),
    });
    expect(server.received).toEqual([]);
  });

  test('the right issuer is accepted', async () => {
    const { exchange, server } = await tokenEndpoint(answering(GOOD));
    const response = new URLSearchParams({ code: CODE, state: 'the-state', iss: server.origin });
    const tokens = await exchange(requestAt(server.origin, { issRequired: true }), response);
    expect(tokens).toEqual({ accessToken: 'new-access-token', obtainedAt: NOW, scopes: ['asked'] });
  });
});

describe('answers that are not quite what RFC 6749 has', () => {
  test.each<[string, Parameters<typeof answering>, object]>([
    ['status 201', [GOOD, 201], {}],
    ['no token_type', [{ access_token: 'new-access-token' }], {}],
    [
      'nulls',
      [
        {
          ...GOOD,
          refresh_token: null,
          token_type: null,
          scope: null,
          expires_in: null,
          id_token: null,
          error: null,
        },
      ],
      {},
    ],
    ['a broken ID token', [{ ...GOOD, id_token: 'x.y.z' }], {}],
    ['expires_in as text', [{ ...GOOD, expires_in: '60' }], { expiresAt: NOW + 60_000 }],
    ['expires_in 0', [{ ...GOOD, expires_in: 0 }], {}],
    ['a negative expires_in', [{ ...GOOD, expires_in: -5 }], {}],
    ['an absurd expires_in', [{ ...GOOD, expires_in: 1e40 }], {}],
    ['an empty error', [{ ...GOOD, error: '' }], {}],
  ])('%s', async (_, answer, expected) => {
    const { exchange } = await tokenEndpoint(answering(...answer));
    expect(await exchange()).toEqual({
      ...{ accessToken: 'new-access-token', obtainedAt: NOW, scopes: ['asked'] },
      ...expected,
    });
  });

  test.each([
    [
      'application/x-www-form-urlencoded; charset=utf-8',
      'access_token=new-access-token&scope=repo%2Cgist&token_type=bearer',
    ],
    ['text/html', '\uFEFF{"access_token":"new-access-token","scope":"repo gist"}'],
  ])('%s', async (type, text) => {
    const { exchange } = await tokenEndpoint(answeringText(text, type));
    const tokens = await exchange();
    expect(tokens).toEqual({
      accessToken: 'new-access-token',
      obtainedAt: NOW,
      scopes: ['repo', 'gist'],
    });
  });
});

describe('refreshTokens', () => {
  test('keeps the refresh token and the scopes when the answer has none', async () => {
    const { refresh, sent } = await tokenEndpoint(answering({ ...GOOD, expires_in: 60 }), {
      resource: 'https://mcp.test/mcp',
    });
    expect(await refresh()).toEqual({
      ...{ accessToken: 'new-access-token', refreshToken: 'old-refresh-token' },
      ...{ expiresAt: NOW + 60_000, obtainedAt: NOW, scopes: ['read', 'write'] },
    });
    expect(Object.fromEntries(sent())).toEqual({
      ...{ grant_type: 'refresh_token', refresh_token: 'old-refresh-token' },
      ...{ resource: 'https://mcp.test/mcp', client_id: 'the-client' },
    });
  });

  test('takes what the answer has', async () => {
    const { refresh, secrets } = await tokenEndpoint(
      answering({ ...GOOD, refresh_token: 'new-refresh-token', scope: 'read' }),
    );
    expect(await refresh(tokenSet({ expiresAt: 5 }))).toEqual({
      ...{ accessToken: 'new-access-token', refreshToken: 'new-refresh-token' },
      ...{ obtainedAt: NOW, scopes: ['read'] },
    });
    expect(secrets).toEqual(['new-access-token', 'new-refresh-token']);
  });

  test('asks for nothing without a refresh token', async () => {
    const { refresh, server } = await tokenEndpoint(answering(GOOD));
    const { refreshToken: _, ...tokens } = tokenSet();
    await expect(refresh(tokens)).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
    expect(server.received).toEqual([]);
  });
});

describe('client authentication', () => {
  const SECRET = 'a-secret_with.all!of:them &%+ü';

  test('Basic encodes as encodeURIComponent does (RFC 6749 §2.3.1)', async () => {
    const own = client({
      clientId: 'id-1_2.3:x',
      clientSecret: SECRET,
      authMethod: 'client_secret_basic',
    });
    const { exchange, server, sent } = await tokenEndpoint(answering(GOOD), { client: own });
    await exchange();
    const { authorization = '' } = server.received[0]?.headers ?? {};
    const plain = 'id-1_2.3%3Ax:a-secret_with.all!of%3Athem%20%26%25%2B%C3%BC';
    expect(authorization).toBe(`Basic ${Buffer.from(plain).toString('base64')}`);
    expect([sent().has('client_secret'), sent().has('client_id')]).toEqual([false, false]);
  });

  test('post', async () => {
    const own = client({ clientSecret: SECRET, authMethod: 'client_secret_post' });
    const { refresh, server, sent } = await tokenEndpoint(answering(GOOD), { client: own });
    await refresh();
    expect([sent().get('client_id'), sent().get('client_secret')]).toEqual(['the-client', SECRET]);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });

  test.each([
    ['metadata', 'the issuer'],
    ['settings', 'the token endpoint'],
  ] as const)('private_key_jwt: with %s the audience is %s', async (source, _) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const own = client({
      ...{ source: 'configured', authMethod: 'private_key_jwt' },
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    const { refresh, server, sent } = await tokenEndpoint(answering(GOOD), { client: own, source });
    await refresh();
    const assertion = sent().get('client_assertion') ?? '';
    const [header = '', payload = '', signature = ''] = assertion.split('.');
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header)).toEqual({ alg: 'RS256' });
    expect(decode(payload)).toMatchObject({
      ...{ iss: 'the-client', sub: 'the-client', jti: expect.any(String), exp: expect.any(Number) },
      aud: source === 'metadata' ? server.origin : `${server.origin}/token`,
    });
    const verify = createVerify('RSA-SHA256').update(`${header}.${payload}`);
    expect(verify.verify(publicKey, signature, 'base64url')).toBe(true);
    expect(sent().get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
    expect(sent().get('client_id')).toBe('the-client');
  });

  test('private_key_jwt: an Ed25519 key signs by the name that the server lists', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const own = client({
      ...{ source: 'configured', authMethod: 'private_key_jwt' },
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    for (const alg of ['EdDSA', 'Ed25519']) {
      const metadata = { token_endpoint_auth_signing_alg_values_supported: ['RS256', alg] };
      const { refresh, sent } = await tokenEndpoint(answering(GOOD), { client: own, metadata });
      await refresh();
      const [header = ''] = (sent().get('client_assertion') ?? '').split('.');
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg });
    }
  });

  test.each([
    ['configured', 'client_secret_basic', '`client_secret`'],
    ['configured', 'private_key_jwt', '`private_key`'],
    ['dynamic', 'client_secret_post', 'has no secret any more'],
  ] as const)('%s, %s: a credential that is gone is named', async (source, authMethod, what) => {
    const { refresh, server } = await tokenEndpoint(answering(GOOD), {
      client: client({ source, authMethod }),
    });
    await expect(refresh()).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', message: expect.stringContaining(what) },
      hint: expect.any(String),
    });
    expect(server.received).toEqual([]);
  });
});
