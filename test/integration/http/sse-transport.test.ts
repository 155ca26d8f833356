import { describe, expect, test } from 'vitest';
import { createSseTransport } from '../../../src/backend/sse-transport.ts';
import { observe, request, testClient, until } from '../../support/http/connection.ts';
import { type Handler, startServer, stream } from '../../support/http/scripted-server.ts';
import { startSdkSseServer } from '../../support/http/sdk-servers.ts';

async function connectTo(url: URL) {
  let token = 0;
  const refusals: number[] = [];
  const transport = await createSseTransport({
    url,
    client: testClient(),
    headers: async () => ({ Authorization: `Bearer ${++token}` }),
    onResponse: (status) => refusals.push(status),
  });
  return Object.assign(observe(transport), { refusals });
}

async function startFailure(handler: Handler) {
  const server = await startServer(handler);
  const connection = await connectTo(server.url);
  const error = await connection.transport.start().catch((reason: unknown) => reason);
  return { ...connection, server, error };
}

/** A server that names its endpoint, and hands the other requests to `post`. */
const server = (post: Handler, endpoint = '/messages') =>
  startServer((received, response) => {
    if (received.method === 'POST') return post(received, response);
    stream(response)(`event: endpoint\ndata: ${endpoint}\n\n`);
  });

describe('a server of the SDK', () => {
  test('initialize, a call, and headers of the moment', async () => {
    const sdk = await startSdkSseServer();
    const { transport, message, errors, closed } = await connectTo(sdk.url);
    await transport.start();
    const params = {
      protocolVersion: '2024-11-05',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    };
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    await message((one) => 'id' in one && one.id === 0);
    const text = 'Grüße, 世界 🌍'.repeat(1000);
    const args = { name: 'echo', arguments: { text } };
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: args });
    const answer = await message((one) => 'id' in one && one.id === 1);
    expect(answer).toMatchObject({ result: { content: [{ text }] } });
    const sent = sdk.received.map(({ method, headers }) => [method, headers.authorization]);
    expect(sent).toEqual([
      ['GET', 'Bearer 1'],
      ['POST', 'Bearer 2'],
      ['POST', 'Bearer 3'],
    ]);
    await transport.close();
    await until(() => sdk.open() <= 1);
    expect([errors, closed]).toEqual([[], [undefined]]);
  });

  test('a broken event stream ends the connection, and is not opened anew', async () => {
    const sdk = await startSdkSseServer();
    const { transport, closed } = await connectTo(sdk.url);
    await transport.start();
    sdk.cut();
    await until(() => closed.length > 0);
    expect(closed).toMatchObject([{ code: 'BACKEND_EXITED', hint: expect.any(String) }]);
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
    const { error, refusals, server } = await startFailure((_, response) => {
      response.writeHead(status).end('no');
    });
    const message = `${server.origin} answered ${status} to opening the event stream`;
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(refusals).toEqual([status]);
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
    expect(ended.error).toMatchObject({ code: 'BACKEND_EXITED' });
  });

  test('an endpoint on another origin is refused, and nothing is sent there', async () => {
    const other = await startServer((_, response) => response.end());
    const first = await server(() => {}, `${other.origin}/messages`);
    const { transport } = await connectTo(first.url);
    await expect(transport.start()).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('another origin'),
    });
    await expect(transport.send(request(1))).rejects.toThrow();
    expect(other.connections()).toBe(0);
  });

  test('close ends a start that waits for the endpoint', async () => {
    const silent = await startServer((_, response) => stream(response)(': held\n\n'));
    const { transport } = await connectTo(silent.url);
    const failed = expect(transport.start()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => silent.received.length === 1);
    await transport.close();
    await failed;
    await until(() => silent.open() === 0);
  });
});

describe('send', () => {
  test('a refusal concerns that message alone', async () => {
    const started = await server(({ message }, response) => {
      response.writeHead(message.id === 1 ? 401 : 202).end();
    });
    const { transport, refusals, closed } = await connectTo(started.url);
    await transport.start();
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('answered 401 to tools/call'),
    });
    await transport.send(request(2));
    expect([refusals, closed]).toEqual([[401], []]);
  });

  test('a redirect to another origin is refused', async () => {
    const other = await startServer((_, response) => response.end());
    const started = await server((_, response) => {
      response.writeHead(307, { location: `${other.origin}/x` }).end();
    });
    const { transport } = await connectTo(started.url);
    await transport.start();
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('redirects to another origin'),
    });
    expect(other.connections()).toBe(0);
  });

  test('an event of 20 MB ends the connection with its reason', async () => {
    const started = await startServer((_, response) => {
      const write = stream(response);
      write('event: endpoint\ndata: /messages\n\n');
      write(`data: ${'x'.repeat(20 * 1024 * 1024)}\n\n`);
    });
    const { transport, closed } = await connectTo(started.url);
    await transport.start();
    await until(() => closed.length > 0);
    expect(closed).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
  });
});
