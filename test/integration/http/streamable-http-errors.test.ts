import { describe, expect, test } from 'vitest';
import { connectTo, request } from '../../support/http/connection.ts';
import {
  freePort,
  type Handler,
  json,
  result,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';

async function failureOf(handler: Handler, message = request(1)) {
  const server = await startServer(handler);
  const connection = connectTo(server.url);
  const error = await connection.transport.send(message).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { ...connection, server, error };
}

const answer =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

describe('a server that is not there', () => {
  test('refused: says where, why and what to check', async () => {
    const port = await freePort();
    const { transport } = connectTo(new URL(`http://127.0.0.1:${port}/mcp?key=s3cret`));
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: `no server answers at http://127.0.0.1:${port}: connection refused`,
      hint: 'Check that the server is running and that the port is right.',
    });
  });

  test('unknown host', async () => {
    const { transport } = connectTo(new URL('http://no-such-host.invalid/mcp'));
    await expect(transport.send(request(1))).rejects.toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringMatching(
        /^no server answers at http:\/\/no-such-host\.invalid: the host/,
      ),
      hint: expect.stringContaining('network'),
    });
  });
});

describe('refusals', () => {
  test('401 is UNAUTHORIZED, and its challenge reaches the owner first', async () => {
    const challenge = 'Bearer resource_metadata="https://a.test/x", scope="files:read"';
    const { error, refusals } = await failureOf(answer(401, '', { 'www-authenticate': challenge }));
    expect(error).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringMatching(/answered 401 to tools\/call: scope files:read$/),
      hint: expect.stringContaining('Log in'),
    });
    expect(refusals).toEqual([[401, challenge]]);
  });

  test('401 shows what the challenge says, on one line, and not all of a long text', async () => {
    const told = async (challenge: string) => {
      const { error } = await failureOf(answer(401, 'no', { 'www-authenticate': challenge }));
      return (error as Error).message.replace(/^.* answered 401 to tools\/call/, '');
    };
    expect(
      await told(
        'Bearer error="invalid_token", error_description="The \\"access\\" token\t has  expired", scope="a b"',
      ),
    ).toBe(': invalid_token, "The "access" token has expired", scope a b');
    expect(await told('Bearer error_description="log in"')).toBe(': "log in"');
    expect(await told('Bearer error="invalid_token", error_description=""')).toBe(
      ': invalid_token',
    );
    const long = await told(`Bearer error_description="${'so '.repeat(2000)}"`);
    expect(long).toBe(`: "${'so '.repeat(66)}…"`);
    // Half a token would not be masked.
    const token = 'AbCdEf-_.~+/=0123456789'.repeat(4);
    const repeated = `Bearer error_description="${'so '.repeat(50)}${token} is not good"`;
    expect(await told(repeated)).toBe(`: "${'so '.repeat(50)}…"`);
    const open = `Bearer error_description="${'\\x'.repeat(3000)}`;
    expect(await told(open)).toBe('');
  });

  test('403 shows the error and scope of the challenge', async () => {
    const challenge = 'Bearer error="insufficient_scope", scope="repo read:user"';
    const { error } = await failureOf(answer(403, 'no', { 'www-authenticate': challenge }));
    expect(error).toMatchObject({
      code: 'INSUFFICIENT_SCOPE',
      message: expect.stringMatching(
        /403 to tools\/call: insufficient_scope, scope repo read:user$/,
      ),
    });
  });

  test('404 without a session hints at the path', async () => {
    const { error, closed } = await failureOf(answer(404, 'Cannot POST'));
    expect(error).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringMatching(/404 to tools\/call: Cannot POST$/),
      hint: expect.stringContaining('/mcp'),
    });
    expect(closed).toEqual([]);
  });

  test('429 is RATE_LIMITED, and names the wait', async () => {
    const { error, refusals } = await failureOf(answer(429, '', { 'retry-after': '17' }));
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      hint: expect.stringContaining('17 seconds'),
    });
    expect(refusals).toHaveLength(1);
  });

  test('500 shows 200 characters of its body on one line', async () => {
    const { error } = await failureOf(answer(500, `boom\n\tat line\u0007 ${'x,'.repeat(10_000)}`));
    expect(error).toMatchObject({ code: 'BACKEND_PROTOCOL' });
    const { message } = error as Error;
    expect(message).toMatch(/500 to tools\/call: boom at line (x,)+…$/);
    expect(message.length).toBeLessThan(300);
  });

  test('a JSON-RPC error for this request is its answer', async () => {
    const reply = { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no', data: { a: 1 } } };
    const { error, messages } = await failureOf((_, response) => json(response, reply, 400));
    expect(error).toBeUndefined();
    expect(messages).toEqual([reply]);
  });

  test('a JSON-RPC error for another request, or under 401, is not', async () => {
    const reply = (id: number) => ({ jsonrpc: '2.0', id, error: { code: -32000, message: 'no' } });
    const other = await failureOf((_, response) => json(response, reply(7), 400));
    expect(other.error).toMatchObject({ code: 'BACKEND_PROTOCOL' });
    const login = await failureOf((_, response) => json(response, reply(1), 401));
    expect(login.error).toMatchObject({ code: 'UNAUTHORIZED' });
    expect([...other.messages, ...login.messages]).toEqual([]);
  });
});

