import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  createSseTransport,
  type SseTransportOptions,
} from '../../../src/backend/sse-transport.ts';
import type { McpMasterError } from '../../../src/errors.ts';
import type { RequestId } from '../../../src/rpc/message.ts';
import { INITIALIZED, observe, request, testClient, until } from '../../support/http/connection.ts';
import {
  freePort,
  type Handler,
  result,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';
import { startSdkSseServer } from '../../support/http/sdk-servers.ts';
import { memoryLog } from '../../support/memory-log.ts';

function connectTo(url: URL, options: Partial<SseTransportOptions> = {}) {
  let token = 0;
  const refusals: number[] = [];
  const failures: [RequestId | undefined, McpMasterError][] = [];
  const { log, lines } = memoryLog();
  const transport = createSseTransport({
    url,
    client: testClient(),
    headers: async () => ({ Authorization: `Bearer ${++token}` }),
    onResponse: (status) => refusals.push(status),
    readTimeoutMs: 60_000,
    log,
    ...options,
  });
  transport.onfailure = (id, error) => failures.push([id, error]);
  return Object.assign(observe(transport, lines), { refusals, failures });
}

async function startFailure(handler: Handler) {
  const server = await startServer(handler);
  const connection = connectTo(server.url);
  const error = await connection.transport.start().catch((reason: unknown) => reason);
  return { ...connection, server, error };
}

/** The first event of a stream. */
const named = (endpoint: string) => `event: endpoint\ndata: ${endpoint}\n\n`;

const event = (value: unknown) => `event: message\ndata: ${JSON.stringify(value)}\n\n`;

const ok: Handler = (_, response) => void response.writeHead(202).end();

/** A server that names its endpoint, and hands the other requests to `post`. */
const server = (post: Handler, endpoint = '/messages') =>
  startServer((received, response) => {
    if (received.method === 'POST') return post(received, response);
    stream(response)(named(endpoint));
  });

/** A connection to a server that takes each message, and says on its stream what the test says. */
async function conversation(options: Partial<SseTransportOptions> = {}) {
  let say: (text: string) => void = () => {};
  let end: () => void = () => {};
  const started = await startServer((received, response) => {
    if (received.method === 'POST') return ok(received, response);
    say = stream(response);
    end = () => response.end();
    say(named('/messages'));
  });
  const connection = connectTo(started.url, options);
  await connection.transport.start();
  return { ...connection, started, say, end };
}

describe('a server of the SDK', () => {
  test('initialize, a call, and headers of the moment', async () => {
    const sdk = await startSdkSseServer();
    const { transport, message, errors, closed } = connectTo(sdk.url);
    await transport.start();
    const params = {
      protocolVersion: '2024-11-05',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    };
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    await message((one) => 'id' in one && one.id === 0);
    transport.setProtocolVersion?.('2024-11-05');
    const text = 'Grüße, 世界 🌍'.repeat(1000);
    const args = { name: 'echo', arguments: { text } };
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: args });
    const answer = await message((one) => 'id' in one && one.id === 1);
    expect(answer).toMatchObject({ result: { content: [{ text }] } });
    const sent = sdk.received.map(({ method, headers }) => [
      method,
      headers.authorization,
      headers['mcp-protocol-version'],
    ]);
    expect(sent).toEqual([
      ['GET', 'Bearer 1', undefined],
      ['POST', 'Bearer 2', undefined],
      ['POST', 'Bearer 3', '2024-11-05'],
    ]);
    expect(sdk.received[0]?.headers.accept).toBe('text/event-stream');
    await transport.close();
    await until(() => sdk.open() <= 1);
    expect([errors, closed]).toEqual([[], [undefined]]);
  });

  test('a broken event stream ends the connection, and is not opened anew', async () => {
    const sdk = await startSdkSseServer();
    const { transport, closed } = connectTo(sdk.url);
    await transport.start();
    sdk.cut();
    await until(() => closed.length > 0);
    const message = expect.stringMatching(/event stream from \S+ broke; .* may or may not/);
    expect(closed).toMatchObject([{ code: 'BACKEND_EXITED', message, hint: expect.any(String) }]);
    await expect(transport.send(request(1))).rejects.toMatchObject({ undelivered: true });
    await transport.close();
    expect(closed).toHaveLength(1);
    expect(sdk.received).toHaveLength(1);
  });
});

