import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backend } from '../../../src/backend/backend.ts';
import type { ServerConfig } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import type { Reply } from '../../../src/rpc/message.ts';
import { FakeServer } from '../../support/fake-server.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { serverConfig } from '../../support/server-config.ts';

const CLIENT = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test' } };

let server: FakeServer;
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
});

function createBackend(config: Partial<ServerConfig> = {}) {
  const { log, lines } = memoryLog();
  const onReady = vi.fn();
  const handlers = { onReady, onRequest: () => undefined, onNotification: () => undefined };
  const http = {
    request: () => Promise.reject(new Error('no HTTP in this test')),
    close: () => undefined,
  };
  const backend = new Backend(serverConfig(config), CLIENT, handlers, {
    ...{ spawn: server.spawn, http, log, now: Date.now },
    surroundings: { env: {}, platform: 'linux', commandFolders: [] },
    readSecret: async () => undefined,
    auth: {
      forServer: () => ({
        headers: async () => ({}),
        onRefusal: () => undefined,
        onUnauthorized: async () => false,
        onAccepted: () => undefined,
        onConnected: () => undefined,
      }),
      explain: (_, error) => error,
    },
    redact: (text) => text.replaceAll('hunter2', '***'),
  });
  return { backend, lines, onReady };
}

/** Sends a request and collects what comes of it. */
function send(backend: Backend, method = 'tools/call', timeoutMs = 60_000) {
  const outcome: { replies: Reply[]; failures: McpMasterError[] } = { replies: [], failures: [] };
  const outgoing = backend.request(
    method,
    { name: 'x' },
    {
      timeoutMs,
      onReply: (reply) => outcome.replies.push(reply),
      onFailure: (error) => outcome.failures.push(error),
    },
  );
  return { ...outcome, cancel: () => outgoing.cancel() };
}

/** Lets everything that needs no time happen. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1);
}

describe('Backend', () => {
  it('connects once for those who need it at the same time', async () => {
    const { backend, onReady } = createBackend();
    const calls = [send(backend), send(backend)];
    await settle();
    expect(server.starts).toBe(1);
    expect(onReady).toHaveBeenCalledOnce();
    expect(calls.map(({ replies }) => replies)).toEqual([[{ result: {} }], [{ result: {} }]]);
  });

  it('gives the same error again until its back-off is over, then tries again', async () => {
    server.broken = true;
    const { backend } = createBackend();
    for (const [wait, starts] of [
      [0, 1],
      [500, 1],
      [600, 2],
      [1500, 2],
      [600, 3],
    ] as const) {
      await vi.advanceTimersByTimeAsync(wait);
      const { failures } = send(backend);
      await settle();
      expect(failures).toEqual([
        expect.objectContaining({
          code: 'COMMAND_NOT_FOUND',
          message: 'server "alpha": not found',
        }),
      ]);
      expect(server.starts).toBe(starts);
    }
    server.broken = false;
    await vi.advanceTimersByTimeAsync(4000);
    const { replies } = send(backend);
    await settle();
    expect(replies).toHaveLength(1);
  });

  it('is started again when it crashes, and not when it was never up', async () => {
    const { backend, onReady } = createBackend();
    await backend.connect();
    server.crash();
    await settle();
    expect(backend.state.phase).toBe('failed');
    await vi.advanceTimersByTimeAsync(1000);
    expect(onReady).toHaveBeenCalledTimes(2);

    const other = new FakeServer();
    other.broken = true;
    server = other;
    await expect(createBackend().backend.connect()).rejects.toBeInstanceOf(McpMasterError);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(other.starts).toBe(1);
  });

  it('stays closed: nothing is started, and what is starting is called off', async () => {
    const { backend } = createBackend();
    const { failures } = send(backend);
    await backend.close();
    await settle();
    expect(failures.map(({ code }) => code)).toEqual(['INTERRUPTED']);
    await expect(backend.connect()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.starts).toBeLessThanOrEqual(1);
  });

  it('masks secrets in its errors', async () => {
    server.stderr = 'the password is hunter2\n';
    const { backend } = createBackend();
    await backend.connect();
    server.answer = () => undefined;
    const { failures } = send(backend);
    await settle();
    server.crash();
    await settle();
    expect(failures[0]?.message).toMatch(
      /^server "alpha": .*ended with code 1.*the password is \*\*\*/,
    );
  });
});

describe('a request on its way', () => {
  it.each([
    ['resources/read', 2],
    ['prompts/get', 2],
    ['tools/call', 1],
    ['tasks/cancel', 1],
  ])('%s is sent %i times when the server crashes on it', async (method, times) => {
    const { backend } = createBackend();
    await backend.connect();
    server.answer = (request) => {
      if (server.starts > 1) return { result: { again: true } };
      if (request['method'] === method) server.crash();
      return undefined;
    };
    const { replies, failures } = send(backend, method);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.calls(method)).toHaveLength(times);
    expect(replies).toHaveLength(times - 1);
    expect(failures.map(({ code }) => code)).toEqual(times === 1 ? ['BACKEND_EXITED'] : []);
  });

  it('is not sent any more once it is cancelled, whatever it waits for', async () => {
    const { backend } = createBackend({ rateLimit: { requests: 1, per: 10 } });
    const connecting = send(backend);
    connecting.cancel();
    await settle();
    send(backend);
    const limited = send(backend);
    limited.cancel();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.calls('tools/call')).toHaveLength(1);
    expect(
      [connecting, limited].flatMap(({ replies, failures }) => [...replies, ...failures]),
    ).toEqual([]);
  });

  it('waits for its place, or is refused at once when that comes too late', async () => {
    const { backend } = createBackend({ rateLimit: { requests: 1, per: 10 } });
    const [first, second, third] = [
      send(backend),
      send(backend),
      send(backend, 'tools/call', 15_000),
    ];
    await settle();
    expect(first.replies).toHaveLength(1);
    expect(third.failures).toEqual([
      expect.objectContaining({
        code: 'RATE_LIMITED',
        message: expect.stringContaining('server "alpha"'),
      }),
    ]);
    await vi.advanceTimersByTimeAsync(9000);
    expect(second.replies).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(second.replies).toHaveLength(1);
  });

  it('gives its place under the rate limit back when it is cancelled', async () => {
    const { backend } = createBackend({ rateLimit: { requests: 1, per: 10 } });
    await backend.connect();
    send(backend);
    const waiting = [send(backend), send(backend)];
    for (const { cancel } of waiting) cancel();
    const next = send(backend);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(next.replies).toHaveLength(1);
  });

  it('keeps to the rate limit also after waiting for a connection', async () => {
    const { backend } = createBackend({ rateLimit: { requests: 1, per: 10 } });
    const calls = [send(backend), send(backend), send(backend)];
    await settle();
    expect(server.calls('tools/call')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(calls.map(({ replies }) => replies.length)).toEqual([1, 1, 1]);
  });
});
