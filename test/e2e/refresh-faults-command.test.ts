import { afterAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { cutShort, respond } from '../support/oauth/answers.ts';
import type { RefreshAnswer, RefreshFault } from '../support/oauth/refresh-fault-endpoint.ts';
import {
  ALL_WELL,
  expectKept,
  loginsOf,
  type RefreshFailure,
  RefreshStages,
  spoiled,
} from '../support/oauth/refresh-fault-row.ts';
import { expectEchoed, type RefreshStage, STATES } from '../support/oauth/refresh-fault-stage.ts';

const stages = new RefreshStages({}, 3);
afterAll(() => stages.close());

/** An error response (RFC 6749 §5.2). */
function refuse(error: string, status = 400): RefreshAnswer {
  return () => respond(status, { error, error_description: 'so it is' });
}

const AGAIN = /^ {2}Try again; if it stays so, log in again\.$/m;
const CLIENT = /^ {2}Log in with --force, which registers a new client\.$/m;
const LATER = /^ {2}The authorization server has a problem: try again later\.$/m;
const NETWORK = /^ {2}Check the network, VPN and proxy, and try again\.$/m;
const LOGIN = /^ {2}Log in: mcp-master auth login --server=expired$/m;

const CLIENT_REFUSED = {
  ...{ state: 'login_required', has_refresh_token: true },
  next: 'mcp-master auth login --server=expired --force',
};

/** Runs it with `--json`, and fails if it shows a token; it waits for no `Retry-After`. */
async function refresh(stage: RefreshStage, flag: string) {
  const started = performance.now();
  const run = await stage.home.json(['auth', 'refresh', flag]);
  expect(performance.now() - started).toBeLessThan(20_000);
  stage.expectNoSecrets(run.stdout, run.stderr);
  const status = Object.fromEntries(run.value.map((one) => [String(one['server']), one]));
  return { ...run, status };
}

function lastErrors(status: Record<string, JsonObject>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(status).map(([name, one]) => [name, one['last_error']]));
}

const FAULTS: [string, RefreshAnswer | RefreshFault, RefreshFailure][] = [
  ['nothing listens there', { connection: 'closed' }, told(/connection refused/, NETWORK)],
  ['half an answer', () => cutShort(respond(200, { x: 'x' })), told(/was cut/, NETWORK)],
  ['a 500', () => respond(500, 'oops'), told(/answered 500 to the refresh request/, LATER)],
  ['a 503 with a time', () => respond(503, '', { 'retry-after': '40' }), told(/503/, LATER)],
  [
    'a 429 with a time',
    () => respond(429, '', { 'retry-after': '40' }),
    told(/429/, /^ {2}The server has had too many requests: try again in 40 seconds\.$/m),
  ],
  ['invalid_request', refuse('invalid_request'), told(/invalid_request: so it is/, AGAIN)],
  ['invalid_client', refuse('invalid_client', 401), told(/401 .*: invalid_client/, CLIENT)],
  ['a page to log in', () => respond(200, '<h1>Wi-Fi</h1>'), told(/text\/html instead/, AGAIN)],
];

function told(message: RegExp, hint: RegExp): RefreshFailure {
  return { message, hint };
}

