import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/rpc/message.ts';
import { StreamTransport } from '../../../src/rpc/stream-transport.ts';

/** A transport, and what it has written: each write by itself, and all of it as messages. */
function createTransport(queueLimit?: number) {
  const writes: Buffer[] = [];
  const output = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      writes.push(Buffer.from(chunk));
      done();
    },
  });
  const input = new PassThrough();
  const limit = queueLimit === undefined ? {} : { queueLimit };
  const transport = new StreamTransport({ input, output, ...limit, onProblem: () => undefined });
  const lines = () => Buffer.concat(writes).toString('utf8').trimEnd().split('\n');
  const messages = () => lines().map((line): unknown => JSON.parse(line));
  return { transport, output, writes, messages };
}

const answer = (id: number, text: string): Message => ({ jsonrpc: '2.0', id, result: { text } });

describe('StreamTransport', () => {
  it('writes what is sent in one turn at once', async () => {
    const { transport, writes, messages } = createTransport();
    const sent = [answer(1, 'a'), answer(2, 'ä'), answer(3, 'c')];
    await Promise.all(sent.map((message) => transport.send(message)));
    expect(messages()).toEqual(sent);
    expect(writes).toHaveLength(1);
  });

  it('keeps the order when short messages and long ones come together', async () => {
    const { transport, messages } = createTransport();
    const long = 'x'.repeat(100_000);
    const sent = [answer(1, 'a'), answer(2, long), answer(3, 'b'), answer(4, 'c'), answer(5, long)];
    await Promise.all(sent.map((message) => transport.send(message)));
    expect(messages()).toEqual(sent);
  });

  it.each(['ä', '漢', '😀', '\u{10ffff}', '"\\\n', '\ud800'])(
    'writes a long message whole, whatever its characters are: %j',
    async (character) => {
      const { transport, messages, writes } = createTransport();
      const sent = answer(1, character.repeat(70_000));
      await transport.send(sent);
      expect(messages()).toEqual([sent]);
      expect(Buffer.concat(writes).indexOf('\n')).toBe(Buffer.concat(writes).length - 1);
    },
  );

  it('writes nothing of what can not be written', async () => {
    const { transport, messages } = createTransport();
    const loop: { [key: string]: unknown } = {};
    loop['self'] = loop;
    const broken = { jsonrpc: '2.0', id: 1, result: loop } as unknown as Message; // Nobody's JSON.
    await expect(transport.send(broken)).rejects.toThrow();
    await transport.send(answer(2, 'b'));
    expect(messages()).toEqual([answer(2, 'b')]);
  });

  it('refuses what comes after its end, and says that nobody has it', async () => {
    const { transport, writes } = createTransport();
    await transport.close();
    await expect(transport.send(answer(1, 'a'))).rejects.toMatchObject({
      code: 'INTERRUPTED',
      undelivered: true,
    });
    expect(writes).toEqual([]);
  });

  it('refuses more for a reader who does not read than may wait', async () => {
    const { transport, output } = createTransport(10);
    output.cork();
    await transport.send(answer(1, 'longer than ten'));
    await expect(transport.send(answer(2, 'b'))).rejects.toMatchObject({
      code: 'BACKEND_TIMEOUT',
      message: 'The other side does not read what it is sent',
    });
  });
});
