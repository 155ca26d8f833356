import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { waitFor } from '../bin.ts';
import type { RecordingClient } from '../recording-client.ts';
import { type Answer, changed } from './answers.ts';
import type { AuthHome } from './auth-home.ts';
import type { ProviderOptions } from './provider-configuration.ts';
import { createRefreshStage, type RefreshStage, storedExpiry } from './refresh-stage.ts';
import { plainly } from './refusal.ts';
import { untilTestEnds } from './test-lifetime.ts';
import type { Exchange } from './token-relay.ts';

/** What is said to be the life of tokens until a refresh is held, in seconds; the provider takes them for an hour. */
const SHORT_SECONDS = 2;

/** A refresh whose answer is kept back; those that follow are answered at once, for an hour. */
export interface HeldRefresh {
  /** Resolves when the answer is there, and waits. */
  reached: Promise<void>;
  /** Lets the answer go. */
  release(): void;
  /** This refresh, and those that have followed. */
  refreshes(): Exchange[];
}

/** A stage with a login to `api`, on which the next refresh can be held. */
export interface HoldStage extends RefreshStage {
  /** Starts `serve` with a name, and calls a tool once. */
  startWorker(name: string): Promise<RecordingClient>;
  /** Waits until the stored token has ended, while nobody calls. `answer` is what is kept back. */
  holdNext(answer: (pass: () => Promise<Answer>) => Promise<Answer>): Promise<HeldRefresh>;
}

/** Starts it, and logs in. */
export async function createHoldStage(options: ProviderOptions = {}): Promise<HoldStage> {
  const stage = await createRefreshStage({ accessTokenSeconds: 3600, ...options });
  const { home, relay, entry } = stage;
  relay.intercept(async (_, pass) => changed(await pass(), { expires_in: SHORT_SECONDS }));
  await home.configure({ api: entry });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  return {
    ...stage,
    startWorker: async (name) => {
      const client = await home.serve({ env: { WORKER: name }, deadline: 40_000 });
      expect(await call(client)).toEqual({ result: expect.anything() });
      return client;
    },
    holdNext: async (answer) => {
      const before = relay.refreshes().length;
      const [reached, released] = [createGate(), createGate()];
      let isFirst = true;
      relay.intercept(async (_, pass) => {
        if (!isFirst) return pass();
        isFirst = false;
        const kept = await answer(pass);
        reached.open();
        await released.opened;
        return kept;
      });
      const isOver = () => Date.now() > (storedExpiry(home, 'api') ?? Number.POSITIVE_INFINITY);
      await waitFor(isOver, { what: 'the end of the token' });
      return {
        reached: reached.opened,
        release: released.open,
        refreshes: () => relay.refreshes().slice(before),
      };
    },
  };
}

/** Calls the tool `echo` of `api`; gives its result or error alone. */
export async function call(client: RecordingClient): Promise<{ result?: object; error?: object }> {
  const params = { name: 'api__echo', arguments: { text: 'x' } };
  const { result, error } = plainly(await client.request('tools/call', params));
  return { ...(result && { result }), ...(error && { error }) };
}

/**
 * Touches each lock of a home again and again until the test ends, as those do who hold one: whoever
 * takes a lock over all the same knows that its holder has ended, and has not waited for its silence.
 */
export async function keepLocksFresh({ path }: AuthHome): Promise<void> {
  const folder = join(path, 'state', 'locks');
  const touch = () => {
    for (const name of readdirSync(folder)) {
      if (!name.endsWith('.lock')) continue;
      try {
        utimesSync(join(folder, name), new Date(), new Date());
      } catch {
        // It was released meanwhile.
      }
    }
  };
  const timer = setInterval(touch, 100);
  await untilTestEnds({ close: () => clearInterval(timer) });
}

/** Something to wait for until it is opened. */
function createGate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
