import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerConfig } from '../../../src/config/config.ts';
import { StartQueue } from '../../../src/proxy/start-queue.ts';

const PROGRAM = { endpoint: { kind: 'stdio' } } as ServerConfig;
const REMOTE = { endpoint: { kind: 'http' } } as ServerConfig;

/** Starts that end when they are told to. */
function starts() {
  const begun: string[] = [];
  const ends = new Map<string, { resolve(value: string): void; reject(error: Error): void }>();
  const start = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve, reject) => ends.set(name, { resolve, reject }));
  };
  const end = (name: string) => ends.get(name)?.resolve(`${name} is up`);
  const fail = (name: string) => ends.get(name)?.reject(new Error(`${name} is down`));
  return { begun, start, end, fail };
}

/** Lets all that is due happen. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('StartQueue', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('starts two programs at once for each processor, and the next when one is up', async () => {
    const queue = new StartQueue(2);
    const { begun, start, end } = starts();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const settled = names.map((name) => queue.run(PROGRAM, start(name)));
    await settle();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    end('b');
    await settle();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    for (const name of ['a', 'c', 'd', 'e']) end(name);
    await settle();
    end('f');
    expect(await Promise.all(settled)).toEqual(names.map((name) => `${name} is up`));
  });

  it('goes on after a start that failed, which fails for its caller', async () => {
    const queue = new StartQueue(1);
    const { begun, start, fail } = starts();
    const [first] = ['a', 'b', 'c'].map((name) => queue.run(PROGRAM, start(name)));
    const failed = expect(first).rejects.toThrow('a is down');
    await settle();
    fail('a');
    await failed;
    await settle();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('lets one that never starts keep the others waiting for a moment only', async () => {
    const queue = new StartQueue(1);
    const { begun, start } = starts();
    for (const name of ['a', 'b', 'c', 'd', 'e']) void queue.run(PROGRAM, start(name));
    await vi.advanceTimersByTimeAsync(99);
    expect(begun).toEqual(['a', 'b']);
    await vi.advanceTimersByTimeAsync(1);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    await vi.advanceTimersByTimeAsync(100);
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('gives each turn once: never more at once than that, however they end', async () => {
    const queue = new StartQueue(1);
    const { begun, start, end } = starts();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void queue.run(PROGRAM, start(name));
    await vi.advanceTimersByTimeAsync(100);
    // They are up after their turn was over, which is no reason for two others.
    end('a');
    end('b');
    await settle();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps nobody waiting who connects to a server elsewhere', async () => {
    const queue = new StartQueue(1);
    const { begun, start } = starts();
    for (const name of ['a', 'b', 'c']) void queue.run(PROGRAM, start(name));
    for (const name of ['x', 'y', 'z']) void queue.run(REMOTE, start(name));
    await settle();
    expect(begun.toSorted()).toEqual(['a', 'b', 'x', 'y', 'z']);
  });

  it('has all its turns again when nobody has waited for them', async () => {
    const queue = new StartQueue(1);
    const { begun, start, end } = starts();
    for (const name of ['a', 'b', 'c', 'd']) {
      void queue.run(PROGRAM, start(name));
      await settle();
      end(name);
      await settle();
    }
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });
});
