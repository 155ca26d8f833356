import { describe, expect, test } from 'vitest';
import { connectTo, INITIALIZED, request, until } from '../../support/http/connection.ts';
import { event, note } from '../../support/http/events.ts';
import {
  type Handler,
  json,
  result,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';

/** Whether a message is the notification with this number. */
const isNote = (n: number) => (message: object) =>
  'params' in message && (message.params as { n?: number }).n === n;

/** Cuts the connection once what was written has gone out. */
function cut(response: Parameters<Handler>[1]): void {
  response.write('', () => setImmediate(() => response.socket?.destroy()));
}

describe('resuming an answer', () => {
  test('a cut stream with event ids goes on where it was, with current headers', async () => {
    const server = await startServer(({ method, headers, message }, response) => {
      const write = stream(response);
      if (method === 'POST') {
        write('retry: 10\n');
        write(event(note(1), 'ünit-1'));
        return cut(response);
      }
      expect(Buffer.from(String(headers['last-event-id']), 'latin1').toString()).toBe('ünit-1');
      write(event(note(2), 'unit-2'));
      write(event(result(message.id ?? 1)));
      response.end();
    });
    let token = 0;
    const headers = async () => ({ authorization: `Bearer ${++token}` });
    const { transport, messages } = connectTo(server.url, { headers });
    await transport.send(request(1));
    expect(messages).toEqual([note(1), note(2), result(1)]);
    expect(server.received.map((one) => [one.method, one.headers.authorization])).toEqual([
      ['POST', 'Bearer 1'],
      ['GET', 'Bearer 2'],
    ]);
  });

  test('a server that polls is asked again as often as it likes, while events come', async () => {
    const server = await startServer(({ headers }, response) => {
      const last = Number(headers['last-event-id'] ?? 0);
      const write = stream(response);
      write(`retry: 1\nid: ${last + 1}\ndata: \n\n`);
      if (last === 12) write(event(result(1)));
      response.end();
    });
    const { transport, messages } = connectTo(server.url);
    await transport.send(request(1));
    expect(messages).toEqual([result(1)]);
    expect(server.received).toHaveLength(13);
  });

  test('five tries without an event are enough', async () => {
    const server = await startServer(({ method }, response) => {
      if (method === 'POST') stream(response)('retry: 1\nid: 1\ndata: \n\n');
      else if (server.received.length % 2 === 0) response.writeHead(503);
      else stream(response)(': nothing new\n\n');
      response.end();
    });
    const { transport } = connectTo(server.url);
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may or may not have been carried out'),
    });
    expect(server.received.filter(({ method }) => method === 'GET')).toHaveLength(5);
  });

  test('a server that has nothing to resume is asked once', async () => {
    const server = await startServer(({ method }, response) => {
      if (method === 'POST') stream(response)('retry: 1\nid: 1\ndata: \n\n');
      else response.writeHead(405);
      response.end();
    });
    const { transport } = connectTo(server.url);
    await expect(transport.send(request(1))).rejects.toMatchObject({ code: 'BACKEND_EXITED' });
    expect(server.received).toHaveLength(2);
  });

  test('a half-open stream is resumed after the read time-out, and only a resumable one', async () => {
    const server = await startServer(({ method, message }, response) => {
      const write = stream(response);
      if (method === 'GET') response.end(event(result(1)));
      else if (message.id === 1) write('retry: 1\nid: 1\ndata: \n\n');
      else {
        write(event(note(1)));
        setTimeout(() => response.end(event(result(2))), 200);
      }
    });
    const { transport, messages } = connectTo(server.url, { readTimeoutMs: 50 });
    await Promise.all([transport.send(request(2)), transport.send(request(1))]);
    expect(messages).toEqual([note(1), result(1), result(2)]);
    expect(server.received.filter(({ method }) => method === 'GET')).toHaveLength(1);
  });

  test('comments keep a stream that could be resumed', async () => {
    let comments = 0;
    const server = await startServer((_, response) => {
      const write = stream(response);
      write('retry: 1\nid: 1\ndata: \n\n');
      const timer = setInterval(() => {
        comments += 1;
        write(': alive\n\n');
        if (comments < 6) return;
        clearInterval(timer);
        response.end(event(result(1)));
      }, 50);
    });
    const { transport, messages } = connectTo(server.url, { readTimeoutMs: 150 });
    await transport.send(request(1));
    expect(messages).toEqual([result(1)]);
    expect(server.received).toHaveLength(1);
  });
});

