import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  cutShort,
  redirect,
  reset,
  respond,
  silence,
} from '../support/oauth/answers.ts';
import { type HttpListener, listen } from '../support/oauth/http-listener.ts';
import type { RefreshAnswer, RefreshFault } from '../support/oauth/refresh-fault-endpoint.ts';
import {
  expectError,
  expectHarmless,
  expectHealed,
  expectKept,
  loginsOf,
  type RefreshFailure,
  RefreshStages,
  type RowOptions,
  spoiled,
} from '../support/oauth/refresh-fault-row.ts';
import { expectEchoed, STATES } from '../support/oauth/refresh-fault-stage.ts';

/** Where a redirect would lead with the refresh token in its hands. */
let elsewhere: HttpListener;
let strays = 0;
const stages = new RefreshStages();
beforeAll(async () => {
  elsewhere = await listen((_, response) => {
    strays += 1;
    response.writeHead(200).end();
  });
});
afterAll(async () => {
  await stages.close();
  await elsewhere.close();
});

const AGAIN = /^Try again; if it stays so, log in again\.$/;
const CLIENT = /^Log in with --force, which registers a new client\.$/;
const LATER = /^The authorization server has a problem: try again later\.$/;
const BUSY = /^The server has had too many requests: try again later\.$/;
const NETWORK = /^Check the network, VPN and proxy, and try again\.$/;

/** An error response (RFC 6749 §5.2). */
function refuse(error: string, status = 400): RefreshAnswer {
  return () => respond(status, { error, error_description: 'so it is' });
}

/** An answer like a right one, but with these members: no refresh token is spent for it. */
function issue(members: Record<string, unknown>): RefreshAnswer {
  return () => respond(200, { ...ISSUED, ...members });
}

const ISSUED = { access_token: 'access-x', token_type: 'Bearer', expires_in: 3600 };

function asBody(status: number, body: string, type = 'application/json'): RefreshAnswer {
  return () => respond(status, body, { 'content-type': type });
}

function failed(message: RegExp, hint: RegExp): RefreshFailure {
  return { message, hint };
}

/** Half of an answer, after which the connection ends as if that were all. */
const half: RefreshAnswer = () => (response: ServerResponse) => {
  const body = JSON.stringify(ISSUED);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.write(body.slice(0, body.length / 2), () => response.socket?.end());
};

/** The same where the length was not told. */
const endless: RefreshAnswer = () => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"access_token":"access-x",', () => response.socket?.end());
};

/** What is left after a socket says something that is no HTTP. */
const noise: RefreshAnswer = () => (response: ServerResponse) => {
  response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n');
};

const whole: Answer = respond(200, ISSUED);
const after = (seconds: number) => ({ 'retry-after': String(seconds) });

type Row = [string, RefreshAnswer | RefreshFault, RefreshFailure, RowOptions?];

const NETWORK_ROWS: Row[] = [
  [
    'nothing listens there',
    { connection: 'closed' },
    failed(
      /the refresh request to .* failed: no server answers at .*: connection refused/,
      NETWORK,
    ),
  ],
  [
    'a reset before the request is read',
    { connection: 'reset' },
    failed(/the refresh request to .* failed: /, NETWORK),
  ],
  ['a reset after the request is read', reset, failed(/the refresh request to .* failed/, NETWORK)],
  ['a reset in the middle of the answer', () => cutShort(whole), failed(/was cut/, NETWORK)],
  ['half an answer', half, failed(/the answer of .* to the refresh request was cut/, NETWORK)],
  ['half an answer of no length', endless, failed(/was cut/, NETWORK)],
  ['what is no HTTP', noise, failed(/is not valid HTTP/, NETWORK)],
];

const STATUS_ROWS: Row[] = [
  [
    'a 500',
    asBody(500, 'oops', 'text/plain'),
    failed(/answered 500 to the refresh request/, LATER),
  ],
  ['a 500 with JSON', refuse('server_error', 500), failed(/answered 500 .*: server_error/, LATER)],
  ['a 502 with HTML', asBody(502, '<h1>Bad</h1>', 'text/html'), failed(/answered 502/, LATER)],
  ['a 503', refuse('temporarily_unavailable', 503), failed(/answered 503/, LATER)],
  [
    'a 503 with a time',
    () => respond(503, '', after(2)),
    failed(/answered 503/, LATER),
    { asked: 2000 },
  ],
  ['a 504', asBody(504, ''), failed(/answered 504/, LATER)],
  ['a 429', asBody(429, ''), failed(/answered 429/, BUSY)],
  [
    'a 429 with a time',
    () => respond(429, '', after(2)),
    failed(/answered 429/, /too many requests: try again in 2 seconds/),
    { asked: 2000 },
  ],
  ['a 429 in the words of a rejection', refuse('invalid_grant', 429), failed(/429/, BUSY)],
  ['a 500 in the words of a rejection', refuse('invalid_grant', 500), failed(/500/, LATER)],
  ['a 404', asBody(404, 'Not found', 'text/plain'), failed(/answered 404/, AGAIN)],
  ['a 403 of a firewall', asBody(403, '<p>No</p>', 'text/html'), failed(/answered 403/, AGAIN)],
  ['a 401 and no more', asBody(401, ''), failed(/answered 401/, CLIENT)],
  ['a 400 and no more', asBody(400, ''), failed(/answered 400 .*: an empty body/, AGAIN)],
  ['a 204', asBody(204, ''), failed(/answered 204/, AGAIN)],
];

