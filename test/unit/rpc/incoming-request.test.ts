import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Incoming } from '../../../src/rpc/incoming-request.ts';
import type { JsonObject } from '../../../src/rpc/message.ts';

/** A request whose progress goes on its own way, and counts as arrived when the test says so. */
function createRequest(ordered = false) {
  const sent: string[] = [];
  const arrivals: (() => void)[] = [];
  const request = new Incoming('tools/call', undefined, {
    done: () => undefined,
    reply: () => sent.push('answer'),
    progress: (params: JsonObject) => {
      sent.push(`progress ${params['progress']}`);
      return new Promise((resolve) => arrivals.push(resolve));
    },
    ordered,
  });
  /** The oldest progress under way has arrived. */
  const arrive = async () => {
    arrivals.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { request, sent, arrive };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Incoming, over a transport where messages overtake each other', () => {
  it('sends progress one after the other, and the answer last, however slow they are', async () => {
    const { request, sent, arrive } = createRequest();
    request.progress({ progress: 1 });
    request.progress({ progress: 2 });
    request.reply({ result: {} });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(sent).toEqual(['progress 1']);
    await arrive();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(sent).toEqual(['progress 1', 'progress 2']);
    await arrive();
    expect(sent).toEqual(['progress 1', 'progress 2', 'answer']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits once alone for a server that never confirms progress', async () => {
    const { request, sent } = createRequest();
    for (const progress of [1, 2, 3]) request.progress({ progress });
    request.reply({ result: {} });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual(['progress 1', 'progress 2', 'progress 3', 'answer']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('waits for nothing where messages keep their order', () => {
  const { request, sent } = createRequest(true);
  for (const progress of [1, 2]) request.progress({ progress });
  request.reply({ result: {} });
  expect(sent).toEqual(['progress 1', 'progress 2', 'answer']);
});

describe('a request that was withdrawn', () => {
  it('tells who asks later, too, and once', () => {
    const { request } = createRequest();
    const told: JsonObject[] = [];
    request.cancel({ reason: 'not needed' });
    request.cancel({ reason: 'again' });
    request.onCancel((params) => told.push(params));
    expect(told).toEqual([{ reason: 'not needed' }]);
    expect(request.isCancelled).toBe(true);
  });
});
