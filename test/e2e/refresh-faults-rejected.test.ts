import { afterAll, describe, expect, it } from 'vitest';
import { cutShort, respond } from '../support/oauth/answers.ts';
import type { RefreshAnswer } from '../support/oauth/refresh-fault-endpoint.ts';
import {
  ALL_WELL,
  expectError,
  expectHealed,
  expectKept,
  loginsOf,
  RefreshStages,
} from '../support/oauth/refresh-fault-row.ts';
import {
  type DueState,
  expectEchoed,
  healed,
  type RefreshStage,
  STATES,
} from '../support/oauth/refresh-fault-stage.ts';

const stages = new RefreshStages({}, 3);
afterAll(() => stages.close());

/** An error response (RFC 6749 §5.2). */
function refuse(error: string, status = 400): RefreshAnswer {
  return () => respond(status, { error, error_description: 'so it is' });
}

const LOGIN = /^Log in: mcp-master auth login --server=(valid|expired|refused)$/;

/** Calls 20 times; the answers to those whose token has ended must say that a login is needed. */
async function expectRejected(stage: RefreshStage, state: DueState, why: RegExp): Promise<void> {
  const { endpoint } = stage.sides[state];
  const before = endpoint.connections();
  const answers: string[] = [];
  for (let calls = 0; calls < 20; calls += 1) {
    const answer = await stage.call(state);
    answers.push(JSON.stringify(answer));
    if (state === 'valid') expectEchoed(answer);
    else expectError(answer, { server: state, code: 'LOGIN_REQUIRED', message: /./, hint: LOGIN });
  }
  expect(endpoint.connections() - before, state).toBe(1);
  if (state === 'expired') expect(answers[0]).toMatch(why);
  if (state === 'refused') expect(answers[0]).toMatch(/answered 401 to tools\/call/);
  stage.expectNoSecrets(...answers);
}

/** The stored login is as before, but for its refresh token. */
async function expectOnlyDropped(
  stage: RefreshStage,
  before: Awaited<ReturnType<typeof loginsOf>>,
): Promise<void> {
  const after = await loginsOf(stage);
  for (const state of STATES) {
    const { refreshToken: _, ...tokens } = before[state].tokens;
    const { revision } = after[state];
    expect(after[state], state).toStrictEqual({ ...before[state], tokens, revision });
  }
}

/** Whoever asks learns who is needed. */
const LOGIN_REQUIRED = { state: 'login_required', has_refresh_token: false };

async function statesOf(stage: RefreshStage): Promise<unknown> {
  const { valid, ...others } = await stage.states();
  expect(valid).toMatchObject({ has_refresh_token: false });
  return others;
}

/** A person does what the hint says, and the program that runs goes on with the new login. */
async function logInAgain(stage: RefreshStage, state: DueState): Promise<void> {
  const end = await stage.home.logIn([state, '--force']);
  expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
  await healed(() => stage.call(state));
  await stage.makeDue(state);
  const login = await stage.atRest.login(state);
  if (login === undefined) throw new Error('There is no login');
  await expectHealed(stage, state, login);
}

const LOGGED_IN = { state: 'logged_in', next: null, has_refresh_token: true };

describe.concurrent('a refresh token that is good for nothing any more', () => {
  it.each<[string, RefreshAnswer, RegExp]>([
    [
      'invalid_grant',
      refuse('invalid_grant'),
      /the login has ended: http\S+ answered 400 to the refresh request: invalid_grant: so it is/,
    ],
    ['invalid_grant with a 401', refuse('invalid_grant', 401), /answered 401 .*: invalid_grant/],
    ['invalid_grant with a 200', refuse('invalid_grant', 200), /answered 200 .*: invalid_grant/],
    [
      'bad_refresh_token with a 200, in the words of GitHub',
      refuse('bad_refresh_token', 200),
      /the login has ended: http\S+ answered 200 to the refresh request: bad_refresh_token/,
    ],
  ])('%s: it alone is dropped, and a new login heals it', async (_, answer, why) => {
    await stages.use(async (stage) => {
      await Promise.all(STATES.map((state) => stage.makeDue(state)));
      const before = await stage.files();
      const logins = await loginsOf(stage);
      await stage.set({ answer });
      await Promise.all([
        ...STATES.map((state) => expectRejected(stage, state, why)),
        stage.call('other').then(expectEchoed),
      ]);
      await expectOnlyDropped(stage, logins);
      expectKept(await stage.files(), before);
      expect(await statesOf(stage)).toMatchObject({
        ...{ expired: LOGIN_REQUIRED, refused: LOGIN_REQUIRED, other: LOGGED_IN },
      });
      // What was dropped does not come back when the server is well.
      await stage.set({});
      const asked = STATES.map((state) => stage.sides[state].endpoint.connections());
      await stage.atRest.age('valid', -1000);
      for (const state of STATES) {
        const answered = await stage.call(state);
        expectError(answered, { server: state, code: 'LOGIN_REQUIRED', message: /./, hint: LOGIN });
      }
      expect(STATES.map((state) => stage.sides[state].endpoint.connections())).toEqual(asked);
      expect(await stage.states()).toMatchObject({
        valid: { has_refresh_token: false, next: 'mcp-master auth login --server=valid' },
      });
      await Promise.all(STATES.map((state) => logInAgain(stage, state)));
      expect(await stage.states()).toMatchObject(ALL_WELL);
    });
  });
});

describe.concurrent('an answer that is lost when its refresh token is already spent', () => {
  it('costs the login where the server takes the second try for a theft', async () => {
    await stages.use(async (stage) => {
      await stage.makeDue('expired');
      const { expired: login } = await loginsOf(stage);
      const { server } = stage.sides.expired;
      await stage.set({ answer: async (right) => cutShort(await right()) });
      const lost = await stage.call('expired');
      expect(lost.error?.['data']).toMatchObject({ code: 'REFRESH_FAILED' });
      expect(await stage.atRest.login('expired')).toEqual(login);
      await stage.set({});
      const rejected = await untilNot(stage, 'REFRESH_FAILED');
      expect(rejected).toMatchObject({ code: 'LOGIN_REQUIRED', hint: LOGIN_EXPIRED });
      expect(server.seen.reused).toEqual([login.tokens.refreshToken]);
      expect((await stage.atRest.login('expired'))?.client).toEqual(login.client);
      await logInAgain(stage, 'expired');
      server.seen.reused.length = 0;
    });
  });

  it('costs nothing where the server answers the same again', async () => {
    await stages.use(async (stage) => {
      await stage.makeDue('expired');
      const { expired: login } = await loginsOf(stage);
      let kept: ReturnType<Parameters<RefreshAnswer>[0]> | undefined;
      await stage.set({
        answer: async (right) => {
          if (kept !== undefined) return kept;
          kept = right();
          return cutShort(await kept);
        },
      });
      const lost = await stage.call('expired');
      expect(lost.error?.['data']).toMatchObject({ code: 'REFRESH_FAILED' });
      await expectHealed(stage, 'expired', login);
      await stage.set({});
      await stage.makeDue('expired');
      await expectHealed(stage, 'expired', (await loginsOf(stage)).expired);
      expect(stage.sides.expired.server.seen.reused).toEqual([]);
    });
  });
});

const LOGIN_EXPIRED = 'Log in: mcp-master auth login --server=expired';

/** The first error of another code. */
async function untilNot({ call }: RefreshStage, code: string): Promise<unknown> {
  const started = performance.now();
  for (;;) {
    const { error } = await call('expired');
    const data = error?.['data'] as { code?: string } | undefined;
    if (data?.code !== code || performance.now() - started > 20_000) return data;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
