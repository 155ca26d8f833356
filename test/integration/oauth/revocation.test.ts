import { describe, expect, test } from 'vitest';
import type { ClientRegistration } from '../../../src/oauth/client/client-registration.ts';
import type { ServerMetadata } from '../../../src/oauth/discovery/authorization-server.ts';
import { revokeTokens } from '../../../src/oauth/tokens/revocation.ts';
import type { TokenSet } from '../../../src/oauth/tokens/token-set.ts';
import { type Handler, json, startServer } from '../../support/http/scripted-server.ts';
import {
  answering,
  client,
  IMPATIENT_MS,
  oauthDeps,
  serverAt,
  tokenSet,
} from './token-requests-support.ts';

interface Setting {
  client?: Partial<ClientRegistration>;
  metadata?: Partial<ServerMetadata>;
  tokens?: TokenSet;
  timeoutMs?: number;
}

/** Revokes at an endpoint that answers as scripted; `sent` are the forms that it got. */
async function revocation(handle: Handler, setting: Setting = {}) {
  const server = await startServer(handle);
  const { deps, lines } = oauthDeps({ timeoutMs: setting.timeoutMs });
  const authorizationServer = serverAt(server.origin, setting.metadata);
  const { tokens = tokenSet() } = setting;
  const revoke = () =>
    revokeTokens({ authorizationServer, client: client(setting.client), tokens }, deps);
  const sent = () =>
    server.received.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
  return { server, revoke, sent, lines };
}

const done: Handler = (_, response) => void response.writeHead(200).end();
const unsupported = answering({ error: 'unsupported_token_type' }, 400);

describe('revokeTokens', () => {
  test('revokes the refresh token, then the access token (RFC 7009 §2.1)', async () => {
    const { revoke, sent, server, lines } = await revocation(done);
    expect(await revoke()).toBe(true);
    expect(sent()).toEqual([
      { token: 'old-refresh-token', token_type_hint: 'refresh_token', client_id: 'the-client' },
      { token: 'old-access-token', token_type_hint: 'access_token', client_id: 'the-client' },
    ]);
    expect(server.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /revoke',
      'POST /revoke',
    ]);
    expect(lines.join()).not.toMatch(/old-\w+-token/);
  });

  test('there may be no refresh token', async () => {
    const { refreshToken: _, ...tokens } = tokenSet();
    const { revoke, sent } = await revocation(done, { tokens });
    expect(await revoke()).toBe(true);
    expect(sent().map((form) => form['token'])).toEqual(['old-access-token']);
  });

  test.each<[string, Handler]>([
    ['204', (_, response) => void response.writeHead(204).end()],
    ['text', (_, response) => void response.end('OK')],
    ['JSON', answering({ revoked: true })],
  ])('%s is a success', async (_, handle) => {
    const { revoke } = await revocation(handle);
    expect(await revoke()).toBe(true);
  });

  test('false where it is not offered', async () => {
    const { revoke, server } = await revocation(done);
    const { revocation_endpoint: _, ...metadata } = serverAt(server.origin).metadata;
    const { deps } = oauthDeps();
    const asking = {
      authorizationServer: { metadata, source: 'metadata' },
      client: client(),
    } as const;
    expect(await revokeTokens({ ...asking, tokens: tokenSet() }, deps)).toBe(false);
    expect(server.received).toEqual([]);
    expect(await revoke()).toBe(true);
  });

  test('a server may revoke one type only, or none', async () => {
    const one = await revocation(({ body }, response) => {
      if (body.includes('refresh_token')) response.end();
      else json(response, { error: 'unsupported_token_type' }, 400);
    });
    expect([await one.revoke(), one.server.received.length]).toEqual([true, 2]);
    const none = await revocation(unsupported);
    expect([await none.revoke(), none.server.received.length]).toEqual([false, 2]);
  });

  test.each<[string[] | undefined, boolean]>([
    [undefined, true],
    [['client_secret_basic'], true],
    [['client_secret_post'], false],
  ])('client authentication where the endpoint lists %j', async (listed, basic) => {
    const { revoke, server, sent } = await revocation(done, {
      client: { clientSecret: 'a-client-secret', authMethod: 'client_secret_basic' },
      metadata: listed === undefined ? {} : { revocation_endpoint_auth_methods_supported: listed },
    });
    await revoke();
    const { authorization } = server.received[0]?.headers ?? {};
    expect(authorization?.startsWith('Basic ') ?? false).toBe(basic);
    expect(sent()[0]?.['client_secret']).toBe(basic ? undefined : 'a-client-secret');
  });

  test.each<[string, Handler, string, number | undefined]>([
    [
      'refused',
      answering({ error: 'invalid_client', error_description: 'not old-refresh-token' }, 401),
      'answered 401 to the revocation of the refresh token: invalid_client: not ***',
      401,
    ],
    ['an error in a success', answering({ error: 'invalid_request' }), 'invalid_request', 200],
    ['503', answering({}, 503), 'answered 503', 503],
    ['cut', (_, response) => void response.socket?.destroy(), 'was cut', undefined],
  ])('%s: an error', async (_, handle, message, status) => {
    const { revoke } = await revocation(handle);
    await expect(revoke()).rejects.toMatchObject({
      ...{ code: 'TOKEN_REQUEST_FAILED', status, hint: expect.any(String) },
      message: expect.stringContaining(message),
    });
  });

  test('silent: an error', async () => {
    const { revoke } = await revocation(() => {}, { timeoutMs: IMPATIENT_MS });
    await expect(revoke()).rejects.toMatchObject({
      ...{ code: 'TOKEN_REQUEST_FAILED', status: undefined },
      message: expect.stringContaining('within 0.3 seconds'),
    });
  });

  test('nothing is sent without encryption', async () => {
    const { revoke, server } = await revocation(done, {
      metadata: { revocation_endpoint: 'http://as.test/revoke' },
    });
    await expect(revoke()).rejects.toMatchObject({ code: 'INSECURE_URL' });
    expect(server.received).toEqual([]);
  });
});