describe('start', () => {
  test.each([
    [401, 'UNAUTHORIZED'],
    [403, 'UNAUTHORIZED'],
    [404, 'BACKEND_PROTOCOL'],
    [429, 'RATE_LIMITED'],
    [500, 'BACKEND_PROTOCOL'],
  ])('answered %i: %s', async (status, code) => {
    const { error, refusals, server, closed } = await startFailure((_, response) => {
      response.writeHead(status).end('no');
    });
    const message = `${server.origin} answered ${status} to opening the event stream`;
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect([refusals, closed]).toEqual([[status], [error]]);
    expect(server.received).toHaveLength(1);
  });

  test('another content type, and an end before the endpoint', async () => {
    const html = await startFailure((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    });
    expect(html.error).toMatchObject({
      message: expect.stringContaining('content type text/html'),
    });
    const ended = await startFailure((_, response) => {
      stream(response)(': nothing\n\n');
      response.end();
    });
    expect(ended.error).toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('ended before it named the endpoint'),
    });
  });

  test('nobody listens', async () => {
    const { transport } = connectTo(new URL(`http://127.0.0.1:${await freePort()}/sse`));
    await expect(transport.start()).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('connection refused'),
    });
  });

  test('an endpoint on another origin is refused, and nothing is sent there', async () => {
    const other = await startServer((_, response) => response.end());
    const first = await server(() => {}, `${other.origin}/messages`);
    const { transport } = connectTo(first.url);
    await expect(transport.start()).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining(`another origin: ${other.origin}`),
    });
    await expect(transport.send(request(1))).rejects.toThrow();
    expect([other.connections(), other.received]).toEqual([0, []]);
    await until(() => first.open() === 0);
    expect(first.received).toHaveLength(1);
  });

  test('a second endpoint is left out, on whichever origin', async () => {
    const other = await startServer((_, response) => response.end());
    const { transport, say, started, message, closed, log } = await conversation();
    say(named(`${other.origin}/messages`));
    say(named('/elsewhere'));
    say(event(result(1)));
    await message(() => true);
    await transport.send(request(1));
    expect(started.received.map(({ path }) => path)).toEqual(['/mcp', '/messages']);
    expect(log.filter((line) => line.includes('an event "endpoint"'))).toHaveLength(2);
    expect([other.connections(), closed]).toEqual([0, []]);
  });

  test.each(['//[', 'http://', 'data:,x'])('%s as the endpoint is refused', async (endpoint) => {
    const started = await server(ok, endpoint);
    await expect(connectTo(started.url).transport.start()).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
    });
  });

  test('an endpoint may be relative to the URL of the stream, or an absolute URL', async () => {
    const relative = await server(ok, 'in?session=1');
    const absolute = await startServer((received, response) => {
      if (received.method === 'POST') return ok(received, response);
      stream(response)(named(`${absolute.origin}/in?session=2`));
    });
    for (const { url } of [relative, absolute]) {
      const { transport } = connectTo(url);
      await transport.start();
      await transport.send(request(1));
    }
    const paths = [relative, absolute].map(({ received }) => received[1]?.path);
    expect(paths).toEqual(['/in?session=1', '/in?session=2']);
  });

  test('close ends a start that waits for the endpoint, and one that comes later', async () => {
    const silent = await startServer((_, response) => stream(response)(': held\n\n'));
    const { transport, closed } = connectTo(silent.url);
    const failed = expect(transport.start()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => silent.received.length === 1);
    await transport.close();
    await failed;
    await until(() => silent.open() === 0);
    await expect(transport.start()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect([silent.received.length, closed]).toEqual([1, [undefined]]);
  });
});

describe('send', () => {
  test('a refusal concerns that message alone', async () => {
    const started = await server(({ message }, response) => {
      response.writeHead(message.id === 1 ? 401 : 202).end();
    });
    const { transport, refusals, closed } = connectTo(started.url);
    await transport.start();
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('answered 401 to tools/call'),
    });
    await transport.send(request(2));
    await transport.send(INITIALIZED);
    await transport.send({ jsonrpc: '2.0', id: 'theirs', result: {} });
    expect([refusals, closed]).toEqual([[401], []]);
  });

  test('a redirect to another origin is refused', async () => {
    const other = await startServer((_, response) => response.end());
    const started = await server((_, response) => {
      response.writeHead(307, { location: `${other.origin}/x` }).end();
    });
    const { transport } = connectTo(started.url);
    await transport.start();
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('redirects to another origin'),
    });
    expect(other.connections()).toBe(0);
  });

  test('a cut while a message is handed over, and close while one is', async () => {
    const started = await server(({ message }, response) => {
      if (message.id === 1) response.socket?.destroy();
    });
    const { transport, closed } = connectTo(started.url);
    await expect(transport.send(request(0))).rejects.toMatchObject({ undelivered: true });
    await transport.start();
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may or may not have been carried out'),
      undelivered: false,
    });
    expect(closed).toEqual([]);
    const failed = expect(transport.send(request(2))).rejects.toMatchObject({
      code: 'INTERRUPTED',
      undelivered: false,
    });
    await until(() => started.received.length === 3);
    await transport.close();
    await failed;
    await until(() => started.open() === 0);
    expect(closed).toEqual([undefined]);
  });
});

