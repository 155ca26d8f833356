import { describe, expect, test } from 'vitest';
import type { McpMasterError } from '../../../src/errors.ts';
import { chooseClient } from '../../../src/oauth/client/choose-client.ts';
import type {
  AuthorizationServer,
  ServerMetadata,
} from '../../../src/oauth/discovery/authorization-server.ts';
import { type Handler, json, startServer } from '../../support/http/scripted-server.ts';
import {
  answering,
  answeringText,
  client,
  IMPATIENT_MS,
  NOW,
  oauthDeps,
  REDIRECT,
  serverAt,
} from './token-requests-support.ts';

const GOOD = { client_id: 'registered', client_id_issued_at: 0, redirect_uris: [REDIRECT] };

/** Lets a client be registered at an endpoint that answers as scripted. */
async function registration(
  handle: Handler,
  metadata: Partial<ServerMetadata> = {},
  source: AuthorizationServer['source'] = 'metadata',
  timeoutMs?: number,
) {
  const server = await startServer(handle);
  const { deps, lines, secrets } = oauthDeps({ timeoutMs });
  const authorizationServer = serverAt(server.origin, metadata, source);
  const register = (scopes: string[] = [], remembered = client(), force = true) =>
    chooseClient(
      {
        ...{ settings: {}, authorizationServer, redirectUri: REDIRECT },
        remembered,
        scopes,
        force,
      },
      deps,
    );
  return { server, register, lines, secrets };
}

const rejection = (promise: Promise<unknown>): Promise<McpMasterError> =>
  promise.then(
    () => expect.fail('it was fulfilled'),
    (error) => error,
  );

describe('what is sent', () => {
  test('RFC 7591 §3.1, as a native client', async () => {
    const { server, register } = await registration(answering(GOOD, 201));
    expect(await register(['read', 'write'])).toEqual({
      ...{ source: 'dynamic', clientId: 'registered', authMethod: 'none', redirectUri: REDIRECT },
      scopes: ['read', 'write'],
    });
    const [received] = server.received;
    expect(server.received.length).toBe(1);
    expect(received).toMatchObject({ method: 'POST', path: '/register' });
    expect(received?.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/json',
    });
    expect(JSON.parse(received?.body ?? '')).toEqual({
      ...{ client_name: 'mcp-master', redirect_uris: [REDIRECT], response_types: ['code'] },
      ...{ grant_types: ['authorization_code', 'refresh_token'], application_type: 'native' },
      ...{ token_endpoint_auth_method: 'none', scope: 'read write' },
    });
  });

  test.each<[string[] | undefined, string]>([
    [undefined, 'none'],
    [['client_secret_basic', 'none'], 'none'],
    [['client_secret_basic', 'client_secret_post'], 'client_secret_basic'],
    [['client_secret_post'], 'client_secret_post'],
    [['private_key_jwt'], 'none'],
  ])(
    'where %j are listed, %s is asked for; no scope where none is known',
    async (listed, method) => {
      const metadata =
        listed === undefined ? {} : { token_endpoint_auth_methods_supported: listed };
      const { server, register } = await registration(answering(GOOD, 201), metadata);
      await register();
      const sent = JSON.parse(server.received[0]?.body ?? '');
      expect(sent.token_endpoint_auth_method).toBe(method);
      expect(sent).not.toHaveProperty('scope');
    },
  );

  test('a client that is remembered is not registered again', async () => {
    const { server, register } = await registration(answering(GOOD, 201));
    expect(await register([], client(), false)).toEqual(client());
    expect(server.received).toEqual([]);
  });
});

describe('what is accepted', () => {
  const secret = { client_secret: 'the-registered-secret' };
  const basic = { clientSecret: 'the-registered-secret', authMethod: 'client_secret_basic' };
  test.each<[string, object, number, object]>([
    ['status 200', GOOD, 200, {}],
    ['nothing but a client_id', { client_id: 'registered' }, 201, {}],
    [
      'nulls',
      { ...GOOD, client_secret: null, redirect_uris: null, token_endpoint_auth_method: null },
      201,
      {},
    ],
    ['an empty secret', { ...GOOD, client_secret: '' }, 201, {}],
    [
      'a method without the secret for it',
      { ...GOOD, token_endpoint_auth_method: 'client_secret_post' },
      201,
      {},
    ],
    [
      'a secret that is not needed',
      { ...GOOD, ...secret, token_endpoint_auth_method: 'none' },
      201,
      {},
    ],
    ['a secret without client_secret_expires_at and method', { ...GOOD, ...secret }, 201, basic],
    [
      'a secret and its method',
      { ...GOOD, ...secret, token_endpoint_auth_method: 'client_secret_post' },
      201,
      { ...basic, authMethod: 'client_secret_post' },
    ],
    ['more redirect URIs', { ...GOOD, redirect_uris: ['http://127.0.0.1/x', REDIRECT] }, 201, {}],
    ['an empty list of redirect URIs', { ...GOOD, redirect_uris: [] }, 201, {}],
  ])('%s', async (_, answer, status, expected) => {
    const { register, secrets, lines } = await registration(answering(answer, status));
    expect(await register()).toEqual({
      ...{ source: 'dynamic', clientId: 'registered', authMethod: 'none', redirectUri: REDIRECT },
      ...{ scopes: [], ...expected },
    });
    expect(secrets).toEqual('clientSecret' in expected ? ['the-registered-secret'] : []);
    expect(lines.join()).not.toContain('the-registered-secret');
  });

  test.each<[string, unknown, string]>([
    ['no client_id', { client_secret: 'the-registered-secret' }, 'no client_id'],
    [
      'other redirect URIs',
      { ...GOOD, redirect_uris: ['http://127.0.0.1/'] },
      `its redirect_uris lack ${REDIRECT}`,
    ],
    [
      'a method that is not ours',
      { ...GOOD, ...secret, token_endpoint_auth_method: 'client_secret_jwt' },
      'method is client_secret_jwt',
    ],
  ])('not %s', async (_, answer, why) => {
    const { register } = await registration(answering(answer, 201));
    const error = await rejection(register());
    expect(error).toMatchObject({
      code: 'REGISTRATION_FAILED',
      hint: expect.stringContaining('client_id: "…"'),
    });
    expect(error.message).toContain(why);
    expect(error.message).not.toContain('the-registered-secret');
  });
});

