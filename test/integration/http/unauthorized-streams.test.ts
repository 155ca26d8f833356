import { describe, expect, test } from 'vitest';
import { createSseTransport } from '../../../src/backend/sse-transport.ts';
import {
  connectTo,
  INITIALIZED,
  observe,
  request,
  testClient,
  until,
} from '../../support/http/connection.ts';
import {
  credentials,
  gate,
  refuse,
  sameness,
  tokens,
  wanting,
} from '../../support/http/credentials.ts';
import { event, note } from '../../support/http/events.ts';
import {
  type Handler,
  json,
  type Received,
  result,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';
import { memoryLog } from '../../support/memory-log.ts';

describe('a GET that is refused (401)', () => {
  const gets = ({ received }: { received: readonly Received[] }) =>
    received.filter(({ method }) => method === 'GET');

  test("the server's stream is opened with the other token", async () => {
    const server = await startServer((received, response) => {
      if (received.method === 'POST') return void response.writeHead(202).end();
      wanting(2, () => stream(response)(event(note(1))))(received, response);
    });
    const known = credentials();
    const { transport, message, refusals } = connectTo(server.url, known);
    await transport.send(INITIALIZED);
    await message(() => true);
    expect(tokens(gets(server))).toEqual(['Bearer 1', 'Bearer 2']);
    const [first, second] = gets(server).map(sameness);
    expect(second).toEqual(first);
    expect([known.asked.length, refusals]).toEqual([1, []]);
  });

  test('the stream outlives its token, and is opened anew with the current one', async () => {
    let wanted = 1;
    let say: (text: string) => void = () => undefined;
    let cut: () => void = () => undefined;
    const server = await startServer((received, response) => {
      wanting(wanted, ({ method, message }) => {
        if (method === 'POST' && message.id !== undefined)
          return json(response, result(message.id));
        if (method === 'POST') return void response.writeHead(202).end();
        say = stream(response);
        cut = () => void response.socket?.destroy();
        say('retry: 1\n\n');
      })(received, response);
    });
    const known = credentials();
    const { transport, message, refusals } = connectTo(server.url, known);
    await transport.send(INITIALIZED);
    await until(() => gets(server).length === 1);
    wanted = 2;
    say(event(note(1), 'first'));
    await message((one) => JSON.stringify(one).includes('"n":1'));
    // A call renews the token; the stream that is open stays.
    await transport.send(request(1));
    say(event(note(2), 'second'));
    await message((one) => JSON.stringify(one).includes('"n":2'));
    expect(tokens(gets(server))).toEqual(['Bearer 1']);
    cut();
    await until(() => gets(server).length === 2);
    say(event(note(3)));
    await message((one) => JSON.stringify(one).includes('"n":3'));
    expect(tokens(gets(server))).toEqual(['Bearer 1', 'Bearer 2']);
    expect(gets(server)[1]?.headers['last-event-id']).toBe('second');
    expect([known.asked.length, refusals]).toEqual([1, []]);
  });

  test('the stream rests while there is no other token, and a call wakes it', async () => {
    let good = false;
    const server = await startServer((received, response) => {
      const { method, message } = received;
      if (message.id !== undefined) return json(response, result(message.id));
      if (method === 'POST') return void response.writeHead(202).end();
      if (!good) return refuse(response);
      stream(response)(event(note(1)));
    });
    const { transport, message, log, refusals } = connectTo(server.url, {
      onUnauthorized: async () => false,
    });
    await transport.send(INITIALIZED);
    await until(() => log.some((line) => line.includes('after the next answer')));
    expect(refusals).toEqual([[401, 'Bearer error="invalid_token"']]);
    good = true;
    await transport.send(request(1));
    await message((one) => 'method' in one);
    expect(gets(server)).toHaveLength(2);
  });

  test('a cut answer is resumed with the other token, from the same event', async () => {
    const server = await startServer((received, response) => {
      if (received.method === 'GET') {
        return wanting(2, () => response.end(event(result(1))))(received, streamed(response));
      }
      stream(response)(`retry: 1\n${event(note(1), 'ünit')}`);
      response.end();
    });
    const known = credentials();
    const { transport, messages, refusals } = connectTo(server.url, known);
    await transport.send(request(1));
    expect(messages).toEqual([note(1), result(1)]);
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 1', 'Bearer 2']);
    const [first, second] = gets(server).map(sameness);
    expect(second).toEqual(first);
    expect(Buffer.from(String(second?.headers['last-event-id']), 'latin1').toString()).toBe('ünit');
    expect([known.asked.length, refusals]).toEqual([1, []]);
  });

  test('a cut answer that can not be resumed with the other token either', async () => {
    const server = await startServer(({ method }, response) => {
      if (method === 'GET') return refuse(response);
      stream(response)('retry: 1\nid: 1\ndata: \n\n');
      response.end();
    });
    const { transport } = connectTo(server.url, credentials());
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may or may not have been carried out'),
      cause: { code: 'UNAUTHORIZED', status: 401 },
    });
    expect(tokens(gets(server))).toEqual(['Bearer 1', 'Bearer 2']);
  });
});

