import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redirect, redirectedWith, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { browse, type Visit } from '../support/oauth/browse.ts';
import {
  expectFailure,
  type Failure,
  type FaultStage,
  FaultStages,
  finish,
} from '../support/oauth/fault-stage.ts';
import {
  type Override,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

let stages: FaultStages;
beforeAll(async () => {
  stages = await FaultStages.create();
});
afterAll(() => stages.close());

const AGAIN = /^Start again: `mcp-master auth login --server=faulty`/;

/** The right redirect with other parameters; undefined takes one out. */
function answers(params: Record<string, string | undefined>): Override {
  return (_, right) => redirectedWith(right(), params);
}

/** An error response (RFC 6749 §4.1.2.1). */
function refuses(error: string, more: Record<string, string | undefined> = {}): Override {
  return answers({ code: undefined, error, ...more });
}

/** The right redirect with a parameter a second time. */
function repeats(name: string, value: string): Override {
  return (_, right) => {
    const location = new URL(right().headers['location'] ?? '');
    location.searchParams.append(name, value);
    return redirect(location);
  };
}

function broken(message: RegExp, hint = AGAIN): Failure {
  return { code: 'TOKEN_REQUEST_FAILED', message, hint };
}

const MISMATCH = { code: 'ISSUER_MISMATCH', hint: /^Check `issuer` and the endpoints of faulty/ };
const EVIL = 'https://evil.example';

describe('an answer that ends the login', () => {
  it.concurrent.each<[string, Override, Failure]>([
    [
      'access_denied',
      refuses('access_denied', { error_description: 'alice said no' }),
      {
        code: 'ACCESS_DENIED',
        message: /^access was denied at http:\/\/127.* \(access_denied: alice said no\)$/,
        hint: /Start again and allow the access: `mcp-master auth login --server=faulty`/,
      },
    ],
    [
      'invalid_scope',
      refuses('invalid_scope'),
      { code: 'INVALID_SCOPE', message: /does not grant the scopes/, hint: /Check `scopes`/ },
    ],
    ['server_error', refuses('server_error'), broken(/\(server_error\)/, /try again later/)],
    [
      'temporarily_unavailable',
      refuses('temporarily_unavailable'),
      broken(/refused the login/, /try again later/),
    ],
    ['invalid_request', refuses('invalid_request'), broken(/refused/, /Check `client_id`/)],
    ['unauthorized_client', refuses('unauthorized_client'), broken(/refused/, /`client_id`/)],
    [
      'unsupported_response_type',
      refuses('unsupported_response_type'),
      broken(/refused/, /`client_id`/),
    ],
    ['invalid_target', refuses('invalid_target'), broken(/refused/, /Set `resource`/)],
    ['an error of its own', refuses('login_required_2'), broken(/\(login_required_2\)/)],
    ['an error beside a code', answers({ error: 'server_error' }), broken(/server_error/, /later/)],
    [
      'an error of many lines',
      refuses('a\nb\u202e\u0000c'),
      broken(/refused the login \(a b c\)$/),
    ],
    ['nothing', answers({ code: undefined }), broken(/has neither code nor error/)],
    ['an empty code', answers({ code: '' }), broken(/has neither code nor error/)],
    ['two codes', repeats('code', 'another'), broken(/`code` more than once/)],
    ['two issuers', repeats('iss', EVIL), broken(/`iss` more than once/)],
    ['a wrong iss', answers({ iss: EVIL }), { ...MISMATCH, message: /names another issuer/ }],
    ['no iss', answers({ iss: undefined }), { ...MISMATCH, message: /does not name its issuer/ }],
    [
      'an error of a wrong iss, which is not shown',
      refuses('SHOWN', { iss: EVIL, error_description: 'SHOWN' }),
      { ...MISMATCH, message: /^((?!SHOWN|evil).)*$/ },
    ],
  ])('%s', async (_, authorize, failure) => {
    const end = await stages.provoke({ authorize });
    expectFailure(end, { ...failure, invited: true });
    expect(end.page).toMatchObject({ status: 400 });
    expect(end.page?.url.pathname).toBe('/oauth/error');
    expect(end.page?.text).toContain(failure.code);
    expect(end.page?.text).not.toContain('Logged in');
  });

  it('is escaped on the page', async () => {
    const html = '<img src=x onerror=alert(1)>"\'&';
    const authorize = refuses('<script>1</script>', { error_description: html });
    const end = await stages.provoke({ authorize });
    expectFailure(end, { ...broken(/<script>1<\/script>: <img/), invited: true });
    expect(end.page?.text).toContain('&lt;script&gt;1&lt;/script&gt;: &lt;img src=x');
    expect(end.page?.text).not.toMatch(/<script|<img/);
    expect(end.page).toMatchObject({ status: 400 });
  });

  it('leaves both logins as they were', () => stages.expectIntact());
});

/** The status and the text of what the listener answers to a request by any name. */
async function ask(url: URL, { host = url.host, method = 'GET' } = {}) {
  const request = get(url, { headers: { host }, method, agent: false });
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = await response.toArray();
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

/** The address of the right callback, before anybody has opened it. */
async function callbackOf(url: string): Promise<URL> {
  return (await browse(url, { stopBeforeCallback: true })).url;
}

function withParams(url: URL, params: Record<string, string | undefined>): URL {
  return new URL(redirectedWith(redirect(url), params).headers['location'] ?? '');
}

describe('a request that is not the answer', () => {
  const foreign = { code: undefined, error: 'SHOWN', error_description: 'SHOWN' };
  it.concurrent.each<
    [string, number, (callback: URL) => Promise<{ status: number; text: string }>]
  >([
    ['has another state', 400, (url) => ask(withParams(url, { state: 'guessed' }))],
    ['has no state', 400, (url) => ask(withParams(url, { state: undefined }))],
    [
      'has two states',
      400,
      (url) => ask(new URL(`${url.href}&state=${url.searchParams.get('state')}`)),
    ],
    [
      'is an error of another state',
      400,
      (url) => ask(withParams(url, { ...foreign, state: '1' })),
    ],
    ['is an error without a state', 400, (url) => ask(withParams(url, { ...foreign, state: '' }))],
    ['is for another path', 404, (url) => ask(new URL(`/callback${url.search}`, url))],
    ['is for a path below', 404, (url) => ask(new URL(`${url.pathname}/x${url.search}`, url))],
    ['is for another host', 421, (url) => ask(url, { host: `evil.example:${url.port}` })],
    ['is for another port', 421, (url) => ask(url, { host: '127.0.0.1:1' })],
    ['is a POST', 405, (url) => ask(url, { method: 'POST' })],
    ['is a look ahead', 200, (url) => ask(url, { method: 'HEAD' })],
    ['asks for the result', 404, (url) => ask(new URL('/oauth/success', url))],
    [
      'wants to start a login',
      404,
      (url) => ask(new URL('/oauth/authorize?server_id=faulty', url)),
    ],
  ])('because it %s gets a %i, and the login goes on', async (_, status, request) => {
    const person = async (url: string) => {
      const callback = await callbackOf(url);
      const answer = await request(callback);
      expect(answer.status).toBe(status);
      expect(answer.text).not.toMatch(/SHOWN|Logged in/);
      return browse(callback);
    };
    const login = ({ home }: FaultStage) => finish(home.startLogin(['faulty', '--force']), person);
    const end = await stages.use(login);
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
    expect(end.page).toMatchObject({ status: 200 });
    expect(end.page?.text).toContain('Logged in to faulty');
  });

  it('because it is the second one is harmless', async () => {
    const twice = (url: string) => browse(url, { callTwice: true });
    const login = ({ home }: FaultStage) => finish(home.startLogin(['faulty', '--force']), twice);
    const end = await stages.use(login);
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
    const again = end.page?.again;
    if (again?.status !== 'fulfilled') throw new Error('The second request got no answer');
    const pages = [end.page, again.value];
    expect(pages.map((page) => page?.status).sort()).toEqual([200, 400]);
    const used = pages.find((page) => page?.status === 400);
    expect(used?.text).toContain('This link has been used already');
  });
});

it('ends when nobody comes back in time', async () => {
  const person = async (): Promise<Visit | undefined> => undefined;
  const end = await stages.provoke({}, { flags: ['--timeout', '1'], person });
  expectFailure(end, {
    code: 'LOGIN_TIMEOUT',
    message: /nobody came back from the browser in 1 s/,
    hint: /^Try again\./,
    invited: true,
  });
});

describe('the port of the answer', () => {
  async function occupy(port = 0): Promise<number> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    await untilTestEnds({ close: () => void server.close() });
    return (server.address() as AddressInfo).port;
  }

  it('is named when it is fixed and another program has it', async () => {
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    const port = await occupy();
    const home = await createAuthHome();
    const auth = { auth_strategy: 'delegate_oauth', auth_config: { redirect_port: port } };
    await home.configure({ faulty: { url: server.url.href, ...auth } });
    expectFailure(await finish(home.startLogin(['faulty'])), {
      code: 'PORT_IN_USE',
      message: new RegExp(`port ${port} of 127.0.0.1`),
      hint: /set another `redirect_port`/,
    });
    expect(server.seen.at('register')).toEqual([]);
  });

  it('is kept for a registered client while it is free, else another is registered', async () => {
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    const home = await createAuthHome();
    await home.configure({ one: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    // The login that there is can not be renewed.
    server.script({
      token: ({ params }, right) =>
        params['grant_type'] === 'refresh_token'
          ? respond(400, { error: 'invalid_grant' })
          : right(),
    });
    const logInAgain = async () => {
      server.expireAccessTokens();
      const end = await home.logIn(['one']);
      expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
      const asked = server.seen.at('authorize').at(-1);
      return new URL(String(asked?.params['redirect_uri'])).port;
    };
    const port = await logInAgain();
    expect(await logInAgain()).toBe(port);
    expect(server.seen.at('register')).toHaveLength(1);
    await occupy(Number(port));
    expect(await logInAgain()).not.toBe(port);
    expect(server.seen.at('register')).toHaveLength(2);
  });
});

it.each([
  'javascript:alert(1)',
  'file:///etc/passwd',
  'ssh://example.com/x',
  'http://example.com/x',
])('refuses the configured address %s for the browser', async (address) => {
  const home = await createAuthHome();
  const auth_config = { authorization_endpoint: address, token_endpoint: 'https://a.example/t' };
  const entry = { url: 'https://a.example/mcp', auth_strategy: 'delegate_oauth', auth_config };
  await home.configure({ faulty: entry });
  const end = await finish(home.startLogin(['faulty']));
  expect(end.code).toBe(2);
  expect(end.events.map(({ event }) => event)).not.toContain('authorization_url');
  expect(`${end.stdout}${end.stderr}`).toContain('authorization_endpoint');
});