describe("the server's own stream", () => {
  test('opens after initialized, resumes with the last id after `retry`, and delivers', async () => {
    const server = await startServer(({ method, headers }, response) => {
      if (method === 'POST') return void response.writeHead(202).end();
      const write = stream(response);
      if (headers['last-event-id'] === undefined) {
        write(`retry: 5\n${event(note(1), 'a')}`);
        return cut(response);
      }
      write(event(note(2)));
    });
    const { transport, message, closed } = connectTo(server.url);
    transport.setProtocolVersion('2025-11-25');
    expect(server.received).toHaveLength(0);
    await transport.send(INITIALIZED);
    await message(isNote(2));
    expect(closed).toEqual([]);
    const [, first, second] = server.received;
    expect(first?.headers).toMatchObject({
      accept: 'text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      authorization: 'Bearer the-token',
    });
    expect(second?.headers['last-event-id']).toBe('a');
  });

  test('is opened anew when it falls silent, which comments prevent', async () => {
    let comments = 0;
    const server = await startServer(({ method }, response) => {
      if (method === 'POST') return void response.writeHead(202).end();
      const write = stream(response);
      if (server.received.length > 2) return write(event(note(2)));
      write('retry: 1\n\n');
      const timer = setInterval(() => {
        comments += 1;
        if (comments === 6) clearInterval(timer);
        write(': alive\n\n');
      }, 50);
    });
    const { transport, message } = connectTo(server.url, { readTimeoutMs: 150 });
    await transport.send(INITIALIZED);
    await message(isNote(2));
    expect(comments).toBe(6);
    expect(server.received.filter(({ method }) => method === 'GET')).toHaveLength(2);
  });

  test('an event of 20 MB is not asked for again', async () => {
    const server = await startServer(({ method }, response) => {
      if (method === 'POST') return void response.writeHead(202).end();
      const write = stream(response);
      if (server.received.length > 2) return void write(event(note(2)));
      write(`retry: 1\n${event(note(1), 'a')}`);
      write(`data: ${'x'.repeat(20 * 1024 * 1024)}\n\n`);
    });
    const { transport, message, errors, closed } = connectTo(server.url);
    await transport.send(INITIALIZED);
    await message(isNote(2));
    expect(errors).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
    expect(server.received[2]?.headers['last-event-id']).toBeUndefined();
    expect(closed).toEqual([]);
  });

  test.each([405, 404, 400, 501])('is not asked for again after %i', async (status) => {
    const server = await startServer(({ method, message }, response) => {
      if (method === 'GET') response.writeHead(status).end();
      else if (message.id === undefined) response.writeHead(202).end();
      else json(response, result(message.id));
    });
    const { transport, log, closed, errors, refusals } = connectTo(server.url);
    await transport.send(INITIALIZED);
    await until(() => log.some((line) => line.includes(`it answered ${status}`)));
    await transport.send(request(1));
    expect(server.received.filter(({ method }) => method === 'GET')).toHaveLength(1);
    expect([closed, errors, refusals]).toEqual([[], [], []]);
  });

  test('what is no message is left out, and spoils nothing', async () => {
    const server = await startServer(({ method }, response) => {
      if (method === 'POST') return void response.writeHead(202).end();
      const write = stream(response);
      write('data: {nonsense\n\ndata: {"jsonrpc":"1.0"}\n\nevent: other\ndata: ignored\n\n');
      write(event([note(1), note(2)]));
    });
    const { transport, message, messages, errors } = connectTo(server.url);
    await transport.send(INITIALIZED);
    await message(isNote(2));
    expect(messages).toEqual([note(1), note(2)]);
    expect(errors).toHaveLength(2);
  });
});

describe('giving up and closing', () => {
  const hold: Handler = ({ method, message }, response) => {
    if (message.method === 'initialize') {
      response.setHeader('mcp-session-id', 'one');
      json(response, result(message.id));
    } else if (method === 'DELETE') response.writeHead(204).end();
    else if (message.method === 'notifications/initialized') response.writeHead(202).end();
    else stream(response)(': held\n\n');
  };

  test('abandon ends one exchange and its connection, and no other', async () => {
    const server = await startServer(hold);
    const { transport } = connectTo(server.url);
    const first = transport.send(request(1));
    const second = transport.send(request(2));
    await until(() => server.received.length === 2);
    transport.abandon(1);
    await expect(first).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => server.open() === 1);
    transport.abandon(2);
    await expect(second).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => server.open() === 0);
  });

  test('abandon works before the head of the answer', async () => {
    const server = await startServer(() => {});
    const { transport } = connectTo(server.url);
    const sending = transport.send(request(1));
    await until(() => server.received.length === 1);
    transport.abandon(1);
    await expect(sending).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => server.open() === 0);
  });

  test('close ends the session and all that is open, once', async () => {
    const server = await startServer(hold);
    const { transport, closed } = connectTo(server.url);
    await transport.send(request(0, 'initialize'));
    await transport.send(INITIALIZED);
    const sending = transport.send(request(1));
    await until(() => server.received.length === 4);
    const failing = expect(sending).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await Promise.all([transport.close(), transport.close(), failing]);
    await expect(transport.send(request(2))).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(closed).toEqual([undefined]);
    const ends = server.received.filter(({ method }) => method === 'DELETE');
    expect(ends.map(({ headers }) => headers['mcp-session-id'])).toEqual(['one']);
    await until(() => server.open() <= 1);
  });

  test('close does not wait for a server that does not answer', async () => {
    const server = await startServer((received, response) => {
      if (received.method !== 'DELETE') hold(received, response);
    });
    const { transport } = connectTo(server.url);
    await transport.send(request(0, 'initialize'));
    await transport.close();
    await until(() => server.open() === 0);
    expect(server.received.at(-1)?.method).toBe('DELETE');
  });

  test.each([
    [404, 'gone'],
    [
      400,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID"}}',
    ],
  ])('a lost session (%i) ends the connection with its reason', async (status, body) => {
    const server = await startServer((received, response) => {
      if (received.message.id === 2) response.writeHead(status).end(body);
      else hold(received, response);
    });
    const { transport, closed } = connectTo(server.url);
    await transport.send(request(0, 'initialize'));
    const other = transport.send(request(1));
    other.catch(() => {});
    const lost = { code: 'BACKEND_PROTOCOL', message: expect.stringContaining('session lost') };
    await expect(transport.send(request(2))).rejects.toMatchObject(lost);
    await expect(other).rejects.toMatchObject(lost);
    expect(closed).toMatchObject([lost]);
    await transport.close();
    expect(closed).toHaveLength(1);
    expect(server.received.some(({ method }) => method === 'DELETE')).toBe(false);
    expect(server.received.at(-1)?.headers['mcp-session-id']).toBe('one');
  });
});
