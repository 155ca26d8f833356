import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { changed, cutShort, redirect, reset, respond, silence } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { expectFailure, type Failure, FaultStages, finish } from '../support/oauth/fault-stage.ts';
import {
  type Override,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

let stages: FaultStages;
beforeAll(async () => {
  stages = await FaultStages.create();
});
afterAll(() => stages.close());

const AGAIN = /^Log in again: the code was used before/;
const CLIENT = /^Log in with --force, which registers a new client/;
const CHECK = /^Check `issuer`/;
const LATER = /try again later/;
const NETWORK = /^Check the network/;

function refused(message: RegExp, hint: RegExp): Failure {
  return { code: 'TOKEN_REQUEST_FAILED', message, hint };
}

/** An error response (RFC 6749 §5.2). */
function refuse(error: string, status = 400): Override {
  return () => respond(status, { error, error_description: 'so it is' });
}

/** The right tokens with other members; undefined takes one out. */
function issued(members: Record<string, unknown>): Override {
  return (_, right) => changed(right(), members);
}

/** The right answer with another body. */
function asBody(body: string, type = 'application/json'): Override {
  return () => respond(200, body, { 'content-type': type });
}

describe('a token request that fails', () => {
  it.concurrent.each<[string, Override, Failure]>([
    [
      'invalid_request',
      refuse('invalid_request'),
      refused(/400 .*: invalid_request: so it/, CHECK),
    ],
    ['invalid_client', refuse('invalid_client', 401), refused(/401 .*: invalid_client/, CLIENT)],
    ['invalid_grant', refuse('invalid_grant'), refused(/400 .*: invalid_grant/, AGAIN)],
    ['unauthorized_client', refuse('unauthorized_client'), refused(/unauthorized/, CLIENT)],
    ['unsupported_grant_type', refuse('unsupported_grant_type'), refused(/unsupported/, CHECK)],
    [
      'invalid_scope',
      refuse('invalid_scope'),
      { code: 'INVALID_SCOPE', message: /400 .*: invalid_scope/, hint: /^Check `scopes`/ },
    ],
    ['invalid_target', refuse('invalid_target'), refused(/invalid_target/, /^Set `resource`/)],
    [
      'access_denied',
      refuse('access_denied', 403),
      { code: 'ACCESS_DENIED', message: /403/, hint: /allow the access/ },
    ],
    [
      'an error with a 200, in the words of GitHub',
      refuse('bad_verification_code', 200),
      refused(/answered 200 .*: bad_verification_code/, AGAIN),
    ],
    ['a 401 and no more', () => respond(401), refused(/answered 401/, CLIENT)],
    ['a 404', () => respond(404, 'Not found'), refused(/answered 404/, CHECK)],
    [
      'a 429 with a time',
      () => respond(429, '', { 'retry-after': '23' }),
      refused(/answered 429/, /try again in 23 seconds/),
    ],
    ['a 429', () => respond(429, ''), refused(/answered 429/, LATER)],
    ['a 500', () => respond(500, 'oops'), refused(/answered 500/, LATER)],
    ['a 503 with JSON', refuse('temporarily_unavailable', 503), refused(/answered 503/, LATER)],
    ['a reset', reset, refused(/the token request to .* failed/, NETWORK)],
    ['a reset in the middle', (_, right) => cutShort(right()), refused(/was cut/, NETWORK)],
    [
      'invalid JSON',
      asBody('{"access_token":"abc'),
      refused(/: invalid JSON instead of a JSON object/, CHECK),
    ],
    [
      'JSON that is no object',
      asBody('["abc"]'),
      refused(/: a JSON array instead of a JSON object/, CHECK),
    ],
    [
      'HTML',
      asBody('<h1>Hi</h1>', 'text/html'),
      refused(/text\/html instead of a JSON object/, CHECK),
    ],
    ['nothing', asBody(''), refused(/an empty body instead of a JSON object/, CHECK)],
    ['too much', issued({ x: 'x'.repeat(2e6) }), refused(/more than 1 MB/, CHECK)],
    ['no token', issued({ access_token: undefined }), refused(/there is no access_token/, CHECK)],
    ['a token that is null', issued({ access_token: null }), refused(/no access_token/, CHECK)],
    ['a token that is a number', issued({ access_token: 42 }), refused(/no access_token/, CHECK)],
    ['a header in it', issued({ access_token: 'a\r\nX: 1' }), refused(/can not be sent/, CHECK)],
    ['another type', issued({ token_type: 'DPoP' }), refused(/of the type DPoP/, CHECK)],
    [
      'a redirect',
      () => redirect('https://evil.example/token', 307),
      refused(/a redirect to https:\/\/evil\.example, which is not followed/, CHECK),
    ],
  ])('%s', async (_, token, failure) => {
    const end = await stages.provoke({ token });
    expectFailure(end, { ...failure, invited: true });
    expect(end.page).toMatchObject({ status: 400 });
    expect(end.page?.text).not.toContain('Logged in');
  });

  it('shows no code and no verifier that the server repeats', async () => {
    const token: Override = ({ params }) => {
      const { code, code_verifier: verifier } = params;
      return respond(400, { error: `not ${code}`, error_description: `${code} and ${verifier}` });
    };
    await stages.use(async ({ provoke, faulty }) => {
      const end = await provoke({ token }, { flags: ['--log-level=debug'] });
      expectFailure(end, { ...refused(/answered 400/, CHECK), invited: true });
      const [sent] = faulty.seen.grants('authorization_code').slice(-1);
      for (const name of ['code', 'code_verifier']) {
        const secret = sent?.params[name];
        expect(secret).toEqual(expect.stringMatching(/^.{20,}$/));
        expect(`${end.stdout}${end.stderr}${end.page?.text}`).not.toContain(secret);
      }
    });
  });

  it('changes neither login, and a new one works', async () => {
    await stages.expectIntact();
    const end = await stages.use(({ home }) => home.logIn(['faulty', '--force']));
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
  });
});

/** What a server may answer instead of the standard, and what the login is then known to have. */
interface Oddity {
  token: Override;
  /** Seconds that the token lives; null: nothing is known. */
  lives: number | null;
  refreshable?: boolean;
  scopes?: string[];
}

const WITHOUT_REFRESH = { refreshable: false };
const oddities: Record<string, Oddity> = {
  'no-lifetime': { token: issued({ expires_in: undefined }), lives: null },
  'lifetime-null': { token: issued({ expires_in: null }), lives: null },
  'lifetime-zero': { token: issued({ expires_in: 0 }), lives: null },
  'lifetime-negative': { token: issued({ expires_in: -1 }), lives: null },
  'lifetime-endless': { token: issued({ expires_in: 9_999_999_999_999 }), lives: null },
  'lifetime-text': { token: issued({ expires_in: '1800' }), lives: 1800 },
  'lifetime-words': { token: issued({ expires_in: 'never' }), lives: null },
  'lifetime-fraction': { token: issued({ expires_in: 1800.5 }), lives: 1800.5 },
  'type-missing': { token: issued({ token_type: undefined }), lives: 3600 },
  'type-in-capitals': { token: issued({ token_type: 'BEARER' }), lives: 3600 },
  'refresh-null': { token: issued({ refresh_token: null }), lives: 3600, ...WITHOUT_REFRESH },
  'refresh-empty': { token: issued({ refresh_token: '' }), lives: 3600, ...WITHOUT_REFRESH },
  'all-nulls': {
    token: issued({ refresh_token: null, scope: null, id_token: null, expires_in: null }),
    ...{ lives: null, ...WITHOUT_REFRESH },
  },
  'id-token-bad': { token: issued({ id_token: 'not.a.token' }), lives: 3600 },
  'scope-commas': { token: issued({ scope: 'a,b' }), lives: 3600, scopes: ['a', 'b'] },
  'status-201': { token: (_, right) => ({ ...right(), status: 201 }), lives: 3600 },
  'type-of-text': {
    token: (_, right) => respond(200, right().body, { 'content-type': 'text/plain' }),
    lives: 3600,
  },
  form: {
    token: (_, right) => {
      const body = String(new URLSearchParams(JSON.parse(right().body)));
      return respond(200, body, { 'content-type': 'application/x-www-form-urlencoded' });
    },
    lives: 3600,
  },
};

it('takes what real servers answer instead of the standard, and knows what it knows', async () => {
  const home = await createAuthHome();
  const names = Object.keys(oddities);
  const entries = names.map(async (name) => {
    const script = { token: oddities[name]?.token ?? reset };
    const server = await untilTestEnds(startMisbehavingAuthorizationServer(script));
    return [name, { url: server.url.href, auth_strategy: 'delegate_oauth' }] as const;
  });
  await home.configure(Object.fromEntries(await Promise.all(entries)));
  const started = Date.now();
  const ends = await Promise.all(names.map((name) => home.logIn([name])));
  const ended = Date.now();
  const { value: statuses, code } = await home.json(['auth', 'status']);
  expect(code).toBe(0);
  for (const [index, name] of names.entries()) {
    const { lives = null, refreshable = true, scopes = ['mcp:read'] } = oddities[name] ?? {};
    const { expires_at: expiresAt, ...status } = statuses[index] ?? {};
    const known = { server: name, store: 'file', scopes };
    expect(ends[index]?.last).toEqual({
      ...{ event: 'logged_in', ...known, expires_at: expiresAt, tools: 3 },
    });
    expect(status).toMatchObject({ ...known, has_refresh_token: refreshable, state: 'logged_in' });
    if (lives === null) expect(expiresAt).toBe(null);
    else {
      const obtained = Date.parse(String(expiresAt)) - lives * 1000;
      expect(obtained).toBeGreaterThanOrEqual(started);
      expect(obtained).toBeLessThanOrEqual(ended);
    }
  }
});

describe('a server that does not take the fresh token', () => {
  const only = (authorized: () => ReturnType<Override>): Script => ({
    mcp: ({ headers }) => (headers.authorization === undefined ? undefined : authorized()),
  });

  it.each<[string, Script, Failure]>([
    [
      'refuses it',
      only(() => respond(401, '', { 'www-authenticate': 'Bearer error="invalid_token"' })),
      {
        code: 'UNAUTHORIZED',
        message: /^the login worked, but its token is refused/,
        hint: /^Check `resource` and `scopes`/,
      },
    ],
    [
      'wants more scopes',
      only(() => {
        const error = 'Bearer error="insufficient_scope", scope="admin"';
        return respond(403, '', { 'www-authenticate': error });
      }),
      {
        code: 'INSUFFICIENT_SCOPE',
        message: /^the login worked and is stored, but/,
        hint: /auth login --server=faulty/,
      },
    ],
    [
      'breaks off',
      only(reset),
      { code: 'BACKEND_EXITED', exit: 1, message: /is stored, but/, hint: /./ },
    ],
    [
      'fails',
      only(() => respond(500, 'oops')),
      {
        code: 'BACKEND_PROTOCOL',
        exit: 1,
        message: /^the login worked and is stored, but .* answered 500 to initialize/,
        hint: /^Check the log of the server/,
      },
    ],
    [
      'never answers',
      only(silence),
      { code: 'BACKEND_TIMEOUT', exit: 1, message: /is stored, but/, hint: /startup_timeout/ },
    ],
  ])('because it %s: the tokens are kept', async (_, script, failure) => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer(script));
    const entry = { url: server.url.href, auth_strategy: 'delegate_oauth', startup_timeout: 1 };
    await home.configure({ faulty: entry });
    const end = await finish(home.startLogin(['faulty']));
    expectFailure(end, { ...failure, invited: true });
    const { value } = await home.json<JsonObject[]>(['auth', 'status']);
    expect(value).toMatchObject([{ store: 'file', has_refresh_token: true }]);
    server.script({});
    const listed = await home.json(['list']);
    expect(listed).toMatchObject({ code: 0, value: [{ state: 'ready', tools: 3 }] });
  });
});
