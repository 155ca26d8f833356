import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { HttpClient } from '../../../src/backend/http.ts';
import { readText } from '../../../src/backend/http-body.ts';
import { connectTo, request, testClient, until } from '../../support/http/connection.ts';
import { type Handler, json, result, startServer } from '../../support/http/scripted-server.ts';

const TOKEN = { authorization: 'Bearer the-token' };

const post = (client: HttpClient, url: URL, more = {}) =>
  client.request({ url, method: 'POST', headers: TOKEN, body: '{"id":1}', ...more });

describe('redirects', () => {
  test.each([301, 302, 307, 308])('%i within the origin: the POST stays one', async (status) => {
    const server = await startServer(({ path, message }, response) => {
      if (path === '/mcp/?a=b') json(response, result(message.id));
      else response.writeHead(status, { location: '/mcp/?a=b' }).end('moved');
    });
    const { transport, messages } = connectTo(server.url);
    await transport.send(request(1));
    expect(messages).toEqual([result(1)]);
    expect(server.received.map(({ method, body }) => [method, body.length > 0])).toEqual([
      ['POST', true],
      ['POST', true],
    ]);
  });

  test('303 becomes a GET without a body', async () => {
    const server = await startServer(({ path }, response) => {
      if (path === '/there') response.end('here');
      else response.writeHead(303, { location: 'there' }).end();
    });
    const answer = await post(testClient(), server.url);
    expect(await readText(answer, 100)).toBe('here');
    expect(server.received.at(-1)).toMatchObject({ method: 'GET', body: '', headers: TOKEN });
  });

  test('to another origin: refused, and nothing reaches it', async () => {
    const other = await startServer((_, response) => response.end());
    const location = `http://user:pass@127.0.0.1:${other.port}/elsewhere?secret=1#x`;
    const server = await startServer((_, response) => response.writeHead(307, { location }).end());
    const { transport } = connectTo(server.url);
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: `${server.origin} redirects to another origin: ${other.origin}`,
      hint: expect.stringContaining('`url`'),
    });
    expect([other.connections(), other.received.length]).toEqual([0, 0]);
  });

  test('in circles, and to nonsense', async () => {
    const server = await startServer(({ path }, response) => {
      response.writeHead(302, { location: path === '/mcp' ? '/mcp' : 'http://[' }).end();
    });
    const client = testClient();
    await expect(post(client, server.url)).rejects.toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('redirected 5 times'),
    });
    expect(server.received).toHaveLength(6);
    const nonsense = post(client, new URL('/nonsense', server.origin));
    await expect(nonsense).rejects.toMatchObject({ message: expect.stringContaining('no URL') });
  });
});

describe('compressed answers', () => {
  const text = JSON.stringify(result(1, { text: 'Grüße '.repeat(1000) }));
  const compressed: [string, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
  ];

  test.each(compressed)('%s is decoded', async (encoding, body) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const server = await startServer((_, response) => response.writeHead(200, headers).end(body));
    const { transport, messages } = connectTo(server.url);
    await transport.send(request(1));
    expect(messages).toEqual([JSON.parse(text)]);
    expect(server.received[0]?.headers['accept-encoding']).toBeUndefined();
  });

  test('a compressed bomb, a broken and an unknown encoding are errors', async () => {
    const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024));
    const server = await startServer(({ message }, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      if (message.id === 3) headers['content-encoding'] = 'zstd';
      response.writeHead(200, headers).end(message.id === 1 ? bomb : 'not compressed');
    });
    const { transport } = connectTo(server.url);
    await expect(transport.send(request(1))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(transport.send(request(2))).rejects.toMatchObject({ code: 'BACKEND_PROTOCOL' });
    await expect(transport.send(request(3))).rejects.toMatchObject({ code: 'BACKEND_PROTOCOL' });
  });
});

