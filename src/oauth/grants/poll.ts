import type { McpMasterError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { NotYet } from '../tokens/device-requests.ts';

/** What a server that asks for fewer requests gets (RFC 8628 §3.5). */
const SLOWER_MS = 5000;

/** Between requests that fail it is doubled up to this, so that one is made soon after an outage. */
const LONGEST_BACK_OFF_MS = 60_000;

/** One request takes no longer, so that one that hangs does not cost the whole time. */
const REQUEST_MS = 15_000;

/** The last request begins at the deadline: so long it may take. */
const LAST_REQUEST_MS = 3000;

/** A timer can't wait for longer than 24 days, and fires at once instead. */
const LONGEST_PAUSE_MS = 24 * 60 * 60 * 1000;

/** What is asked for again and again. */
export interface Polling<T> {
  /** Asks once, in no more than these milliseconds; what it rejects with ends it all. */
  ask(timeoutMs: number): Promise<T | NotYet>;
  /** Milliseconds between two requests at least. */
  intervalMs: number;
  /** Milliseconds since the epoch. */
  deadline: number;
  /** Nothing is asked any more once it is aborted. */
  signal: AbortSignal;
}

/** What {@link pollUntil} takes from the world. */
export interface PollDeps {
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
  /** Default: a timer. */
  pause?(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Asks at intervals, and once more at the deadline (RFC 8628 §3.5). Resolves with the result; without
 * one when the time is up, and then with the failure of the last request, if it has failed.
 */
export async function pollUntil<T extends object>(
  { ask, deadline, signal, ...polling }: Polling<T>,
  { now, log, pause = timer }: PollDeps,
): Promise<{ value?: T; failure?: McpMasterError }> {
  let { intervalMs } = polling;
  let wait = intervalMs;
  let last: NotYet | undefined;
  for (let left = deadline - now(); left > 0 && !signal.aborted; left = deadline - now()) {
    await pause(Math.min(wait, left, LONGEST_PAUSE_MS), signal);
    if (signal.aborted) break;
    const rest = Math.max(deadline - now(), LAST_REQUEST_MS);
    const answer = await ask(Math.min(rest, REQUEST_MS));
    if (!isNotYet(answer)) return { value: answer };
    last = answer;
    if (last.notYet === 'slow_down') intervalMs += SLOWER_MS;
    wait = last.notYet === 'failed' ? backedOff(wait, intervalMs, last.error) : intervalMs;
    log.debug(`asking again in ${wait / 1000} s: ${last.notYet}`);
  }
  return last?.notYet === 'failed' ? { failure: last.error } : {};
}

function backedOff(wait: number, intervalMs: number, { retryAfterMs = 0 }: McpMasterError): number {
  return Math.max(Math.min(wait * 2, LONGEST_BACK_OFF_MS), intervalMs, retryAfterMs);
}

function isNotYet(answer: object): answer is NotYet {
  return 'notYet' in answer;
}

/** Settles when the time is up, or the signal is aborted. */
function timer(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(waiting);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const waiting = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
