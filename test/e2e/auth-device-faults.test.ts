import { describe, expect, it } from 'vitest';
import {
  type Answer,
  changed,
  cutShort,
  reset,
  respond,
  silence,
} from '../support/oauth/answers.ts';
import { openAuthHome } from '../support/oauth/auth-home.ts';
import {
  first,
  type Override,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { DEVICE_GRANT } from '../support/oauth/seen-requests.ts';

/** An error response (RFC 6749 §5.2, RFC 8628 §3.5). */
function refuse(error: string, status = 400): Override {
  return () => respond(status, { error, error_description: 'so it is' });
}

/** The right device code with other members; undefined takes one out. */
function device(members: Record<string, unknown>): Script {
  return { device: (_, right) => changed(right(), members) };
}

/** So many logins at a time are enough for a small machine. */
const places = [Promise.resolve(), Promise.resolve(), Promise.resolve()];
let next = 0;

/** A login by device code at a server that follows a script, up to its end; in a home of its own. */
async function logIn(script: Script, flags: string[] = []) {
  const place = next++ % places.length;
  const login = (places[place] ?? Promise.resolve()).then(() => logInNow(script, flags));
  places[place] = login.then(
    () => undefined,
    () => undefined,
  );
  return login;
}

async function logInNow(script: Script, flags: string[]) {
  const provider = await startMisbehavingAuthorizationServer(script);
  const home = await openAuthHome();
  try {
    await home.configure({
      api: { url: provider.url.href, auth_config: { grant: 'device_code' } },
    });
    const login = home.startLogin(['api', ...flags]);
    const ended = await login.ended;
    const [status] = (await home.json(['auth', 'status'])).value;
    const { events } = login;
    return { ...ended, status, events, last: events.at(-1) ?? {}, seen: provider.seen };
  } finally {
    await home.close();
    await provider.close();
  }
}

type Failure = { code: string; message: RegExp; hint: RegExp };

function expectFailure(end: Awaited<ReturnType<typeof logIn>>, failure: Failure, shown: boolean) {
  const { code, message, hint } = failure;
  const error = {
    ...{ event: 'error', server: 'api', code },
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  };
  expect(end.last).toEqual(error);
  expect(end).toMatchObject({ code: 4, signal: null });
  expect(end.events.map(({ event }) => event)).toEqual(
    shown ? ['device_code', 'error'] : ['error'],
  );
}

const AGAIN = /^Log in again: the code was used before, or has expired/;
const CLIENT = /^Log in with --force, which registers a new client/;
const GRANT = /^Allow the client the grant of device code at the provider, or take `grant` out/;
const CHECK = /^Check `issuer`/;
const REFUSED = 'TOKEN_REQUEST_FAILED';

describe('asking for the tokens of a device code', () => {
  it.concurrent.each<[string, Override, Failure]>([
    [
      'access_denied',
      refuse('access_denied'),
      { code: 'ACCESS_DENIED', message: /400 .*: access_denied: so it/, hint: /allow the access/ },
    ],
    [
      'expired_token',
      refuse('expired_token'),
      { code: 'LOGIN_TIMEOUT', message: /400 .*: expired_token/, hint: /^Start the login again/ },
    ],
    [
      'invalid_grant',
      refuse('invalid_grant'),
      { code: REFUSED, message: /400 .*: invalid_grant/, hint: AGAIN },
    ],
    [
      'invalid_client',
      refuse('invalid_client', 401),
      { code: REFUSED, message: /401 .*: invalid_client/, hint: CLIENT },
    ],
    [
      'unauthorized_client',
      refuse('unauthorized_client'),
      { code: REFUSED, message: /unauthorized/, hint: GRANT },
    ],
    [
      'unsupported_grant_type',
      refuse('unsupported_grant_type'),
      { code: REFUSED, message: /unsupported/, hint: GRANT },
    ],
    [
      'invalid_request',
      refuse('invalid_request'),
      { code: REFUSED, message: /invalid_request/, hint: CHECK },
    ],
    [
      'invalid_scope',
      refuse('invalid_scope'),
      { code: 'INVALID_SCOPE', message: /invalid_scope/, hint: /^Check `scopes`/ },
    ],
    [
      'invalid_target',
      refuse('invalid_target'),
      { code: REFUSED, message: /invalid_target/, hint: /^Set `resource`/ },
    ],
    [
      'a 404',
      () => respond(404, 'Not found'),
      { code: REFUSED, message: /answered 404/, hint: CHECK },
    ],
    [
      'HTML',
      () => respond(200, '<h1>Hi</h1>'),
      { code: REFUSED, message: /text\/html instead of a JSON object/, hint: CHECK },
    ],
    [
      'no token',
      (_, right) => changed(right(), { access_token: undefined }),
      { code: REFUSED, message: /no access_token/, hint: CHECK },
    ],
    [
      'a redirect',
      () => respond(307, '', { location: 'https://evil.example/' }),
      {
        code: REFUSED,
        message: /a redirect to https:\/\/evil\.example, which is not followed/,
        hint: CHECK,
      },
    ],
  ])('ends with %s', async (_, token, failure) => {
    const end = await logIn({ token });
    expectFailure(end, failure, true);
    expect(end.seen.grants(DEVICE_GRANT)).toHaveLength(1);
    expect(end.status).toMatchObject({ store: null, state: 'login_required' });
  });

  it.concurrent.each<[string, Override]>([
    ['authorization_pending', refuse('authorization_pending')],
    ['authorization_pending with a 200', refuse('authorization_pending', 200)],
    ['a 500', () => respond(500, 'oops')],
    ['a 503 that wants a pause', () => respond(503, '', { 'retry-after': '1' })],
    ['a 429', () => respond(429, '')],
    ['a reset', reset],
    [
      'half an answer of something',
      () => cutShort(respond(200, { error: 'authorization_pending' })),
    ],
  ])('goes on after %s', async (_, wrong) => {
    const end = await logIn({ token: first(2, wrong) });
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
    expect(end.seen.grants(DEVICE_GRANT)).toHaveLength(3);
  });

  it.concurrent('asks five seconds later each time it is told to slow down', async () => {
    const times: number[] = [];
    const token: Override = (_, right) => {
      times.push(performance.now());
      const pending: Answer = respond(400, { error: 'authorization_pending' });
      const said = [pending, respond(400, { error: 'slow_down' }), pending];
      return said[times.length - 1] ?? right();
    };
    const end = await logIn({ token });
    expect(end).toMatchObject({ code: 0 });
    const pauses = times.slice(1).map((time, at) => (time - (times[at] ?? 0)) / 1000);
    expect(pauses).toHaveLength(3);
    // A second at first, and six from then on.
    expect(pauses[0]).toBeGreaterThanOrEqual(0.95);
    expect(pauses[1]).toBeGreaterThanOrEqual(5.95);
    expect(pauses[2]).toBeGreaterThanOrEqual(5.95);
  });

  it.concurrent('says what was in the way when the time is over', async () => {
    const end = await logIn({ token: reset }, ['--timeout=2']);
    const message =
      /^nobody has confirmed the code in 2 s, and the last request failed: the token request to /;
    expectFailure(end, { code: 'LOGIN_TIMEOUT', message, hint: /^Check the network/ }, true);
  });

  it.concurrent('does not wait for an answer that never comes', async () => {
    const end = await logIn({ token: silence }, ['--timeout=2']);
    const message = /the last request failed: .* did not answer the token request within/;
    expectFailure(end, { code: 'LOGIN_TIMEOUT', message, hint: /^Check the network/ }, true);
  });
});

describe('asking for a device code', () => {
  it.concurrent.each<[string, Script, Failure]>([
    [
      'is refused: invalid_client',
      { device: refuse('invalid_client', 401) },
      {
        code: REFUSED,
        message: /401 to the request for a device code: invalid_client/,
        hint: CLIENT,
      },
    ],
    [
      'is refused: unauthorized_client',
      { device: refuse('unauthorized_client') },
      { code: REFUSED, message: /unauthorized_client/, hint: GRANT },
    ],
    [
      'is refused: invalid_scope',
      { device: refuse('invalid_scope') },
      { code: 'INVALID_SCOPE', message: /invalid_scope/, hint: /^Check `scopes`/ },
    ],
    [
      'is an error of the server',
      { device: () => respond(500, 'oops') },
      { code: REFUSED, message: /answered 500/, hint: /try again later/ },
    ],
    [
      'is reset',
      { device: reset },
      {
        code: REFUSED,
        message: /the request for a device code to .* failed/,
        hint: /^Check the network/,
      },
    ],
    [
      'brings no device_code',
      device({ device_code: undefined }),
      { code: REFUSED, message: /there is no device_code in it/, hint: CHECK },
    ],
    [
      'brings no user_code',
      device({ user_code: null }),
      { code: REFUSED, message: /there is no user_code in it/, hint: CHECK },
    ],
    [
      'brings no address',
      device({ verification_uri: undefined }),
      { code: REFUSED, message: /there is no verification_uri in it/, hint: CHECK },
    ],
    [
      'brings a program for the browser',
      device({ verification_uri: 'javascript:alert(1)' }),
      {
        code: 'INSECURE_URL',
        message: /verification_uri is "javascript:alert\(1\)"/,
        hint: /^Tell whoever runs/,
      },
    ],
    [
      'brings a file',
      device({ verification_uri_complete: 'file:///etc/passwd' }),
      {
        code: 'INSECURE_URL',
        message: /verification_uri_complete is "file:/,
        hint: /^Tell whoever runs/,
      },
    ],
    [
      'brings an address in clear text',
      device({ verification_uri: 'http://as.example/device' }),
      { code: 'INSECURE_URL', message: /no https address/, hint: /^Tell whoever runs/ },
    ],
    [
      'brings an address with a name before its host',
      device({ verification_uri_complete: 'https://good.example@evil.example/' }),
      {
        code: 'DISCOVERY_FAILED',
        message: /a user name before evil\.example/,
        hint: /^Tell whoever runs/,
      },
    ],
    [
      'is not offered',
      { metadata: (_, right) => changed(right(), { device_authorization_endpoint: undefined }) },
      {
        code: 'DISCOVERY_FAILED',
        message:
          /offers no login by device code: nothing names its `device_authorization_endpoint`/,
        hint: /^Set `device_authorization_endpoint` .* take `grant` out/,
      },
    ],
    [
      'leads into clear text',
      {
        metadata: (_, right) =>
          changed(right(), { device_authorization_endpoint: 'http://as.example/d' }),
      },
      { code: 'INSECURE_URL', message: /device_authorization_endpoint/, hint: /./ },
    ],
    [
      'needs a client that is not there',
      { metadata: (_, right) => changed(right(), { registration_endpoint: undefined }) },
      {
        code: 'CLIENT_ID_REQUIRED',
        message: /does not register clients by itself/,
        hint: /^Register an application that may log in by device code .* client_id: "…", grant: device_code/,
      },
    ],
    [
      'needs a client that is not registered',
      { register: refuse('invalid_redirect_uri') },
      {
        code: 'REGISTRATION_FAILED',
        message: /invalid_redirect_uri/,
        hint: /^Register an application that may log in by device code/,
      },
    ],
  ])('%s', async (_, script, failure) => {
    const end = await logIn(script);
    expectFailure(end, failure, false);
    expect(end.seen.at('token')).toEqual([]);
  });

  it.concurrent('does with the least that a server may say', async () => {
    const end = await logIn(
      device({ verification_uri_complete: undefined, interval: '1', expires_in: undefined }),
    );
    expect(end.events[0]).toMatchObject({ url_complete: null, expires_at: expect.any(String) });
    expect(end.code).toBe(0);
  });
});
