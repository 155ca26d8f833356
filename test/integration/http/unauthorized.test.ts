import { describe, expect, test } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import { connectTo, INITIALIZED, request, until } from '../../support/http/connection.ts';
import {
  credentials,
  gate,
  refuse,
  sameness,
  tokens,
  wanting,
} from '../../support/http/credentials.ts';
import {
  type Handler,
  json,
  result,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';

const answer: Handler = ({ message }, response) => json(response, result(message.id));

describe('a POST that is refused (401)', () => {
  test('is sent once more, the same but for the token: JSON', async () => {
    const server = await startServer(wanting(2, answer));
    const known = credentials();
    const { transport, messages, refusals } = connectTo(server.url, known);
    transport.setProtocolVersion('2025-11-25');
    const call = { ...request(1), params: { name: 'write', arguments: { text: 'Grüße 🌍' } } };
    await transport.send(call);
    expect(messages).toEqual([result(1)]);
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 2']);
    const [first, second] = server.received.map(sameness);
    expect(second).toEqual(first);
    expect(JSON.parse(first?.body ?? '')).toEqual(call);
    expect(known.asked).toEqual([{ Authorization: 'Bearer 1', 'X-Team': 'core' }]);
    expect(refusals).toEqual([]);
  });

  test('is sent once more: an event stream', async () => {
    const note = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
    const handler = wanting(2, ({ message }, response) => {
      stream(response)(`data: ${JSON.stringify(note)}\n\n`);
      response.end(`data: ${JSON.stringify(result(message.id))}\n\n`);
    });
    const server = await startServer(handler);
    const { transport, messages, refusals } = connectTo(server.url, credentials());
    await transport.send(request(1));
    expect(messages).toEqual([note, result(1)]);
    expect([server.received.length, refusals]).toEqual([2, []]);
  });

  test('in the middle of a session, whose id and later token stay', async () => {
    let wanted = 1;
    const server = await startServer((received, response) => {
      response.setHeader('mcp-session-id', 'the-session');
      wanting(wanted, answer)(received, response);
    });
    const { transport, messages } = connectTo(server.url, credentials());
    await transport.send(request(0, 'initialize'));
    wanted = 2;
    await transport.send(request(1));
    await transport.send(request(2));
    expect(messages).toEqual([result(0), result(1), result(2)]);
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 1', 'Bearer 2', 'Bearer 2']);
    const sessions = server.received.map(({ headers }) => headers['mcp-session-id']);
    expect(sessions).toEqual([undefined, 'the-session', 'the-session', 'the-session']);
  });

  test('a notification, too', async () => {
    const handler = wanting(2, (_, response) => void response.writeHead(202).end());
    const server = await startServer(handler);
    const { transport } = connectTo(server.url, credentials());
    await transport.send({ ...INITIALIZED, method: 'notifications/cancelled' });
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  test('is not sent a third time: the second refusal counts, and it alone is told', async () => {
    const server = await startServer(({ headers }, response) => {
      const description = `${headers.authorization} is not good`;
      const challenge = `Bearer error="invalid_token", error_description="${description}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    const known = credentials();
    const { transport, refusals } = connectTo(server.url, known);
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
      message: `${server.origin} answered 401 to tools/call: invalid_token, "Bearer 2 is not good"`,
    });
    expect(server.received).toHaveLength(2);
    expect(known.asked).toHaveLength(1);
    expect(refusals).toEqual([[401, expect.stringContaining('Bearer 2')]]);
  });

  test.each([403, 404, 500])('the second answer counts when it is %i', async (status) => {
    const server = await startServer(({ headers }, response) => {
      const first = headers.authorization === 'Bearer 1';
      response.writeHead(first ? 401 : status).end(first ? 'the first' : 'the second');
    });
    const { transport, refusals } = connectTo(server.url, credentials());
    await expect(transport.send(request(1))).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`answered ${status} to tools/call: the second$`)),
    });
    expect(refusals).toEqual([[status, undefined]]);
    expect(server.received).toHaveLength(2);
  });

  test('is not sent again without other credentials: the first answer is given whole', async () => {
    const challenge = 'Bearer error="invalid_token", scope="a b"';
    const server = await startServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': challenge }).end('x'.repeat(100_000));
    });
    for (const onUnauthorized of [async () => false, undefined]) {
      const { transport, refusals } = connectTo(server.url, { onUnauthorized });
      for (const id of [1, 2]) {
        await expect(transport.send(request(id))).rejects.toMatchObject({
          code: 'UNAUTHORIZED',
          message: expect.stringMatching(/401 to tools\/call: invalid_token, scope a b$/),
        });
      }
      expect(refusals).toEqual([
        [401, challenge],
        [401, challenge],
      ]);
    }
    // Each body was read to its end: the connection was good for more.
    expect([server.received.length, server.connections()]).toEqual([4, 2]);
  });

  test('is told with its method, and so is each message that is taken', async () => {
    const server = await startServer(wanting(1, answer));
    let token = 0;
    const refused: unknown[] = [];
    const accepted: unknown[] = [];
    const { transport } = connectTo(server.url, {
      headers: async () => ({ Authorization: `Bearer ${token}` }),
      onResponse: (status, _, method) => refused.push([status, method]),
      onAccepted: (method) => accepted.push(method),
    });
    await expect(transport.send(request(1))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect([refused, accepted]).toEqual([[[401, 'tools/call']], []]);
    token = 1;
    await transport.send(request(2));
    await transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled' });
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} });
    expect(accepted).toEqual(['tools/call', 'notifications/cancelled', undefined]);
    expect(refused).toHaveLength(1);
  });

  test('only a 401 is asked about', async () => {
    const server = await startServer((_, response) => void response.writeHead(403).end());
    const known = credentials();
    const { transport } = connectTo(server.url, known);
    await expect(transport.send(request(1))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect([known.asked, server.received.length]).toEqual([[], 1]);
  });

  test('headers that are not to be had, before and between', async () => {
    const server = await startServer(wanting(2, answer));
    const none = new McpMasterError('LOGIN_REQUIRED', 'it has ended');
    const never = connectTo(server.url, { headers: () => Promise.reject(none) });
    await expect(never.transport.send(request(1))).rejects.toBe(none);
    expect(server.received).toEqual([]);
    let calls = 0;
    const { transport, refusals } = connectTo(server.url, {
      headers: () => {
        calls += 1;
        return calls === 1 ? credentials().headers() : Promise.reject(none);
      },
      onUnauthorized: async () => true,
    });
    await expect(transport.send(request(1))).rejects.toBe(none);
    expect([server.received.length, refusals]).toEqual([1, []]);
  });

  test('a refusal whose body never ends holds nothing up', async () => {
    const server = await startServer(({ headers, message }, response) => {
      if (headers.authorization === 'Bearer 2') return json(response, result(message.id));
      response.writeHead(401).write('and so on');
    });
    const { transport, messages } = connectTo(server.url, credentials());
    await transport.send(request(1));
    expect(messages).toEqual([result(1)]);
    expect(server.received).toHaveLength(2);
    await transport.close();
  });

  test('each of two at the same time asks for itself', async () => {
    const server = await startServer(wanting(2, answer));
    const known = credentials();
    const { transport, messages } = connectTo(server.url, known);
    await Promise.all([transport.send(request(1)), transport.send(request(2))]);
    expect(messages).toHaveLength(2);
    expect(messages).toEqual(expect.arrayContaining([result(1), result(2)]));
    expect(known.asked.map((sent) => sent['Authorization'])).toEqual(['Bearer 1', 'Bearer 1']);
    expect(server.received).toHaveLength(4);
  });

  test.each([
    ['abandoned', 'while it is asked'],
    ['abandoned', 'while the new headers are asked for'],
    ['closed', 'while it is asked'],
    ['closed', 'while the new headers are asked for'],
  ])('%s %s: nothing more is sent', async (how, when) => {
    const server = await startServer(wanting(2, answer));
    const held = gate<boolean>();
    let asked = 0;
    let headersAsked = 0;
    const { transport, messages } = connectTo(server.url, {
      headers: async () => {
        headersAsked += 1;
        if (headersAsked > 1) await held.opened;
        return { Authorization: 'Bearer 1' };
      },
      onUnauthorized: () => {
        asked += 1;
        return when === 'while it is asked' ? held.opened : Promise.resolve(true);
      },
    });
    const failed = expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    await until(() => (when === 'while it is asked' ? asked === 1 : headersAsked === 2));
    if (how === 'abandoned') transport.abandon(1);
    else await transport.close();
    await failed;
    held.open(true);
    // Were it sent, it would be before this one.
    const { transport: next, messages: later } = connectTo(server.url, credentials(2));
    await next.send(request(2));
    expect([messages, later]).toEqual([[], [result(2)]]);
    expect(tokens(server.received)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  test('the end of the session is not repeated', async () => {
    let over = false;
    const server = await startServer(({ message }, response) => {
      response.setHeader('mcp-session-id', 'the-session');
      if (over) refuse(response);
      else json(response, result(message.id));
    });
    const known = credentials();
    const { transport } = connectTo(server.url, known);
    await transport.send(request(0, 'initialize'));
    over = true;
    await transport.close();
    expect(server.received.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    expect(known.asked).toEqual([]);
  });
});