describe('what is refused', () => {
  const own = 'then write in the entry of this server: auth_config';
  test.each<[string, Handler, string, number | undefined, string]>([
    [
      'invalid metadata',
      answering({ error: 'invalid_client_metadata', error_description: 'no\tnative clients' }, 400),
      'answered 400 to the client registration: invalid_client_metadata: no native clients',
      400,
      own,
    ],
    [
      'a redirect URI',
      answering({ error: 'invalid_redirect_uri' }, 400),
      'invalid_redirect_uri',
      400,
      `one that it accepts instead of ${REDIRECT}`,
    ],
    [
      'everything but tokens',
      answering({ error: 'invalid_token' }, 401),
      'invalid_token',
      401,
      own,
    ],
    ['everybody', answeringText('Forbidden', 'text/plain', 403), 'answered 403', 403, own],
    ['nobody: it is not there', answeringText('', 'text/plain', 404), 'answered 404', 404, own],
    ['POST', answeringText('', 'text/plain', 405), 'answered 405', 405, own],
    [
      'by a proxy',
      answeringText('<html>', 'text/html'),
      'answered 200 to the client registration: text/html instead of a JSON object',
      200,
      own,
    ],
    [
      'by a broken server',
      answering({ message: 'boom' }, 500),
      'answered 500 to the client registration: boom',
      500,
      'try again later',
    ],
    [
      'with an error and status 201',
      answering({ error: 'access_denied' }, 201),
      'access_denied',
      201,
      own,
    ],
    [
      'by cutting the line',
      (_, response) => void response.socket?.destroy(),
      'the client registration to',
      undefined,
      'Check the network',
    ],
  ])('%s', async (_, handle, message, status, hint) => {
    const { register } = await registration(handle);
    const error = await rejection(register());
    expect(error).toMatchObject({ code: 'REGISTRATION_FAILED', status });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  test('slowly', async () => {
    const { register } = await registration(() => {}, {}, 'metadata', IMPATIENT_MS);
    const error = await rejection(register());
    expect(error).toMatchObject({ code: 'REGISTRATION_FAILED', status: undefined });
    expect(error.message).toContain('did not answer the client registration within 0.3 seconds');
    expect(error.hint).toContain('Check the network');
  });

  test('for a while', async () => {
    const after = new Date(NOW + 30_000).toUTCString();
    const { register } = await registration((_, response) => {
      response.setHeader('retry-after', after);
      json(response, { error: 'slow_down' }, 429);
    });
    const error = await rejection(register());
    expect(error).toMatchObject({ code: 'REGISTRATION_FAILED', status: 429, retryAfterMs: 30_000 });
    expect(error.hint).toContain('in 30 seconds');
  });

  test('elsewhere: a redirect is not followed', async () => {
    const other = await startServer(answering(GOOD, 201));
    const { register } = await registration((_, response) =>
      response.writeHead(308, { location: other.origin }).end(),
    );
    const error = await rejection(register());
    expect(error).toMatchObject({ code: 'REGISTRATION_FAILED', status: 308 });
    expect(error.message).toContain(
      `answered 308 to the client registration: a redirect to ${other.origin}, which`,
    );
    expect(other.connections()).toBe(0);
  });

  test('without encryption', async () => {
    const { register, server } = await registration(answering(GOOD, 201), {
      registration_endpoint: 'http://as.test/register',
    });
    await expect(register()).rejects.toMatchObject({ code: 'INSECURE_URL' });
    expect(server.received).toEqual([]);
  });

  test('at an assumed server: the status tells that nothing is there', async () => {
    const { register } = await registration(answeringText('', 'text/plain', 404), {}, 'assumed');
    const error = await rejection(register());
    expect(error).toMatchObject({ code: 'REGISTRATION_FAILED', status: 404 });
    expect(error.hint).toContain('auth_config: { client_id:');
  });
});
