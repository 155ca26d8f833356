import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import type { ClientRegistration } from '../../../src/oauth/client/client-registration.ts';
import { DEVICE_CODE_GRANT } from '../../../src/oauth/tokens/device-code-grant.ts';
import { redeemDeviceCode, requestDeviceCode } from '../../../src/oauth/tokens/device-requests.ts';
import { type Handler, startServer } from '../../support/http/scripted-server.ts';
import {
  answering,
  answeringText,
  client,
  IMPATIENT_MS,
  NOW,
  oauthDeps,
  serverAt,
} from './token-requests-support.ts';

const DEVICE_CODE = 'the-device-code-that-nobody-sees';

const GOOD = {
  device_code: DEVICE_CODE,
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.test/device',
  expires_in: 900,
};

const TOKENS = { access_token: 'new-access-token', refresh_token: 'new-refresh', expires_in: 60 };

interface Setting {
  settings?: OAuthSettings;
  scopes?: string[];
  resource?: string;
  client?: ClientRegistration;
  timeoutMs?: number;
}

/** An authorization server that answers as scripted, and the two requests to it. */
async function deviceServer(handle: Handler, setting: Setting = {}) {
  const server = await startServer(handle);
  const { settings = {}, scopes = [], resource, timeoutMs } = setting;
  const endpoint = `${server.origin}/device`;
  const metadata = { device_authorization_endpoint: endpoint };
  const common = {
    ...{ authorizationServer: serverAt(server.origin, metadata), scopes, resource },
    client: setting.client ?? client(),
  };
  const world = oauthDeps({ timeoutMs });
  return {
    ...world,
    server,
    sent: () => Object.fromEntries(new URLSearchParams(server.received.at(-1)?.body)),
    start: () => requestDeviceCode({ ...common, endpoint, settings }, world.deps),
    redeem: () => redeemDeviceCode({ ...common, deviceCode: DEVICE_CODE }, world.deps),
  };
}

