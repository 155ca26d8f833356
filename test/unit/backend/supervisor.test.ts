import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Supervisor } from '../../../src/backend/supervisor.ts';
import { memoryLog } from '../../support/memory-log.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A supervisor whose restarts fail, with the times of them. */
function failing() {
  const restarts: number[] = [];
  const { log, lines } = memoryLog();
  const supervisor: Supervisor = new Supervisor({
    restart: () => {
      restarts.push(Date.now());
      supervisor.lost();
    },
    now: Date.now,
    log,
  });
  return { supervisor, restarts, lines };
}

describe('Supervisor', () => {
  it('restarts later each time, five times, and says when it gives up', () => {
    const { supervisor, restarts, lines } = failing();
    supervisor.up();
    supervisor.lost();
    vi.advanceTimersByTime(10 * 60_000);
    expect(restarts).toEqual([1000, 3000, 7000, 15_000, 31_000]);
    expect(lines.at(-1)).toContain('when it is needed');
  });

  it('leaves alone what was never up', () => {
    const { supervisor, restarts } = failing();
    supervisor.lost();
    vi.advanceTimersByTime(60_000);
    expect(restarts).toEqual([]);
  });

  it('counts anew after a minute of good health, and not before', () => {
    const restarts: number[] = [];
    const { log } = memoryLog();
    const supervisor: Supervisor = new Supervisor({
      restart: () => restarts.push(Date.now()),
      now: Date.now,
      log,
    });
    supervisor.up();
    for (const health of [1000, 59_000, 60_000]) {
      vi.advanceTimersByTime(health);
      const lost = Date.now();
      supervisor.lost();
      vi.advanceTimersByTime(10_000);
      restarts.push(-lost);
      supervisor.up();
    }
    const [first = 0, lost1 = 0, second = 0, lost2 = 0, third = 0, lost3 = 0] = restarts;
    expect([first + lost1, second + lost2, third + lost3]).toEqual([1000, 2000, 1000]);
  });

  it('restarts nothing after its end, nor while it is up again', () => {
    const { supervisor, restarts } = failing();
    supervisor.up();
    supervisor.lost();
    supervisor.up();
    vi.advanceTimersByTime(60_000);
    supervisor.lost();
    supervisor.end();
    vi.advanceTimersByTime(60_000);
    expect(restarts).toEqual([]);
  });
});
