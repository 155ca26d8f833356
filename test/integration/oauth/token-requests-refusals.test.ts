import { createServer } from 'node:https';
import { describe, expect, test } from 'vitest';
import type { McpMasterError } from '../../../src/errors.ts';
import type { ClientRegistration } from '../../../src/oauth/client/client-registration.ts';
import { exchangeCode, refreshTokens } from '../../../src/oauth/tokens/token-requests.ts';
import { makeCertificates } from '../../support/http/certificates.ts';
import { freePort, type Handler, json, startServer } from '../../support/http/scripted-server.ts';
import {
  answering,
  answeringText,
  CODE,
  client,
  IMPATIENT_MS,
  NOW,
  oauthDeps,
  requestAt,
  serverAt,
  tokenEndpoint,
  tokenSet,
  VERIFIER,
} from './token-requests-support.ts';

const rejection = (promise: Promise<unknown>): Promise<McpMasterError> =>
  promise.then(
    () => expect.fail('it was fulfilled'),
    (error) => error,
  );

/** The errors of an exchange and of a refresh that get this answer. */
async function both(handle: Handler, own: Partial<ClientRegistration> = {}, timeoutMs?: number) {
  const { exchange, refresh, server } = await tokenEndpoint(handle, {
    ...{ client: client(own), timeoutMs },
  });
  return { server, exchange: await rejection(exchange()), refresh: await rejection(refresh()) };
}

describe('errors of RFC 6749 §5.2', () => {
  test.each<[string, string, string, string]>([
    ['invalid_grant', 'TOKEN_REQUEST_FAILED', 'REFRESH_REJECTED', 'used before, has expired'],
    ['invalid_client', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', '--force'],
    ['unauthorized_client', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', '--force'],
    ['invalid_scope', 'INVALID_SCOPE', 'REFRESH_FAILED', '`scopes`'],
    ['access_denied', 'ACCESS_DENIED', 'REFRESH_FAILED', 'allow the access'],
    ['invalid_target', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', '`resource`'],
    ['unsupported_grant_type', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', 'endpoints'],
    ['invalid_request', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', 'endpoints'],
    ['constructor', 'TOKEN_REQUEST_FAILED', 'REFRESH_FAILED', 'endpoints'],
  ])('%s', async (error, loginCode, refreshCode, hint) => {
    const answer = answering({ error, error_description: 'because\nof this' }, 400);
    const { exchange, refresh, server } = await both(answer);
    const shown = (what: string) =>
      `${server.origin}/token answered 400 to the ${what}: ${error}: because of this`;
    expect(exchange).toMatchObject({
      code: loginCode,
      message: shown('token request'),
      status: 400,
    });
    expect(exchange.hint).toContain(hint);
    expect(refresh).toMatchObject({
      code: refreshCode,
      message: shown('refresh request'),
      status: 400,
    });
    expect(refresh.hint).toEqual(expect.any(String));
  });

  test.each([
    ['configured', '`client_secret`'],
    ['metadata_document', '`client_metadata_url`'],
    ['dynamic', '--force'],
  ] as const)('401 without a word, %s client', async (source, hint) => {
    const { exchange, refresh } = await both((_, response) => response.writeHead(401).end(), {
      source,
    });
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 401 });
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status: 401 });
    expect([exchange.hint, refresh.hint]).toEqual([
      expect.stringContaining(hint),
      expect.stringContaining(hint),
    ]);
  });

  test.each([
    ['bad_refresh_token', 'REFRESH_REJECTED'],
    ['incorrect_client_credentials', 'REFRESH_FAILED'],
  ])("GitHub's %s, with status 200", async (error, code) => {
    const { exchange, refresh } = await both(answering({ error, error_description: 'x' }));
    expect(exchange).toMatchObject({
      code: 'TOKEN_REQUEST_FAILED',
      message: expect.stringContaining(error),
    });
    expect(refresh).toMatchObject({ code, message: expect.stringContaining(error) });
  });

  test('as a form', async () => {
    const form = answeringText(
      'error=bad_verification_code&error_description=It+is+wrong.',
      'application/x-www-form-urlencoded',
    );
    const { exchange } = await both(form);
    expect(exchange.message).toContain('bad_verification_code: It is wrong.');
    expect(exchange.hint).toContain('used before');
  });

  test.each([500, 503, 429])('invalid_grant with status %d is no verdict', async (status) => {
    const { refresh } = await both(answering({ error: 'invalid_grant' }, status));
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status });
  });

  test('shows neither what was sent nor long texts', async () => {
    const echo: Handler = ({ body, headers }, response) => {
      const sent = new URLSearchParams(body);
      const credentials = headers.authorization ?? '';
      const decoded = Buffer.from(credentials.slice(6), 'base64').toString();
      const values = [decoded, ...sent.values(), body, credentials].join(' ');
      json(
        response,
        { error: 'x'.repeat(9_000), error_description: values + 'y'.repeat(9_000) },
        400,
      );
    };
    const secret = 'a secret/with+signs';
    for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
      const { exchange, refresh } = await both(echo, { clientSecret: secret, authMethod });
      for (const { message } of [exchange, refresh]) {
        expect(message.length).toBeLessThan(600);
        expect(message).toContain('***');
        const basic = Buffer.from(`the-client:${encodeURIComponent(secret)}`).toString('base64');
        for (const value of [CODE, VERIFIER, 'old-refresh-token', secret, basic]) {
          expect(message).not.toContain(value);
          expect(message).not.toContain(encodeURIComponent(value));
        }
      }
    }
  });
});

