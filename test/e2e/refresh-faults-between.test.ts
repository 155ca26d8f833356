import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
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
import type { Answer as RpcAnswer } from '../support/recording-client.ts';

const stages = new RefreshStages({}, 4);
afterAll(() => stages.close());

/** Those whose calls can't go on without the refresh. */
const DEAD = ['expired', 'refused'] as const;

const LOGGED_IN = { state: 'logged_in', next: null, has_refresh_token: true };

/** What the server has answered to a refresh during which something else has happened. */
const ANSWERS: [string, RefreshAnswer][] = [
  ['new tokens', (right) => right()],
  ['invalid_grant', () => respond(400, { error: 'invalid_grant' })],
  ['a 500', () => respond(500, 'oops')],
  ['half an answer', () => cutShort(respond(200, { access_token: 'x', token_type: 'Bearer' }))],
];

/** Refreshes that are under way: their answers are made, and wait. */
async function underWay(
  stage: RefreshStage,
  answer: RefreshAnswer,
): Promise<{ calls: Record<DueState, Promise<RpcAnswer>>; release(): void }> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await Promise.all(STATES.map((state) => stage.makeDue(state)));
  const before = STATES.map((state) => stage.sides[state].endpoint.seen.length);
  await stage.set({
    answer: async (right) => {
      const made = await answer(right);
      if (typeof made === 'function') throw new Error('Only values can wait');
      await released;
      return made;
    },
  });
  const [valid, expired, refused] = STATES.map((state) => stage.call(state));
  if (!valid || !expired || !refused) throw new Error('There are three');
  const seen = () => STATES.map((state) => stage.sides[state].endpoint.seen.length);
  await waitFor(() => seen().every((count, index) => count > (before[index] ?? 0)), {
    what: 'the refreshes',
  });
  return { calls: { valid, expired, refused }, release: () => release() };
}

describe('a login that another process makes during a refresh', () => {
  it.concurrent.each(ANSWERS)('is kept and used, after %s', async (_, answer) => {
    await stages.use(async (stage) => {
      const { calls, release } = await underWay(stage, answer);
      const logIns = STATES.map((state) => stage.home.logIn([state, '--force']));
      for (const end of await Promise.all(logIns)) {
        expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
      }
      const before = await stage.files();
      const logins = await loginsOf(stage);
      release();
      expectEchoed(await calls.valid);
      for (const state of DEAD) expectTold(await calls[state]);
      await stage.set({});
      for (const state of STATES) {
        // At once: the failure was that of another login.
        expectEchoed(await stage.call(state));
        const sent = stage.sides[state].server.resource.requests.at(-1)?.authorization;
        expect(sent, state).toBe(`Bearer ${logins[state].tokens.accessToken}`);
      }
      expect(await stage.files()).toEqual(before);
      expect(await stage.states()).toMatchObject(ALL_WELL);
      await expectRenewable(stage);
    });
  });

  it.concurrent('is kept when it was saved by a program that knows no lock', async () => {
    await stages.use(async (stage) => {
      const { calls, release } = await underWay(stage, () =>
        respond(400, { error: 'invalid_grant' }),
      );
      await Promise.all(STATES.map((state) => stage.atRest.age(state, 3_000_000)));
      const before = await stage.files();
      release();
      await Promise.all(Object.values(calls));
      expect(await stage.files()).toEqual(before);
      await stage.set({});
      for (const state of ['valid', 'expired'] as const) await healed(() => stage.call(state));
      await expectRenewable(stage);
    });
  });
});

/** A call that has waited: it has got through, or is told why it has not. */
function expectTold(answer: RpcAnswer): void {
  if (answer.result !== undefined) expectEchoed(answer);
  else {
    expect(answer.error?.['data']).toMatchObject({
      code: expect.stringMatching(/^(REFRESH_FAILED|LOGIN_REQUIRED)$/),
    });
  }
}

/** Each login can be renewed. */
async function expectRenewable(stage: RefreshStage): Promise<void> {
  await Promise.all(STATES.map((state) => stage.makeDue(state)));
  const logins = await loginsOf(stage);
  await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
  for (const state of STATES) expect(stage.sides[state].server.seen.reused, state).toEqual([]);
}