describe('kept-alive connections', () => {
  /** Answers the first request of a connection, and resets the connection at the second. */
  async function forgetful() {
    const used = new WeakSet<object>();
    return startServer(({ message }, response) => {
      const { socket } = response;
      if (socket === null) return;
      if (used.has(socket)) return void socket.resetAndDestroy();
      used.add(socket);
      json(response, result(message.id));
    });
  }

  test('are used again', async () => {
    const server = await startServer(({ message }, response) => json(response, result(message.id)));
    const { transport } = connectTo(server.url);
    for (let id = 0; id < 5; id++) await transport.send(request(id));
    expect(server.connections()).toBe(1);
  });

  test('that the server has left: what only reads is repeated once', async () => {
    const server = await forgetful();
    const { transport, messages } = connectTo(server.url);
    await transport.send(request(1, 'tools/list'));
    await transport.send(request(2, 'tools/list'));
    expect(messages).toEqual([result(1), result(2)]);
    expect(server.received.map(({ message }) => message.id)).toEqual([1, 2, 2]);
  });

  test('that the server has left: a call is not repeated', async () => {
    const server = await forgetful();
    const { transport } = connectTo(server.url);
    await transport.send(request(1));
    await expect(transport.send(request(2))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may or may not have been carried out'),
    });
    expect(server.received.map(({ message }) => message.id)).toEqual([1, 2]);
  });

  test('that break within an answer are not repeated, even for what only reads', async () => {
    const head = { 'content-type': 'application/json', 'content-length': '1000' };
    const server = await startServer(({ message }, response) => {
      if (message.id === 1) return json(response, result(1));
      response.writeHead(200, head).write('{', () => response.socket?.resetAndDestroy());
    });
    const { transport } = connectTo(server.url);
    await transport.send(request(1, 'tools/list'));
    const cut = {
      code: 'BACKEND_EXITED',
      message: expect.stringMatching(/cut before the answer came$/),
    };
    await expect(transport.send(request(2, 'tools/list'))).rejects.toMatchObject(cut);
    expect(server.received).toHaveLength(2);
    expect(server.connections()).toBe(1);
  });

  test('that never answered are not repeated, even for what only reads', async () => {
    const server = await startServer((_, { socket }) => void socket?.resetAndDestroy());
    const { transport } = connectTo(server.url);
    await expect(transport.send(request(1, 'tools/list'))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
    });
    expect(server.received).toHaveLength(1);
  });
});

describe('requests', () => {
  test('abort before the head and in the body; nothing is left open', async () => {
    const server = await startServer(({ path }, response) => {
      if (path === '/body') response.writeHead(200).write('beginning');
    });
    const client = testClient();
    const early = new AbortController();
    const waiting = client.request({
      url: server.url,
      method: 'GET',
      headers: {},
      signal: early.signal,
    });
    const failed = expect(waiting).rejects.toThrow('enough');
    await until(() => server.received.length === 1);
    early.abort(new Error('enough'));
    await failed;
    const late = new AbortController();
    const url = new URL('/body', server.origin);
    const answer = await client.request({ url, method: 'GET', headers: {}, signal: late.signal });
    const reading = expect(readText(answer, 100)).rejects.toThrow('enough');
    late.abort(new Error('enough'));
    await reading;
    await until(() => server.open() === 0);
    const never = client.request({ url, method: 'GET', headers: {}, signal: late.signal });
    await expect(never).rejects.toThrow('enough');
    expect(server.received).toHaveLength(2);
  });

  test('a header that can not be sent: names it, and not its value', async () => {
    const server = await startServer((_, response) => response.end());
    const headers = async () => ({ 'x-key': 'sécret\nvalue' });
    const { transport } = connectTo(server.url, { headers });
    const error = await transport.send(request(1)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('x-key'),
    });
    expect(String(error)).not.toContain('cret');
  });

  test('a connection that does not open in time', async () => {
    // Never calls back: what a host that drops packets looks like.
    const client = testClient({ lookup: () => {}, connectTimeoutMs: 20 });
    const { transport } = connectTo(new URL('http://backend.test:1/mcp'), { client });
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_TIMEOUT',
      message: 'could not connect to http://backend.test:1 in time',
      hint: expect.stringContaining('firewall'),
    });
  });

  test('an idle connection is closed before servers do it, an open one is not', async () => {
    const handler: Handler = ({ path }, response) => {
      if (path === '/quick') return void response.end();
      response.writeHead(200).write('first');
      setTimeout(() => response.end('last'), 4_500);
    };
    const server = await startServer(handler);
    const client = testClient();
    const get = async (path: string) => {
      const url = new URL(path, server.origin);
      return readText(await client.request({ url, method: 'GET', headers: {} }), 100);
    };
    const slow = get('/slow');
    await get('/quick');
    expect(server.open()).toBe(2);
    await until(() => server.open() === 1);
    expect(await slow).toBe('firstlast');
  });
});