describe('requestDeviceCode', () => {
  test('sends scope, resource and what the configuration adds (RFC 8628 §3.1)', async () => {
    const { start, server, sent, secrets, lines } = await deviceServer(answering(GOOD), {
      ...{ scopes: ['read', 'write'], resource: 'https://mcp.test/mcp' },
      settings: { audience: 'urn:api', extraParams: { login_hint: 'alice' } },
    });
    expect(await start()).toEqual({
      ...{ deviceCode: DEVICE_CODE, userCode: 'WDJB-MJHT', url: 'https://as.test/device' },
      ...{ urlComplete: undefined, expiresAt: NOW + 900_000, intervalMs: 5000 },
    });
    expect(sent()).toEqual({
      ...{ client_id: 'the-client', scope: 'read write', resource: 'https://mcp.test/mcp' },
      ...{ audience: 'urn:api', login_hint: 'alice' },
    });
    expect(server.received).toMatchObject([{ method: 'POST', path: '/device' }]);
    expect(secrets).toEqual([DEVICE_CODE]);
    expect(lines.join()).toContain('the request for a device code');
    expect(lines.join()).not.toContain(DEVICE_CODE);
  });

  test('sends nothing that is not wanted, and proves a client with a secret', async () => {
    const { start, server, sent } = await deviceServer(answering(GOOD), {
      client: client({ clientSecret: 's3cret-of-ours', authMethod: 'client_secret_basic' }),
    });
    await start();
    expect(sent()).toEqual({ client_id: 'the-client' });
    expect(server.received[0]?.headers.authorization).toBe(
      `Basic ${btoa('the-client:s3cret-of-ours')}`,
    );
  });

  test.each<[string, object, object]>([
    ['an interval', { interval: 2 }, { intervalMs: 2000 }],
    ['an interval as text', { interval: '7' }, { intervalMs: 7000 }],
    ['an interval of nothing', { interval: 0 }, { intervalMs: 5000 }],
    ['an interval below nothing', { interval: -1 }, { intervalMs: 5000 }],
    ['an interval that is null', { interval: null }, { intervalMs: 5000 }],
    ['a life as text', { expires_in: '300' }, { expiresAt: NOW + 300_000 }],
    ['no life', { expires_in: undefined }, { expiresAt: NOW + 600_000 }],
    ['a life that is none', { expires_in: 0 }, { expiresAt: NOW + 600_000 }],
    ['a life of ages', { expires_in: 1e12 }, { expiresAt: NOW + 600_000 }],
    [
      'the address with the code',
      { verification_uri_complete: 'https://as.test/device?c=1' },
      { urlComplete: 'https://as.test/device?c=1' },
    ],
    [
      'the names of Google',
      { verification_uri: undefined, verification_url: 'https://g.test/d' },
      { url: 'https://g.test/d' },
    ],
    ['a null beside it', { verification_uri_complete: null }, { urlComplete: undefined }],
    [
      'a code that would drive the terminal',
      { user_code: '\u001b[2J\u001b]0;x\u0007AB\r\nCD' },
      { userCode: '[2J ]0;x AB CD' },
    ],
  ])('reads %s', async (_, members, expected) => {
    const { start } = await deviceServer(answering({ ...GOOD, ...members }));
    expect(await start()).toMatchObject(expected);
  });

  test.each<[string, object, string]>([
    ['no device_code', { device_code: undefined }, 'no device_code'],
    ['an empty device_code', { device_code: '' }, 'no device_code'],
    ['a number for a device_code', { device_code: 4 }, 'no device_code'],
    ['no user_code', { user_code: null }, 'no user_code'],
    ['a user_code of control characters', { user_code: '\u001b\u0007' }, 'no user_code'],
    ['no address', { verification_uri: undefined }, 'no verification_uri'],
  ])('refuses %s', async (_, members, why) => {
    const { start } = await deviceServer(answering({ ...GOOD, ...members }));
    await expect(start()).rejects.toMatchObject({
      code: 'TOKEN_REQUEST_FAILED',
      message: expect.stringContaining(why),
      hint: expect.any(String),
    });
  });

  test.each<[string, Handler, string, string, RegExp]>([
    [
      'invalid_client',
      answering({ error: 'invalid_client' }, 401),
      'TOKEN_REQUEST_FAILED',
      'invalid_client',
      /--force/,
    ],
    [
      'unauthorized_client',
      answering({ error: 'unauthorized_client' }, 400),
      'TOKEN_REQUEST_FAILED',
      'unauthorized_client',
      /grant of device code.*take `grant` out/,
    ],
    [
      "GitHub's word for it",
      answering({ error: 'device_flow_disabled' }),
      'TOKEN_REQUEST_FAILED',
      'device_flow_disabled',
      /grant of device code/,
    ],
    [
      'invalid_scope',
      answering({ error: 'invalid_scope' }, 400),
      'INVALID_SCOPE',
      'invalid_scope',
      /`scopes`/,
    ],
    [
      'invalid_target',
      answering({ error: 'invalid_target' }, 400),
      'TOKEN_REQUEST_FAILED',
      'invalid_target',
      /`resource`/,
    ],
    ['404', answering({}, 404), 'TOKEN_REQUEST_FAILED', 'answered 404', /./],
    [
      'HTML',
      answeringText('<p>no', 'text/html', 500),
      'TOKEN_REQUEST_FAILED',
      'answered 500',
      /later/,
    ],
    ['silence', () => {}, 'TOKEN_REQUEST_FAILED', 'did not answer', /network/],
  ])('%s is the end', async (_, handle, code, shown, hint) => {
    const { start } = await deviceServer(handle, { timeoutMs: IMPATIENT_MS });
    await expect(start()).rejects.toMatchObject({
      ...{ code, message: expect.stringContaining(shown), hint: expect.stringMatching(hint) },
    });
  });
});

