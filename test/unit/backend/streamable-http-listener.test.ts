import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HttpResponse } from '../../../src/backend/http.ts';
import { Cancellation } from '../../../src/backend/http-cancellation.ts';
import { ServerStream } from '../../../src/backend/streamable-http-listener.ts';
import { HttpSession } from '../../../src/backend/streamable-http-session.ts';
import { McpMasterError } from '../../../src/errors.ts';
import type { Message } from '../../../src/rpc/message.ts';
import { memoryLog } from '../../support/memory-log.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const MINUTE = 60_000;

const DEAD = () => Promise.reject(new McpMasterError('BACKEND_EXITED', 'connection refused'));

const refused = (status: number) => async (): Promise<HttpResponse> => ({
  ...{ status, headers: {}, body: Readable.from([]) },
});

/** A stream that stays open, and the hand that ends it. */
function openStream() {
  const body = new Readable({ read: () => undefined });
  const headers = { 'content-type': 'text/event-stream' };
  return { answer: async (): Promise<HttpResponse> => ({ status: 200, headers, body }), body };
}

/** A stream to a server that answers its requests as `answer` says, and the times of them. */
function listenTo(answer: () => Promise<HttpResponse>) {
  const server = { answer, asked: [] as number[], headersAsked: 0, tokens: [] as unknown[] };
  const auth = { headers: async () => ({ Authorization: 'Bearer one' }) };
  const session = new HttpSession({
    url: new URL('https://mcp.test/mcp'),
    client: {
      request: async ({ headers, signal }) => {
        server.asked.push(Date.now());
        server.tokens.push(headers['Authorization']);
        const response = await server.answer();
        signal?.addEventListener('abort', () => response.body.destroy());
        return response;
      },
      close: () => undefined,
    },
    headers: () => {
      server.headersAsked += 1;
      return auth.headers();
    },
  });
  const { log, lines } = memoryLog();
  const messages: Message[] = [];
  const refusals: number[] = [];
  const stream = new ServerStream({
    ...{ session, log, readTimeoutMs: 5 * MINUTE },
    onMessage: (message) => messages.push(message),
    onProblem: () => undefined,
    onRefused: ({ status }) => refusals.push(status),
  });
  const signal = new Cancellation();
  let over = false;
  const running = stream.run(signal).then(() => {
    over = true;
  });
  const end = async () => {
    signal.abort(new Error('closed'));
    await running;
  };
  return { server, auth, stream, lines, messages, refusals, end, isOver: () => over };
}

describe('ServerStream', () => {
  it('asks a dead server ten times, later each time, and then leaves it alone', async () => {
    const { server, lines, isOver, end } = listenTo(DEAD);
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE);
    expect(server.asked.map((time) => time / 1000)).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151]);
    expect(vi.getTimerCount()).toBe(0);
    expect(lines.at(-1)).toContain('after the next answer to a request');
    expect(isOver()).toBe(false);
    await end();
    expect(isOver()).toBe(true);
  });

  it('asks again when the server has answered a request, and then as before', async () => {
    const { server, stream, messages, end } = listenTo(DEAD);
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    stream.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.asked).toHaveLength(11);
    // One that does not rest has its own times.
    stream.wake();
    await vi.advanceTimersByTimeAsync(500);
    expect(server.asked).toHaveLength(11);
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(server.asked).toHaveLength(20);

    const { answer, body } = openStream();
    server.answer = answer;
    stream.wake();
    await vi.advanceTimersByTimeAsync(0);
    body.push('data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n');
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(messages).toHaveLength(1);
    expect(server.asked).toHaveLength(21);
    await end();
  });

  it('counts failures in a row: a stream that brought something begins anew', async () => {
    const { server, end } = listenTo(DEAD);
    await vi.advanceTimersByTimeAsync(130_000);
    expect(server.asked).toHaveLength(9);
    const { answer, body } = openStream();
    server.answer = answer;
    await vi.advanceTimersByTimeAsync(MINUTE);
    server.answer = DEAD;
    body.push(': alive\n\n');
    body.push(null);
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(server.asked).toHaveLength(20);
    await end();
  });

  it('a login that is required: nothing is sent until a request gets through', async () => {
    const { server, auth, stream, end } = listenTo(DEAD);
    auth.headers = () => Promise.reject(new McpMasterError('LOGIN_REQUIRED', 'it has ended'));
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE);
    // The first one was asked for before.
    expect([server.asked.length, server.headersAsked]).toEqual([1, 2]);
    expect(vi.getTimerCount()).toBe(0);
    auth.headers = async () => ({ Authorization: 'Bearer two' });
    server.answer = openStream().answer;
    stream.wake();
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(server.tokens).toEqual(['Bearer one', 'Bearer two']);
    await end();
  });

  it('a 401 that stands: rests at once, and gives up after five of them', async () => {
    const { server, stream, refusals, isOver, lines } = listenTo(refused(401));
    for (let wakes = 1; wakes <= 4; wakes += 1) {
      await vi.advanceTimersByTimeAsync(60 * MINUTE);
      expect([server.asked.length, isOver()]).toEqual([wakes, false]);
      stream.wake();
    }
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect([server.asked.length, isOver()]).toEqual([5, true]);
    expect(refusals).toEqual([401, 401, 401, 401, 401]);
    expect(lines.at(-1)).toContain('no stream of its own (it answered 401)');
  });

  it.each([403, 408, 429, 500, 502, 503, 504])('a %i is borne with five times', async (status) => {
    const { server, isOver } = listenTo(refused(status));
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(server.asked).toEqual([0, 1000, 3000, 7000, 15_000]);
    expect(isOver()).toBe(true);
  });

  it('ends while it rests, without a further request', async () => {
    const { server, stream, end } = listenTo(refused(401));
    await vi.advanceTimersByTimeAsync(0);
    await end();
    stream.wake();
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(server.asked).toHaveLength(1);
  });
});