describe('a logout in another process during a refresh', () => {
  it.concurrent.each(ANSWERS)('counts, after %s', async (_, answer) => {
    await stages.use(async (stage) => {
      const before = await stage.files();
      const { calls, release } = await underWay(stage, answer);
      const logOuts = STATES.map((state) => {
        return stage.home.json(['auth', 'logout', `--server=${state}`]);
      });
      for (const end of await Promise.all(logOuts)) {
        expect(end).toMatchObject({ code: 0, value: [{ removed: true }] });
      }
      release();
      for (const state of DEAD) {
        const { error } = await calls[state];
        expect(error?.['data'], state).toMatchObject({ code: expect.stringMatching(/_(F|REQ)/) });
      }
      await calls.valid;
      await stage.set({});
      for (const state of STATES) {
        const hint = new RegExp(`^Log in: mcp-master auth login --server=${state}$`);
        const failure = { server: state, code: 'LOGIN_REQUIRED', message: /./, hint };
        expectError(await stage.call(state), failure);
        expect(await stage.atRest.isKnown(state), state).toBe(false);
      }
      expectEchoed(await stage.call('other'));
      const left = [...(await stage.files())].filter(([path]) => /(logins|tokens)\//.test(path));
      expect(left).toEqual([...before].filter(([path]) => /(logins|tokens)\/other-/.test(path)));
      const gone = { state: 'login_required', store: null };
      expect(await stage.states()).toMatchObject({
        ...{ valid: gone, expired: gone, refused: gone, other: LOGGED_IN },
      });
      await Promise.all(STATES.map((state) => stage.home.logIn([state])));
      await Promise.all(STATES.map((state) => healed(() => stage.call(state))));
      expect(await stage.states()).toMatchObject(ALL_WELL);
      await expectRenewable(stage);
    });
  });
});

/** The one file of a server in a folder of the state. */
async function fileOf({ home }: RefreshStage, folder: string, server: string): Promise<string> {
  const names = await readdir(join(home.path, 'state', folder));
  const [found, ...more] = names.filter((name) => name.startsWith(`${server}-`));
  expect(more).toEqual([]);
  return join(home.path, 'state', folder, found ?? 'none');
}

function flipped(text: string): string {
  const at = text.indexOf('"data":"') + 20;
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

describe('a stored item that gets damaged when its token is due', () => {
  it.concurrent.each<[string, (text: string) => string]>([
    ['is empty', () => ''],
    ['is cut', (text) => text.slice(0, text.length / 2)],
    ['has one other letter', flipped],
    ['is of a newer version', (text) => text.replace('"version":1', '"version":99')],
  ])('and %s is left as it is, and costs no refresh token', async (_, damage) => {
    await stages.use(async (stage) => {
      await Promise.all(STATES.map((state) => stage.makeDue(state)));
      const before = await stage.files();
      const logins = await loginsOf(stage);
      // So that the tokens are known in the process.
      await stage.set({ answer: () => respond(500) });
      await Promise.all(STATES.map((state) => stage.call(state)));
      const damaged = STATES.map(async (state) => {
        const file = await fileOf(stage, 'tokens', state);
        await writeFile(file, damage(await readFile(file, 'utf8')));
      });
      await Promise.all(damaged);
      const during = await home(stage);
      await stage.set({});
      const asked = STATES.map((state) => stage.sides[state].endpoint.connections());
      await Promise.all(DEAD.map((state) => expectUnreadable(stage, state)));
      expectEchoed(await stage.call('valid'));
      expectEchoed(await stage.call('other'));
      expect(STATES.map((state) => stage.sides[state].endpoint.connections())).toEqual(asked);
      expect(await home(stage)).toEqual(during);
      // Somebody puts the backup back.
      for (const [path, text] of before) {
        if (path.includes('state/tokens')) {
          await writeFile(join(stage.home.path, path), text, 'latin1');
        }
      }
      await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
      expectKept(await stage.files(), before);
      expect(await stage.states()).toMatchObject(ALL_WELL);
    });
  });

  it.concurrent('is of no harm when it is only the record', async () => {
    await stages.use(async (stage) => {
      await Promise.all(STATES.map((state) => stage.makeDue(state)));
      const before = await stage.files();
      const logins = await loginsOf(stage);
      for (const state of STATES) {
        await writeFile(await fileOf(stage, 'logins', state), '{"version":1,');
      }
      for (const state of STATES) await healed(() => stage.call(state));
      await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
      expectKept(await stage.files(), before);
      expect(await stage.states()).toMatchObject(ALL_WELL);
    });
  });
});

/** The files as they are, which can't all be read as logins. */
async function home(stage: RefreshStage): Promise<[string, string][]> {
  return [...(await stage.home.files())].filter(([path]) => /^state\/(tokens|logins)/.test(path));
}

/** Waits until a call says so: before, it may still tell why the last refresh has failed. */
async function expectUnreadable(stage: RefreshStage, server: DueState): Promise<void> {
  const error = await waitFor(async () => {
    const answer = await stage.call(server);
    expect(answer.error).toBeDefined();
    return /damaged|newer/.test(answer.error?.message ?? '') ? answer.error : undefined;
  });
  expect(error['data']).toMatchObject({ code: 'LOGIN_REQUIRED' });
}