describe('redeemDeviceCode', () => {
  test('sends the code and the resource, and brings the tokens (RFC 8628 §3.4)', async () => {
    const { redeem, sent, secrets } = await deviceServer(answering(TOKENS), {
      ...{ scopes: ['read'], resource: 'https://mcp.test/mcp' },
    });
    expect(await redeem()).toEqual({
      ...{ accessToken: 'new-access-token', refreshToken: 'new-refresh' },
      ...{ expiresAt: NOW + 60_000, obtainedAt: NOW, scopes: ['read'] },
    });
    expect(sent()).toEqual({
      ...{ grant_type: DEVICE_CODE_GRANT, device_code: DEVICE_CODE, client_id: 'the-client' },
      resource: 'https://mcp.test/mcp',
    });
    expect(secrets).toEqual(['new-access-token', 'new-refresh']);
  });

  test.each<[string, Handler, string]>([
    ['authorization_pending', answering({ error: 'authorization_pending' }, 400), 'pending'],
    ["with GitHub's 200", answering({ error: 'authorization_pending' }), 'pending'],
    ["with Google's 428", answering({ error: 'authorization_pending' }, 428), 'pending'],
    ['slow_down', answering({ error: 'slow_down', interval: 10 }, 400), 'slow_down'],
    ["with Google's 403", answering({ error: 'slow_down' }, 403), 'slow_down'],
    ['with a 429', answering({ error: 'slow_down' }, 429), 'slow_down'],
    ['a 429 without a word', answering({}, 429), 'failed'],
    ['a 408', answering({}, 408), 'failed'],
    ['a 500', answering({ error: 'server_error' }, 500), 'failed'],
    ['a 502 of a proxy', answeringText('<p>Bad gateway', 'text/html', 502), 'failed'],
    ['temporarily_unavailable', answering({ error: 'temporarily_unavailable' }, 400), 'failed'],
    ['silence', () => {}, 'failed'],
    ['a reset', (_, response) => void response.socket?.resetAndDestroy(), 'failed'],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100, 'content-type': 'application/json' });
        response.write('{"acc', () => response.socket?.resetAndDestroy());
      },
      'failed',
    ],
  ])('%s: not yet', async (_, handle, notYet) => {
    const { redeem } = await deviceServer(handle, { timeoutMs: IMPATIENT_MS });
    expect(await redeem()).toMatchObject({ notYet, error: { code: 'TOKEN_REQUEST_FAILED' } });
  });

  test('a server that is gone: not yet', async () => {
    const { redeem, server } = await deviceServer(answering(TOKENS));
    await server.close();
    expect(await redeem()).toMatchObject({ notYet: 'failed' });
  });

  test('a server with too much to do says for how long', async () => {
    const { redeem } = await deviceServer((_, response) =>
      response.writeHead(429, { 'retry-after': '30' }).end(),
    );
    expect(await redeem()).toMatchObject({ notYet: 'failed', error: { retryAfterMs: 30_000 } });
  });

  test.each<[string, Handler, string, RegExp]>([
    ['access_denied', answering({ error: 'access_denied' }, 400), 'ACCESS_DENIED', /allow/],
    [
      "Microsoft's word for it",
      answering({ error: 'authorization_declined' }, 400),
      'ACCESS_DENIED',
      /allow/,
    ],
    [
      'expired_token',
      answering({ error: 'expired_token' }, 400),
      'LOGIN_TIMEOUT',
      /^Start the login again/,
    ],
    [
      'invalid_grant',
      answering({ error: 'invalid_grant' }, 400),
      'TOKEN_REQUEST_FAILED',
      /used before, or has expired/,
    ],
    [
      "GitHub's word for it",
      answering({ error: 'incorrect_device_code' }),
      'TOKEN_REQUEST_FAILED',
      /used before, or has expired/,
    ],
    [
      'invalid_client',
      answering({ error: 'invalid_client' }, 401),
      'TOKEN_REQUEST_FAILED',
      /--force/,
    ],
    [
      'unsupported_grant_type',
      answering({ error: 'unsupported_grant_type' }, 400),
      'TOKEN_REQUEST_FAILED',
      /grant of device code/,
    ],
    ['invalid_request', answering({ error: 'invalid_request' }, 400), 'TOKEN_REQUEST_FAILED', /./],
    ['invalid_scope', answering({ error: 'invalid_scope' }, 400), 'INVALID_SCOPE', /`scopes`/],
    ['a 404', answering({}, 404), 'TOKEN_REQUEST_FAILED', /./],
    ['HTML', answeringText('<p>', 'text/html'), 'TOKEN_REQUEST_FAILED', /./],
    ['no token', answering({ token_type: 'Bearer' }), 'TOKEN_REQUEST_FAILED', /./],
    [
      'a redirect',
      (_, response) => void response.writeHead(307, { location: 'https://evil.test/' }).end(),
      'TOKEN_REQUEST_FAILED',
      /./,
    ],
  ])('%s is the end', async (_, handle, code, hint) => {
    const { redeem } = await deviceServer(handle);
    await expect(redeem()).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) });
  });

  test('shows no device code that the server repeats', async () => {
    const description = `no: ${DEVICE_CODE}`;
    const { redeem } = await deviceServer(
      answering({ error: 'invalid_grant', error_description: description }, 400),
    );
    await expect(redeem()).rejects.toMatchObject({
      message: expect.not.stringContaining(DEVICE_CODE),
    });
  });
});
