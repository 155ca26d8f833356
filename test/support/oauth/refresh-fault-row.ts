import { expect, vi } from 'vitest';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import type { Answer as RpcAnswer } from '../recording-client.ts';
import type { RefreshFault } from './refresh-fault-endpoint.ts';
import {
  createRefreshStage,
  type DueState,
  expectEchoed,
  healed,
  type RefreshStage,
  STATES,
  type StageOptions,
} from './refresh-fault-stage.ts';

/** What a call must answer whose token has ended and can not be renewed. */
export interface RefreshFailure {
  /** Default: `REFRESH_FAILED`. */
  code?: string;
  message: RegExp;
  hint: RegExp;
}

/** What goes wrong with the three servers, and goes well again. */
export interface Trouble {
  begin(stage: RefreshStage): Promise<void>;
  end(stage: RefreshStage): Promise<void>;
}

/** The trouble that is a token endpoint with a fault. */
export function spoiled(fault: RefreshFault): Trouble {
  return { begin: ({ set }) => set(fault), end: ({ set }) => set({}) };
}

/** What else a row may say. */
export interface RowOptions {
  /** Milliseconds that the server asks for before the next request. */
  asked?: number;
  /** Whether `auth status` itself is asked, too, beside what it knows that from. */
  status?: boolean;
  /** Calls to each server, one after the other. Default: 20. */
  calls?: number;
  /** Milliseconds that a call may take which has no token. Default: 5000. */
  patience?: number;
}

/**
 * One trouble in all three states: each call has its answer, the server is asked again by the back-off alone,
 * nothing that is stored changes, no token is shown; and once it is over, a call in each state
 * gets through without a person, and the new tokens are stored.
 */
export async function expectHarmless(
  stage: RefreshStage,
  trouble: Trouble,
  failure: RefreshFailure,
  options: RowOptions = {},
): Promise<void> {
  await Promise.all(STATES.map((state) => stage.makeDue(state)));
  const before = await stage.files();
  const logins = await loginsOf(stage);
  await trouble.begin(stage);
  await Promise.all([
    ...STATES.map((state) => expectFaulty(stage, state, failure, options)),
    stage.call('other').then(expectEchoed),
  ]);
  expect(await stage.files()).toEqual(before);
  if (options.status === true) await expectShown(stage, failure.code ?? 'REFRESH_FAILED');
  expect(await stage.needy()).toEqual([]);
  await trouble.end(stage);
  await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
  expectKept(await stage.files(), before);
  if (options.status === true) await expectShown(stage, null);
  expect(await stage.needy()).toEqual([]);
  for (const state of STATES) expect(stage.sides[state].server.seen.reused, state).toEqual([]);
}

const LOGGED_IN = { state: 'logged_in', next: null, has_refresh_token: true };

/** What can be mended without a person is nothing for a person to do. */
export const ALL_WELL = {
  valid: LOGGED_IN,
  expired: LOGGED_IN,
  refused: LOGGED_IN,
  other: LOGGED_IN,
};

/** What `auth status` says at last: what went wrong is written down a moment later. */
async function expectShown(stage: RefreshStage, code: string | null): Promise<void> {
  const last_error = code === null ? null : expect.stringMatching(new RegExp(`^${code}: `));
  const shown = {
    ...{ valid: LOGGED_IN, other: { ...LOGGED_IN, last_error: null } },
    ...{ expired: { ...LOGGED_IN, last_error }, refused: { ...LOGGED_IN, last_error } },
  };
  await vi.waitFor(async () => expect(await stage.states()).toMatchObject(shown), {
    ...{ timeout: 10_000, interval: 500 },
  });
}

/** The logins of the three, as they are stored. */
export async function loginsOf({ atRest }: RefreshStage): Promise<Record<DueState, StoredLogin>> {
  const [valid, expired, refused] = await Promise.all(STATES.map((state) => atRest.login(state)));
  if (!valid || !expired || !refused) throw new Error('A login is missing');
  return { valid, expired, refused };
}