describe('what the server says', () => {
  test('members beside those of JSON-RPC are kept', async () => {
    const { say, messages, message } = await conversation();
    const answer = { ...result(1), traceId: 'abc', extra: { deep: [1] } };
    say(event(answer));
    await message(() => true);
    expect(messages).toEqual([answer]);
  });

  test('a batch is taken apart', async () => {
    const { say, messages, message, failures } = await conversation();
    const note = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
    say(event([note, result(1), { jsonrpc: '2.0', id: 2, result: 'text' }, result(3)]));
    await message((one) => 'id' in one && one.id === 3);
    expect(messages).toEqual([note, result(1), result(3)]);
    expect(failures).toMatchObject([[2, { code: 'BACKEND_PROTOCOL' }]]);
  });

  test.each([
    ['without jsonrpc', { id: 7, result: {} }],
    ['with a result that is no object', { jsonrpc: '2.0', id: 7, result: 'text' }],
    ['with an error that is none', { jsonrpc: '2.0', id: 7, error: 'text' }],
    ['with neither', { jsonrpc: '2.0', id: 7 }],
  ])('an answer %s fails its request at once, and no other', async (_, answer) => {
    const { transport, say, message, messages, failures, closed, errors } = await conversation();
    await Promise.all([transport.send(request(7)), transport.send(request(8))]);
    say(event(answer));
    say(event(result(8)));
    await message(() => true);
    expect(failures).toMatchObject([[7, { code: 'BACKEND_PROTOCOL', hint: expect.any(String) }]]);
    expect([messages, errors, closed]).toEqual([[result(8)], [], []]);
  });

  test('what answers nothing is reported and left out', async () => {
    const { say, message, messages, failures, closed, errors, log } = await conversation();
    const broken = [[], 'text', 5, { jsonrpc: '2.0', id: 7, method: 5 }, { id: null, result: {} }];
    say('data: {"jsonrpc": "2.0", "id": 1, \n\ndata\n\n');
    for (const one of broken) say(event(one));
    say(`event: ${'x'.repeat(200)}\ndata: {}\n\n`);
    say('id: 5\nretry: 1\nunknown: field\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n');
    await message(() => true);
    expect(messages).toEqual([result(1, {})]);
    expect(errors.map((error) => error.message)).toEqual([
      expect.stringContaining('invalid JSON: {"jsonrpc": "2.0", "id": 1'),
      ...broken.map(() => expect.stringContaining('no JSON-RPC message')),
    ]);
    expect(log.join()).toContain(`an event "${'x'.repeat(80)}" on`);
    expect([failures, closed]).toEqual([[], []]);
  });

  test('a fault of the owner is not one of the server; after close nothing comes', async () => {
    const { transport, say, closed, errors } = await conversation();
    const seen: unknown[] = [];
    transport.onmessage = (message) => {
      seen.push(message);
      if (seen.length === 1) throw new Error('the fault');
      void transport.close();
    };
    say(event(result(1)));
    await until(() => errors.length > 0);
    say(event([result(2), result(3)]) + event(result(4)));
    await until(() => closed.length > 0);
    expect(seen).toEqual([result(1), result(2)]);
    expect(errors).toMatchObject([{ code: 'INTERNAL', message: 'the fault' }]);
    expect(closed).toEqual([undefined]);
  });

  test('an event of 20 MB ends the connection with its reason', async () => {
    const { say, closed, started } = await conversation();
    say(`data: ${'x'.repeat(20 * 1024 * 1024)}\n\n`);
    await until(() => closed.length > 0);
    expect(closed).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
    await until(() => started.open() === 0);
  });
});

describe('the life of the stream', () => {
  test('its end ends the connection', async () => {
    const { end, closed } = await conversation();
    end();
    await until(() => closed.length > 0);
    const message = expect.stringMatching(/ended; .* may or may not/);
    expect(closed).toMatchObject([{ code: 'BACKEND_EXITED', message }]);
  });

  test('silence beyond the read time-out ends it; a comment keeps it alive', async () => {
    const { say, closed, started } = await conversation({ readTimeoutMs: 600 });
    for (let comments = 0; comments < 8; comments += 1) {
      await pause(100);
      say(':\n');
    }
    expect(closed).toEqual([]);
    const last = performance.now();
    await until(() => closed.length > 0);
    expect(performance.now() - last).toBeGreaterThan(500);
    const message = expect.stringContaining('was silent for 0.6 s; a call');
    const hint = expect.stringContaining('sse_read_timeout');
    expect(closed).toMatchObject([{ code: 'BACKEND_EXITED', message, hint }]);
    await until(() => started.open() === 0);
    expect(started.received).toHaveLength(1);
  });

  test('a server that never answers the opening is silent, too', async () => {
    const started = await startServer(() => {});
    const { transport } = connectTo(started.url, { readTimeoutMs: 100 });
    await expect(transport.start()).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('was silent for 0.1 s before it named the endpoint'),
    });
    await until(() => started.open() === 0);
  });

  test('a time-out beyond what a timer can take is as long as one can', async () => {
    const { closed } = await conversation({ readTimeoutMs: 1e12 });
    await pause(50);
    expect(closed).toEqual([]);
  });
});