describe('auth refresh', () => {
  it.concurrent.each(FAULTS)('changes nothing after %s', async (_, given, { message, hint }) => {
    const trouble = spoiled(typeof given === 'function' ? { answer: given } : given);
    await stages.use(async (stage) => {
      await stage.makeDue('expired');
      const before = await stage.files();
      const { expired: login } = await loginsOf(stage);
      await trouble.begin(stage);
      const failed = await refresh(stage, '--server=expired');
      expect(failed).toMatchObject({ code: 4, signal: null });
      expect(failed.stderr).toMatch(/^error server "expired": .*\(REFRESH_FAILED\)$/m);
      expect(failed.stderr).toMatch(message);
      expect(failed.stderr).toMatch(hint);
      // A client that the server does not know is registered anew by a login alone.
      const standing = hint === CLIENT ? CLIENT_REFUSED : ALL_WELL.expired;
      expect(failed.status).toMatchObject({
        expired: { ...standing, last_error: expect.stringMatching(/^REFRESH_FAILED: /) },
      });
      expect(await stage.files()).toEqual(before);
      await trouble.end(stage);
      // Whoever asks for it does not wait for a pause to end.
      const renewed = await refresh(stage, '--server=expired');
      expect(renewed).toMatchObject({ code: 0, stderr: '' });
      expect(renewed.status).toMatchObject({ expired: { ...ALL_WELL.expired, last_error: null } });
      const after = await stage.atRest.login('expired');
      expect(after?.revision).not.toBe(login.revision);
      expectKept(await stage.files(), before);
      // The program that runs sends what came, and renews nothing.
      const { endpoint, server } = stage.sides.expired;
      const asked = endpoint.seen.length;
      expectEchoed(await stage.call('expired'));
      expect(endpoint.seen.length).toBe(asked);
      const sent = server.resource.requests.at(-1)?.authorization;
      expect(sent).toBe(`Bearer ${after?.tokens.accessToken}`);
    });
  });

  it.concurrent('drops a refresh token that is rejected, and nothing else', async () => {
    await stages.use(async (stage) => {
      await stage.makeDue('expired');
      const before = await stage.files();
      const { expired: login } = await loginsOf(stage);
      await stage.set({ answer: refuse('invalid_grant') });
      const first = await refresh(stage, '--server=expired');
      expect(first.stderr).toMatch(/the login has ended: .*: invalid_grant: so .*LOGIN_REQUIRED\)/);
      const second = await refresh(stage, '--server=expired');
      expect(second.stderr).toMatch(/has no refresh token \(LOGIN_REQUIRED\)/);
      for (const { code, stderr, status } of [first, second]) {
        expect(code).toBe(4);
        expect(stderr).toMatch(LOGIN);
        const next = 'mcp-master auth login --server=expired';
        const state = 'login_required';
        expect(status).toMatchObject({ expired: { state, next, has_refresh_token: false } });
      }
      const { refreshToken: _, ...tokens } = login.tokens;
      const after = await stage.atRest.login('expired');
      expect(after).toStrictEqual({ ...login, tokens, revision: after?.revision });
      expectKept(await stage.files(), before);
      await stage.set({});
      expect(await stage.home.logIn(['expired'])).toMatchObject({ code: 0 });
      expectEchoed(await stage.call('expired'));
      expect(await refresh(stage, '--server=expired')).toMatchObject({ code: 0, stderr: '' });
    });
  });

  it.concurrent('--all renews those that can be renewed, and names the others', async () => {
    await stages.use(async (stage) => {
      await Promise.all(STATES.map((state) => stage.makeDue(state)));
      const logins = await loginsOf(stage);
      await stage.sides.expired.endpoint.set({ answer: () => respond(500) });
      const run = await refresh(stage, '--all');
      expect(run.code).toBe(4);
      expect(run.stderr.match(/^error .*/gm)).toEqual([
        expect.stringMatching(/^error server "expired": .*\(REFRESH_FAILED\)$/),
      ]);
      expect(run.status).toMatchObject(ALL_WELL);
      const failure = expect.stringMatching(/^REFRESH_FAILED: .* answered 500/);
      const well = { valid: null, refused: null, other: null };
      expect(lastErrors(run.status)).toEqual({ ...well, expired: failure });
      const after = await loginsOf(stage);
      expect(after.expired).toEqual(logins.expired);
      for (const state of ['valid', 'refused'] as const) {
        expect(after[state].revision, state).not.toBe(logins[state].revision);
      }
      await stage.set({});
      const again = await refresh(stage, '--all');
      expect(again).toMatchObject({ code: 0, stderr: '' });
      for (const state of STATES) {
        expectEchoed(await stage.call(state));
        expect(stage.sides[state].server.seen.reused, state).toEqual([]);
      }
    });
  });
});