const ERROR_ROWS: Row[] = [
  [
    'invalid_request',
    refuse('invalid_request'),
    failed(/400 .*: invalid_request: so it/, AGAIN),
    { status: true },
  ],
  ['invalid_client', refuse('invalid_client', 401), failed(/401 .*: invalid_client/, CLIENT)],
  ['invalid_client with a 400', refuse('invalid_client'), failed(/invalid_client/, CLIENT)],
  ['unauthorized_client', refuse('unauthorized_client'), failed(/unauthorized_client/, CLIENT)],
  ['unsupported_grant_type', refuse('unsupported_grant_type'), failed(/unsupported_g/, AGAIN)],
  ['invalid_scope', refuse('invalid_scope'), failed(/400 .*: invalid_scope/, AGAIN)],
  ['invalid_target', refuse('invalid_target'), failed(/400 .*: invalid_target/, AGAIN)],
  ['access_denied', refuse('access_denied'), failed(/400 .*: access_denied/, AGAIN)],
  ['server_error with a 400', refuse('server_error'), failed(/server_error/, AGAIN)],
  ['temporarily_unavailable with a 400', refuse('temporarily_unavailable'), failed(/tem/, AGAIN)],
  ['an error nobody knows', refuse('so_sorry'), failed(/400 .*: so_sorry: so it is/, AGAIN)],
  ['an error with a 200', refuse('invalid_request', 200), failed(/200 .*: invalid_req/, AGAIN)],
  [
    'wrong credentials with a 200, in the words of GitHub',
    refuse('incorrect_client_credentials', 200),
    failed(/answered 200 .*: incorrect_client_credentials/, CLIENT),
  ],
];

const BODY_ROWS: Row[] = [
  [
    'invalid JSON',
    asBody(200, '{"access_token":"abc'),
    failed(/instead of a JSON object/, AGAIN),
    { status: true },
  ],
  ['JSON that is no object', asBody(200, '["abc"]'), failed(/instead of a JSON object/, AGAIN)],
  ['a page to log in', asBody(200, '<h1>Wi-Fi</h1>', 'text/html'), failed(/text\/html in/, AGAIN)],
  ['nothing', asBody(200, ''), failed(/an empty body instead of a JSON object/, AGAIN)],
  ['an empty object', asBody(200, '{}'), failed(/there is no access_token/, AGAIN)],
  ['no token', issue({ access_token: undefined }), failed(/there is no access_token/, AGAIN)],
  ['an empty token', issue({ access_token: '' }), failed(/there is no access_token/, AGAIN)],
  ['a header in it', issue({ access_token: 'a\r\nX: 1' }), failed(/can not be sent/, AGAIN)],
  ['another type', issue({ token_type: 'DPoP' }), failed(/of the type DPoP/, AGAIN)],
  ['too much', issue({ x: 'x'.repeat(2e6) }), failed(/more than 1 MB/, AGAIN)],
];

/** The beginning of an answer that never ends. */
const openEnded: RefreshAnswer = () => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"access_token":');
};

/** Whichever of the two patiences ends first: that with the request, or that with the renewal. */
const LATE: RefreshFailure = {
  message: /did not answer the refresh request within 30 s|takes longer than 20 s/,
  hint: /^(Check the network, VPN and proxy, and try again\.|It goes on: try again in a mo)/,
};

describe('a refresh that fails is no harm, and the next one that can be done heals it', () => {
  // The longest ones first: the others are done meanwhile.
  it.concurrent.each<[string, RefreshAnswer]>([
    ['never answers', silence],
    ['never ends its answer', openEnded],
  ])(
    'an endpoint that %s is waited for, but not for ever',
    async (_, answer) => {
      await stages.use(async (stage) => {
        await Promise.all(STATES.map((state) => stage.makeDue(state)));
        const before = await stage.files();
        const logins = await loginsOf(stage);
        const asked = STATES.map((state) => stage.sides[state].endpoint.seen.length);
        await stage.set({ answer });
        const waiting = (['expired', 'refused'] as const).map(async (server) => {
          expectError(await stage.call(server), { server, ...LATE });
        });
        const started = performance.now();
        let isOver = false;
        const all = Promise.all(waiting).then(() => {
          isOver = true;
        });
        for (let calls = 0; calls < 20; calls += 1) {
          expectEchoed(await stage.call('valid'));
          expectEchoed(await stage.call('other'));
        }
        // Not each of them has waited.
        expect(isOver).toBe(false);
        await all;
        expect(performance.now() - started).toBeGreaterThan(18_000);
        expect(await stage.files()).toEqual(before);
        expect(await stage.needy()).toEqual([]);
        for (const [index, state] of STATES.entries()) {
          const { length } = stage.sides[state].endpoint.seen;
          expect(length - (asked[index] ?? 0), state).toBe(1);
        }
        await stage.set({});
        // The request goes on for longer than anybody waits, so that no answer to it is lost.
        for (const state of STATES) stage.sides[state].endpoint.cut();
        await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
        expectKept(await stage.files(), before);
      });
    },
    90_000,
  );

  const rows = [...NETWORK_ROWS, ...STATUS_ROWS, ...ERROR_ROWS, ...BODY_ROWS];
  it.concurrent.each(rows)('%s', async (_, given, failure, options) => {
    const trouble = spoiled(typeof given === 'function' ? { answer: given } : given);
    await stages.use((stage) => expectHarmless(stage, trouble, failure, options));
  });

  it.concurrent.each([301, 302, 303, 307, 308])('a %s to another origin', async (status) => {
    const answer = () => redirect(`${elsewhere.origin}/token`, status);
    const failure = failed(/a redirect to http:\/\/127\S+, which is not followed/, AGAIN);
    await stages.use((stage) => expectHarmless(stage, spoiled({ answer }), failure));
    expect(strays).toBe(0);
  });
});