async function expectFaulty(
  stage: RefreshStage,
  state: DueState,
  failure: RefreshFailure,
  { asked = 0, calls = 20, patience = 5000 }: RowOptions,
): Promise<void> {
  const { endpoint, server } = stage.sides[state];
  const requests = server.resource.requests.length;
  const connections = endpoint.connections();
  const started = performance.now();
  for (let made = 0; made < calls; made += 1) {
    const asking = performance.now();
    const answer = await stage.call(state);
    expect(performance.now() - asking, `a call that is ${state}`).toBeLessThan(patience);
    if (state === 'valid') expectEchoed(answer);
    else expectError(answer, { server: state, ...failure });
    if (state === 'refused') expect(answer.error?.message).toMatch(REFUSED);
    stage.expectNoSecrets(JSON.stringify(answer));
  }
  const tries = endpoint.connections() - connections;
  expect(tries, state).toBeLessThanOrEqual(triesIn(performance.now() - started, asked));
  const reached = server.resource.requests
    .slice(requests)
    .filter(({ rpc }) => rpc === 'tools/call');
  // A token that has ended is not sent, and one that was refused is not sent twice.
  expect(reached, state).toHaveLength(state === 'expired' ? 0 : calls);
}

/** Both are told: what the server has refused, and why there is nothing else to send. */
const REFUSED =
  /it refused the token, which can not be renewed now: .* answered 401 to tools\/call/;

/** How often the back-off lets anybody ask: at once, after 1 s, after 2 s more, 4 s more, … */
export function triesIn(elapsed: number, asked = 0): number {
  let tries = 1;
  for (let at = 0, pause = 1000; ; pause *= 2, tries += 1) {
    at += Math.max(Math.min(pause, 60_000), asked);
    if (at > elapsed) return tries;
  }
}

/** Fails unless it is this error, told with its hint. */
export function expectError(answer: RpcAnswer, failure: RefreshFailure & { server: string }): void {
  const { code = 'REFRESH_FAILED', message, hint, server } = failure;
  expect(answer.error).toEqual({
    code: -32000,
    message: expect.stringMatching(message),
    data: { code, hint: expect.stringMatching(hint) },
  });
  expect(answer.error?.message).toMatch(new RegExp(`^server "${server}": `));
}

/** Calls until the new tokens are in use and stored; nothing else of the login has changed. */
export async function expectHealed(
  { sides, atRest, call }: RefreshStage,
  state: DueState,
  before: StoredLogin,
): Promise<void> {
  const { server } = sides[state];
  await healed(
    () => call(state),
    async () => (await atRest.login(state))?.revision !== before.revision,
  );
  const after = await atRest.login(state);
  const { tokens, revision: _, ...rest } = after ?? before;
  const { tokens: old, revision: __, ...same } = before;
  expect(rest, state).toEqual(same);
  expect(tokens.scopes, state).toEqual(old.scopes);
  expect(tokens.accessToken, state).not.toBe(old.accessToken);
  expect(tokens.refreshToken, state).toMatch(/^refresh-/);
  expect(tokens.refreshToken, state).not.toBe(old.refreshToken);
  expect(tokens.expiresAt, state).toBeGreaterThan(Date.now() + 3_000_000);
  expect(await server.check(tokens.accessToken), state).toBeDefined();
  // The last call may have been on its way with the old token.
  await call(state);
  const sent = server.resource.requests.at(-1)?.authorization;
  expect(sent, state).toBe(`Bearer ${tokens.accessToken}`);
}

/** Fails if anything has changed but the logins of the three. */
export function expectKept(after: Map<string, string>, before: Map<string, string>): void {
  const others = (files: Map<string, string>) => [...files].filter(([path]) => !OWN.test(path));
  expect([...after.keys()]).toEqual([...before.keys()]);
  expect(others(after)).toEqual(others(before));
}

const OWN = /^state\/(tokens|logins)\/(valid|expired|refused)-/;

/** Stages for rows that run at the same time: each row has one to itself. */
export class RefreshStages {
  readonly #options: StageOptions;
  readonly #most: number;
  readonly #all: Promise<RefreshStage>[] = [];
  readonly #free: RefreshStage[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  /** @param most made when they are needed; by default as many as tests run at the same time */
  constructor(options: StageOptions = {}, most = 5) {
    this.#options = options;
    this.#most = most;
  }

  /** Waits for one that is free. One on which a row has failed is not used again. */
  async use(work: (stage: RefreshStage) => Promise<void>): Promise<void> {
    while (this.#busy >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#busy += 1;
    try {
      const stage = this.#free.pop() ?? (await this.#create());
      await work(stage);
      this.#free.push(stage);
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  #create(): Promise<RefreshStage> {
    const made = createRefreshStage(this.#options);
    this.#all.push(made);
    return made;
  }

  async close(): Promise<void> {
    const made = await Promise.allSettled(this.#all);
    const stages = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all(stages.map((stage) => stage.close()));
  }
}