describe('the deprecated transport', () => {
  const opening = 'event: endpoint\ndata: /messages\n\n';

  function connectSse(url: URL, known: ReturnType<typeof credentials>) {
    const refusals: number[] = [];
    const transport = createSseTransport({
      ...{ url, client: testClient(), readTimeoutMs: 60_000, log: memoryLog().log },
      ...known,
      onResponse: (status) => refusals.push(status),
    });
    return Object.assign(observe(transport), { refusals });
  }

  test('GET and POST are sent once more with the other token', async () => {
    let wanted = 2;
    let say: (text: string) => void = () => undefined;
    const server = await startServer((received, response) => {
      wanting(wanted, ({ method }) => {
        if (method === 'POST') return void response.writeHead(202).end();
        say = stream(response);
        say(opening);
      })(received, response);
    });
    const known = credentials();
    const { transport, message, refusals, closed } = connectSse(server.url, known);
    await transport.start();
    wanted = 3;
    await transport.send(request(1));
    // The stream, opened with the second token, goes on.
    say(event(result(1)));
    await message(() => true);
    expect(server.received.map(({ method, path }) => [method, path])).toEqual([
      ['GET', '/mcp'],
      ['GET', '/mcp'],
      ['POST', '/messages'],
      ['POST', '/messages'],
    ]);
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 2', 'Bearer 2', 'Bearer 3']);
    const [first, second, third, fourth] = server.received.map(sameness);
    expect([second, fourth]).toEqual([first, third]);
    expect([known.asked.length, refusals, closed]).toEqual([2, [], []]);
  });

  test('a second 401 counts, for GET and POST', async () => {
    const shut = await startServer((_, response) => refuse(response));
    const first = connectSse(shut.url, credentials());
    await expect(first.transport.start()).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
    });
    expect([shut.received.length, first.refusals]).toEqual([2, [401]]);

    const server = await startServer(({ method }, response) => {
      if (method === 'POST') return refuse(response);
      stream(response)(opening);
    });
    const second = connectSse(server.url, credentials());
    await second.transport.start();
    await expect(second.transport.send(request(1))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
    });
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 1', 'Bearer 2']);
    expect([second.refusals, second.closed]).toEqual([[401], []]);
  });

  test('closed while it is asked: nothing more is sent', async () => {
    const server = await startServer((_, response) => refuse(response));
    const held = gate<boolean>();
    let asked = 0;
    const onUnauthorized = () => {
      asked += 1;
      return held.opened;
    };
    const { transport } = connectSse(server.url, { ...credentials(), onUnauthorized });
    const failed = expect(transport.start()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await until(() => asked === 1);
    await transport.close();
    await failed;
    held.open(true);
    await until(() => server.open() === 0);
    expect(server.received).toHaveLength(1);
  });
});

/** The same answer, as the beginning of an event stream. */
function streamed(response: Parameters<Handler>[1]): Parameters<Handler>[1] {
  return response.setHeader('content-type', 'text/event-stream');
}
