import { describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { type PollDeps, pollUntil } from '../../../../src/oauth/grants/poll.ts';
import type { NotYet } from '../../../../src/oauth/tokens/device-requests.ts';
import { memoryLog } from '../../../support/memory-log.ts';

const GOOD = { accessToken: 'a' };

const START = 1_000_000;

function notYet(what: NotYet['notYet'], retryAfterMs?: number): NotYet {
  const error = new McpMasterError('TOKEN_REQUEST_FAILED', `${what}!`, { retryAfterMs });
  return { notYet: what, error };
}

const PENDING = notYet('pending');
const SLOWER = notYet('slow_down');
const FAILED = notYet('failed');

/** How a poll went, in seconds since its start. */
interface Course {
  /** When it was asked. */
  asked: number[];
  /** How long each request was allowed to take. */
  allowed: number[];
  ended: number;
  result: { value?: object; failure?: McpMasterError };
}

/** Polls on a clock that only the pauses move, and `takes`: the seconds that each request takes. */
async function poll(
  answers: (NotYet | object | Error)[],
  { interval = 5, seconds = 600, takes = 0, late = 0 } = {},
): Promise<Course> {
  let now = START;
  const asked: number[] = [];
  const allowed: number[] = [];
  const deps: PollDeps = {
    now: () => now,
    log: memoryLog().log,
    pause: async (ms) => {
      now += ms + late * 1000;
    },
  };
  const result = await pollUntil<object>(
    {
      intervalMs: interval * 1000,
      deadline: START + seconds * 1000,
      signal: new AbortController().signal,
      ask: async (timeoutMs) => {
        asked.push((now - START) / 1000);
        allowed.push(timeoutMs / 1000);
        now += takes * 1000;
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer instanceof Error) throw answer;
        return answer ?? PENDING;
      },
    },
    deps,
  );
  return { asked, allowed, ended: (now - START) / 1000, result };
}

describe('pollUntil', () => {
  it('waits before the first request and between two', async () => {
    const { asked, result } = await poll([PENDING, PENDING, GOOD]);
    expect(asked).toEqual([5, 10, 15]);
    expect(result).toEqual({ value: GOOD });
  });

  it('waits from an answer to the next request, not from request to request', async () => {
    expect((await poll([PENDING, GOOD], { takes: 2 })).asked).toEqual([5, 12]);
  });

  it('slows down by five seconds each time it is asked to, for good', async () => {
    const { asked } = await poll([SLOWER, PENDING, SLOWER, PENDING, GOOD]);
    expect(asked).toEqual([5, 15, 25, 40, 55]);
  });

  it('doubles the pause with each failure up to a minute, and begins again after an answer', async () => {
    const failures = Array.from({ length: 6 }, () => FAILED);
    const { asked } = await poll([...failures, PENDING, FAILED, GOOD]);
    // 10, 20, 40, 60, 60 and 60 s after a failure, 5 s after an answer, 10 s after a failure.
    expect(asked).toEqual([5, 15, 35, 75, 135, 195, 255, 260, 270]);
  });

  it('stays as slow as it was asked to be also after failures', async () => {
    expect((await poll([SLOWER, FAILED, PENDING, GOOD])).asked).toEqual([5, 15, 35, 45]);
    expect((await poll([FAILED, FAILED, PENDING, GOOD], { interval: 90 })).asked).toEqual([
      90, 180, 270, 360,
    ]);
  });

  it('waits as long as a server says that has too much to do', async () => {
    expect((await poll([notYet('failed', 120_000), PENDING, GOOD])).asked).toEqual([5, 125, 130]);
  });

  it('asks once more at the end, and then no more', async () => {
    const { asked, allowed, ended, result } = await poll([PENDING], { seconds: 12 });
    expect(asked).toEqual([5, 10, 12]);
    expect(allowed).toEqual([7, 3, 3]);
    expect(ended).toBe(12);
    expect(result).toEqual({});
    expect((await poll([PENDING, GOOD], { seconds: 7 })).result).toEqual({ value: GOOD });
  });

  it('asks at least once, however little time there is', async () => {
    expect(await poll([GOOD], { seconds: 2 })).toMatchObject({
      asked: [2],
      result: { value: GOOD },
    });
    expect(await poll([GOOD], { seconds: 0 })).toMatchObject({ asked: [], result: {} });
  });

  it('asks once more when the computer has slept beyond the end', async () => {
    const { asked, result } = await poll([PENDING, GOOD], { seconds: 60, late: 3600 });
    expect(asked).toEqual([3605]);
    expect(result).toEqual({});
    expect((await poll([GOOD], { seconds: 60, late: 3600 })).result).toEqual({ value: GOOD });
  });

  it('tells of the last failure when the time is up, and not of one that has passed', async () => {
    const { result } = await poll([PENDING, FAILED], { seconds: 20 });
    expect(result.failure).toBe(FAILED.error);
    expect((await poll([FAILED, PENDING], { seconds: 20 })).result).toEqual({});
  });

  it('ends with what a request rejects with', async () => {
    const denied = new McpMasterError('ACCESS_DENIED', 'no');
    await expect(poll([PENDING, denied, GOOD])).rejects.toBe(denied);
  });

  it('allows a request a quarter of a minute at most', async () => {
    expect((await poll([GOOD])).allowed).toEqual([15]);
  });

  it('waits for no longer than a timer can', async () => {
    const pause = vi.fn<NonNullable<PollDeps['pause']>>(async () => {});
    const year = 365 * 24 * 3600 * 1000;
    const polling = { intervalMs: year, deadline: 2 * year, signal: new AbortController().signal };
    const deps = { now: () => 0, log: memoryLog().log, pause };
    await pollUntil({ ...polling, ask: async () => GOOD }, deps);
    expect(pause.mock.calls[0]?.[0]).toBe(24 * 3600 * 1000);
  });

  it('asks nothing any more once it is aborted', async () => {
    vi.useFakeTimers({ now: START });
    try {
      const abort = new AbortController();
      const ask = vi.fn(async () => PENDING);
      const done = pollUntil<object>(
        { ask, intervalMs: 5000, deadline: START + 600_000, signal: abort.signal },
        { now: Date.now, log: memoryLog().log },
      );
      await vi.advanceTimersByTimeAsync(11_000);
      expect(ask).toHaveBeenCalledTimes(2);
      abort.abort();
      expect(await done).toEqual({});
      expect(vi.getTimerCount()).toBe(0);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(ask).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