describe('answers that are none', () => {
  test('another content type names it', async () => {
    const { error } = await failureOf(answer(200, '<html>', { 'content-type': 'text/html' }));
    expect(error).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('the content type text/html instead of JSON'),
      hint: expect.stringContaining('may not be the MCP endpoint'),
    });
  });

  test('202 to a request, invalid JSON, and JSON without the answer', async () => {
    const type = { 'content-type': 'application/json; charset=utf-8' };
    const accepted = await failureOf(answer(202, ''));
    expect(accepted.error).toMatchObject({ code: 'BACKEND_PROTOCOL' });
    const invalid = await failureOf(answer(200, '{"jsonrpc"', type));
    expect(invalid.error).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('invalid JSON: {"jsonrpc"'),
    });
    const other = await failureOf((_, response) => json(response, result(2)));
    expect(other.error).toMatchObject({ message: expect.stringContaining('without an answer') });
    const shapeless = await failureOf((_, response) => json(response, { jsonrpc: '2.0', id: 1 }));
    expect(shapeless.error).toMatchObject({
      message: expect.stringContaining('no JSON-RPC message'),
    });
  });

  test('invalid JSON in an event', async () => {
    const { error } = await failureOf((_, response) => stream(response)('data: {nonsense\n\n'));
    expect(error).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('invalid JSON: {nonsense'),
    });
  });

  test('what is no HTTP at all', async () => {
    const { error } = await failureOf(
      (_, { socket }) => void socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
    );
    expect(error).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      message: expect.stringContaining('not valid HTTP'),
    });
  });
});

describe('cut connections', () => {
  const head = { 'content-type': 'application/json', 'content-length': '1000' };
  const cutInJson: Handler = (_, response) => {
    response.writeHead(200, head).write('{"jsonrpc":', () => response.socket?.destroy());
  };

  test('in the middle of JSON: a request may have been carried out', async () => {
    const { error, server, closed } = await failureOf(cutInJson);
    expect(error).toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringMatching(
        /cut before the answer came; the request may or may not have been/,
      ),
      hint: expect.stringContaining('before trying again'),
    });
    expect(server.received).toHaveLength(1);
    expect(closed).toEqual([]);
  });

  test('in the middle of JSON: a list needs no warning', async () => {
    const { error } = await failureOf(cutInJson, request(1, 'tools/list'));
    expect(error).toMatchObject({ message: expect.stringMatching(/cut before the answer came$/) });
  });

  test('before the head, and at the end of an event stream without an answer', async () => {
    const reset = await failureOf((_, { socket }) => void socket?.destroy());
    expect(reset.error).toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may not'),
    });
    const ended = await failureOf((_, response) => {
      stream(response)('data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n');
      response.end();
    });
    expect(ended.error).toMatchObject({
      code: 'BACKEND_EXITED',
      message: expect.stringContaining('may not'),
    });
    expect(ended.messages).toHaveLength(1);
  });
});

describe('answers of 20 MB', () => {
  const big = JSON.stringify(result(1, { text: 'x'.repeat(20 * 1024 * 1024) }));
  const tooLarge = { code: 'MESSAGE_TOO_LARGE', hint: expect.stringContaining('Ask for less') };
  const small: Handler = ({ message }, response) => json(response, result(message.id));

  test.each([
    [
      'JSON with its length',
      (response) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': big.length })
          .end(big),
    ],
    [
      'JSON in chunks',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(big);
        response.end();
      },
    ],
    [
      'an event',
      (response) => {
        stream(response)(`data: ${big}\n\n`);
        response.end();
      },
    ],
  ] satisfies [string, (response: Parameters<Handler>[1]) => void][])(
    'as %s fail that request alone',
    async (_, write) => {
      const { error, transport, messages, closed } = await failureOf((received, response) => {
        if (received.message.id === 1) write(response);
        else small(received, response);
      });
      expect(error).toMatchObject(tooLarge);
      await transport.send(request(2));
      expect(messages).toEqual([result(2)]);
      expect(closed).toEqual([]);
    },
  );
});