describe('servers in trouble', () => {
  test.each<[string, Handler, string, number | undefined, string]>([
    [
      '500 with JSON',
      answering({ message: 'boom' }, 500),
      'answered 500 to the refresh request: boom',
      500,
      'later',
    ],
    [
      '502 with HTML',
      answeringText('<html>Bad Gateway', 'text/html', 502),
      'answered 502 to the refresh request: text/html instead of a JSON object',
      502,
      'later',
    ],
    [
      '404',
      answeringText('Not Found', 'text/plain', 404),
      'answered 404 to the refresh request: text/plain',
      404,
      'log in again',
    ],
    [
      'HTML',
      answeringText('<!doctype html>', 'text/html'),
      ': text/html instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'invalid JSON',
      answeringText('{"access_token":"leaked-token', 'application/json'),
      ': invalid JSON instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'a list',
      answering([{ access_token: 'leaked-token' }]),
      ': a JSON array instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'nothing',
      answeringText('', 'application/json'),
      ': an empty body instead of a JSON object',
      200,
      'log in again',
    ],
    ['no token', answering({ scope: 'a' }), 'no access_token', 200, 'log in again'],
    [
      'a DPoP token',
      answering({ access_token: 'leaked-token', token_type: 'DPoP' }),
      'of the type DPoP',
      200,
      'log in again',
    ],
    [
      'another value',
      answeringText('"leaked-token"', 'application/json'),
      ': another JSON value instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'text',
      answeringText('leaked-token', 'text/plain'),
      ': text/plain instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'no type',
      answeringText('leaked-token', ''),
      ': a body without a content type instead of a JSON object',
      200,
      'log in again',
    ],
    [
      'a huge answer',
      answeringText('x'.repeat(1024 * 1024 + 1), 'application/json'),
      ': more than 1 MB',
      200,
      'log in again',
    ],
  ])('%s', async (_, handle, message, status, hint) => {
    const { exchange, refresh } = await both(handle);
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status });
    expect(refresh.message).toContain(message);
    expect(refresh.hint).toContain(hint);
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status });
    expect(exchange.message).toContain(message.replace('refresh request', 'token request'));
    expect(`${exchange.message}${refresh.message}`).not.toContain('leaked-token');
  });

  test.each<[string, number | undefined, string]>([
    ['7', 7_000, 'in 7 seconds'],
    [new Date(NOW + 90_000).toUTCString(), 90_000, 'in 90 seconds'],
    ['nonsense', undefined, 'later'],
  ])('429 with Retry-After %s', async (after, retryAfterMs, hint) => {
    const { exchange, refresh } = await both((_, response) =>
      response.writeHead(429, { 'retry-after': after }).end(),
    );
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status: 429, retryAfterMs });
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 429, retryAfterMs });
    expect(refresh.hint).toContain(hint);
  });

  test('a redirect is not followed', async () => {
    const other = await startServer(answering({ access_token: 'stolen' }));
    const { exchange, refresh } = await both((_, response) =>
      response.writeHead(307, { location: `${other.origin}/elsewhere?code=x` }).end(),
    );
    for (const { message } of [exchange, refresh]) {
      expect(message).toContain(`: a redirect to ${other.origin}, which is not followed`);
    }
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 307 });
    expect(other.connections()).toBe(0);
  });

  test.each<[string, Handler, string]>([
    [
      'cut before the answer',
      (_, response) => void response.socket?.destroy(),
      'was cut before the answer came; the request may or may not have been carried out',
    ],
    [
      'cut in the middle',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"access_token":"leaked', () => response.socket?.destroy());
      },
      'was cut',
    ],
  ])('%s', async (_, handle, message) => {
    const { exchange, refresh } = await both(handle);
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status: undefined });
    expect(refresh.message).toContain(message);
    expect(refresh.hint).toContain('Check the network');
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: undefined });
  });

  test.each<[string, Handler]>([
    ['silent', () => {}],
    ['silent in the middle', (_, response) => void response.writeHead(200).write('{')],
  ])('%s', async (_, handle) => {
    const { exchange, refresh } = await both(handle, {}, IMPATIENT_MS);
    expect(refresh).toMatchObject({ code: 'REFRESH_FAILED', status: undefined });
    expect(refresh.message).toContain('did not answer the refresh request within 0.3 seconds');
    expect(refresh.hint).toContain('Check the network');
    expect(exchange).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: undefined });
  });

  test('nobody there', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    const asking = { authorizationServer: serverAt(origin), client: client() };
    const { deps } = oauthDeps();
    const error = await rejection(refreshTokens({ ...asking, tokens: tokenSet() }, deps));
    expect(error).toMatchObject({
      code: 'REFRESH_FAILED',
      hint: expect.stringContaining('network'),
    });
    expect(error.message).toContain(
      `the refresh request to ${origin}/token failed: no server answers`,
    );
  });

  test('a certificate that is not trusted says how to trust it', async () => {
    const { key, cert } = makeCertificates();
    const server = await startServer(answering({}), createServer({ key, cert }));
    const origin = server.origin.replace('http:', 'https:');
    const asking = { authorizationServer: serverAt(origin), client: client() };
    const { deps } = oauthDeps();
    const error = await rejection(refreshTokens({ ...asking, tokens: tokenSet() }, deps));
    expect(error).toMatchObject({ code: 'REFRESH_FAILED', cause: { code: 'TLS_UNTRUSTED' } });
    expect(error.message).toContain('is not trusted');
    expect(error.hint).toContain('NODE_EXTRA_CA_CERTS');
    expect(server.received).toEqual([]);
  });

  test.each([
    ['http://as.test/token', 'INSECURE_URL'],
    ['ftp://as.test/token', 'INSECURE_URL'],
    ['rubbish', 'DISCOVERY_FAILED'],
  ])('nothing is sent to %s', async (token_endpoint, code) => {
    const fetch = () => expect.fail('something was sent');
    const { deps } = oauthDeps({ fetch });
    const asking = {
      authorizationServer: serverAt('https://as.test', { token_endpoint }),
      client: client(),
    };
    const request = requestAt('https://as.test');
    const response = new URLSearchParams({ code: CODE, state: request.state });
    await expect(exchangeCode({ ...asking, request, response }, deps)).rejects.toMatchObject({
      code,
    });
    await expect(refreshTokens({ ...asking, tokens: tokenSet() }, deps)).rejects.toMatchObject({
      code,
    });
  });
});
