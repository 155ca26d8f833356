import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import type { IncomingRequest } from '../../../src/rpc/incoming-request.ts';
import type { JsonObject, Reply } from '../../../src/rpc/message.ts';
import { Peer } from '../../../src/rpc/peer.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';

function createPeer() {
  const transport = new MemoryTransport();
  const requests: IncomingRequest[] = [];
  const notifications: [string, JsonObject | undefined][] = [];
  const closes: (McpMasterError | undefined)[] = [];
  const { log, lines } = memoryLog();
  const peer = new Peer(
    transport,
    {
      onRequest: (request) => requests.push(request),
      onNotification: (method, params) => notifications.push([method, params]),
      onClose: (error) => closes.push(error),
    },
    { label: 'the other side', log },
  );
  return { transport, peer, requests, notifications, closes, lines };
}

/** Sends a request and collects all that comes of it. */
function send(
  peer: Peer,
  options: { timeoutMs?: number; progress?: boolean; params?: JsonObject } = {},
) {
  const outcome: { replies: Reply[]; failures: McpMasterError[]; progress: JsonObject[] } = {
    replies: [],
    failures: [],
    progress: [],
  };
  const { cancel } = peer.request('tools/call', options.params ?? { name: 'x' }, {
    timeoutMs: options.timeoutMs,
    onReply: (reply) => outcome.replies.push(reply),
    onFailure: (error) => outcome.failures.push(error),
    onProgress: options.progress === true ? (params) => outcome.progress.push(params) : undefined,
  });
  return { ...outcome, cancel };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Peer, asking', () => {
  it('matches answers to requests in any order, each once', () => {
    const { transport, peer } = createPeer();
    const [first, second] = [send(peer), send(peer)];
    transport.receive({ jsonrpc: '2.0', id: 2, result: { of: 'second' } });
    transport.receive({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -1, message: 'no', data: { deep: [1] } },
    });
    transport.receive({ jsonrpc: '2.0', id: 1, result: { of: 'nobody' } });
    transport.receive({ jsonrpc: '2.0', id: 77, result: {} });
    expect(first).toMatchObject({
      replies: [{ error: { code: -1, message: 'no', data: { deep: [1] } } }],
      failures: [],
    });
    expect(second).toMatchObject({ replies: [{ result: { of: 'second' } }], failures: [] });
  });

  it('takes its own id back as a string', () => {
    const { transport, peer } = createPeer();
    const call = send(peer);
    transport.receive({ jsonrpc: '2.0', id: '1', result: {} });
    expect(call.replies).toEqual([{ result: {} }]);
  });

  it('asks for progress under a token of its own, and keeps the rest of _meta', () => {
    const { transport, peer } = createPeer();
    const call = send(peer, {
      progress: true,
      params: { name: 'x', _meta: { progressToken: 'theirs', 'a/b': 1 } },
    });
    expect(transport.last).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'x', _meta: { progressToken: 1, 'a/b': 1 } },
    });
    transport.receive({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 1, progress: 5, extra: true },
    });
    expect(call.progress).toEqual([{ progressToken: 1, progress: 5, extra: true }]);
  });

  it('fails after its time without an answer, withdraws the request, and progress extends that', () => {
    const { transport, peer } = createPeer();
    const call = send(peer, { timeoutMs: 1000, progress: true });
    vi.advanceTimersByTime(900);
    transport.receive({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 1, progress: 1 },
    });
    vi.advanceTimersByTime(900);
    expect(call.failures).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(call.failures).toEqual([
      expect.objectContaining({
        code: 'BACKEND_TIMEOUT',
        message: expect.stringContaining('within 1 s'),
      }),
    ]);
    expect(transport.last).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    });
    transport.receive({ jsonrpc: '2.0', id: 1, result: {} });
    expect(call.replies).toEqual([]);
  });

  it('withdraws a request with the reason it is given, once, and hears nothing more of it', () => {
    const { transport, peer } = createPeer();
    const call = send(peer, { timeoutMs: 1000 });
    call.cancel({ requestId: 'theirs', reason: 'changed my mind', extra: 1 });
    call.cancel();
    expect(transport.sent.slice(1)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: 1, reason: 'changed my mind', extra: 1 },
      },
    ]);
    expect(transport.abandoned).toEqual([1]);
    transport.receive({ jsonrpc: '2.0', id: 1, result: {} });
    vi.advanceTimersByTime(5000);
    expect(call).toMatchObject({ replies: [], failures: [] });
  });

  it.each(['broken', 'throwing'] as const)(
    'fails the one request that could not be sent: %s',
    async (how) => {
      const { transport, peer } = createPeer();
      const good = send(peer);
      transport[how] = new McpMasterError('BACKEND_EXITED', 'cut');
      const bad = send(peer);
      await vi.runAllTimersAsync();
      expect(bad.failures).toEqual([transport[how]]);
      expect(good).toMatchObject({ replies: [], failures: [] });
    },
  );

  it.each([
    ['the one that the transport names', 1, 1, 0],
    ['all when the transport can not tell which', undefined, 1, 1],
  ])('fails %s', (_, id, first, second) => {
    const { transport, peer } = createPeer();
    const calls = [send(peer), send(peer)];
    transport.onfailure?.(id, new McpMasterError('MESSAGE_TOO_LARGE', 'too large'));
    expect(calls.map(({ failures }) => failures.length)).toEqual([first, second]);
  });

  it('fails everything under way when the connection ends, and tells its owner once why', () => {
    const { transport, peer, closes, requests } = createPeer();
    const call = send(peer, { timeoutMs: 1000 });
    transport.receive({ jsonrpc: '2.0', id: 'a', method: 'roots/list' });
    const cancelled = vi.fn();
    requests[0]?.onCancel(cancelled);
    const error = new McpMasterError('BACKEND_EXITED', 'gone');
    transport.onclose?.(error);
    transport.onclose?.();
    expect(call.failures).toEqual([error]);
    expect(closes).toEqual([error]);
    expect(cancelled).toHaveBeenCalledOnce();
  });
});

describe('Peer, answering', () => {
  it('answers ping by itself', () => {
    const { transport, requests } = createPeer();
    transport.receive({ jsonrpc: '2.0', id: 'p', method: 'ping' });
    expect(transport.sent).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }]);
    expect(requests).toEqual([]);
  });

  it('answers under the id of the request, once', () => {
    const { transport, requests } = createPeer();
    transport.receive({ jsonrpc: '2.0', id: 'q', method: 'roots/list', params: { a: 1 } });
    expect(requests[0]).toMatchObject({ method: 'roots/list', params: { a: 1 } });
    requests[0]?.reply({ result: { roots: [] } });
    requests[0]?.reply({ result: { roots: ['again'] } });
    expect(transport.sent).toEqual([{ jsonrpc: '2.0', id: 'q', result: { roots: [] } }]);
  });

  it.each(['broken', 'throwing'] as const)(
    'answers with an error where the answer could not be sent: %s',
    async (how) => {
      const { transport, requests, lines } = createPeer();
      transport.receive({ jsonrpc: '2.0', id: 'q', method: 'roots/list' });
      transport[how] = new Error('no JSON');
      requests[0]?.reply({ result: { roots: [] } });
      transport[how] = undefined;
      await vi.runAllTimersAsync();
      const message = 'The answer could not be sent: no JSON';
      expect(transport.sent).toEqual([
        { jsonrpc: '2.0', id: 'q', error: { code: -32603, message } },
      ]);
      expect(lines).toEqual([expect.stringContaining(message)]);
    },
  );

  it('tells of a cancellation with all that it says, and then answers nothing', () => {
    const { transport, requests } = createPeer();
    transport.receive({ jsonrpc: '2.0', id: 3, method: 'tools/call' });
    const cancelled = vi.fn();
    requests[0]?.onCancel(cancelled);
    const params = { requestId: 3, reason: 'enough', _meta: { x: 1 } };
    transport.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    transport.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    requests[0]?.reply({ result: {} });
    requests[0]?.progress({ progress: 1 });
    expect(cancelled.mock.calls).toEqual([[params]]);
    expect(transport.sent).toEqual([]);
  });

  it('refuses an id that is in use without answering the request that uses it', () => {
    const { transport, requests } = createPeer();
    transport.receive({ jsonrpc: '2.0', id: 1, method: 'tools/call' });
    transport.receive({ jsonrpc: '2.0', id: 1, method: 'tools/call' });
    expect(requests).toHaveLength(1);
    expect(transport.sent).toEqual([
      { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Request id 1 is in use' } },
    ]);
    requests[0]?.reply({ result: {} });
    transport.receive({ jsonrpc: '2.0', id: 1, method: 'tools/call' });
    expect(requests).toHaveLength(2);
  });

  it('fails one request, not the session, when its handler throws', () => {
    const transport = new MemoryTransport();
    const { log, lines } = memoryLog();
    new Peer(
      transport,
      {
        onRequest: () => {
          throw new Error('a fault of ours');
        },
        onNotification: () => undefined,
        onClose: () => undefined,
      },
      { label: 'x', log },
    );
    transport.receive({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    expect(transport.sent).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'a fault of ours' } },
    ]);
    expect(lines.join('')).toContain('a fault of ours');
  });

  it('hands on other notifications', () => {
    const { transport, notifications } = createPeer();
    transport.receive({ jsonrpc: '2.0', method: 'notifications/x', params: { y: 1 } });
    transport.receive({ jsonrpc: '2.0', method: 'notifications/z' });
    expect(notifications).toEqual([
      ['notifications/x', { y: 1 }],
      ['notifications/z', undefined],
    ]);
  });
});
