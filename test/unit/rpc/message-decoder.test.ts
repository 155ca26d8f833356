import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/rpc/message.ts';
import { type DecodeProblem, MessageDecoder } from '../../../src/rpc/message-decoder.ts';

function decode(input: string | Buffer, limit = 10_000): (Message | DecodeProblem)[] {
  const seen: (Message | DecodeProblem)[] = [];
  const decoder = new MessageDecoder(limit, {
    message: (message) => seen.push(message),
    problem: (problem) => seen.push(problem),
  });
  decoder.push(Buffer.from(input));
  decoder.end();
  return seen;
}

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

describe('MessageDecoder', () => {
  it('reads messages with whatever they carry, skipping blank lines', () => {
    const call = { ...PING, params: { _meta: { 'x/y': [null, { z: 'ü🎉' }] }, ['__proto__x']: 1 } };
    const note = { jsonrpc: '2.0', method: 'notifications/x' };
    expect(decode(`${JSON.stringify(call)}\r\n\n  \n${JSON.stringify(note)}`)).toEqual([
      call,
      note,
    ]);
  });

  it('keeps a member called __proto__ as plain data', () => {
    const line = '{"jsonrpc":"2.0","id":1,"result":{"__proto__":{"polluted":true}}}';
    const [message] = decode(line);
    expect(JSON.stringify(message)).toBe(line);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('takes a batch apart', () => {
    expect(decode(JSON.stringify([PING, { ...PING, id: 2 }]))).toEqual([PING, { ...PING, id: 2 }]);
  });

  it.each([
    ['text', 'Server started', { kind: 'not_json', id: undefined, call: undefined }],
    ['an empty batch', '[]', { kind: 'not_a_message', id: undefined, call: undefined }],
    ['a number', '42', { kind: 'not_a_message', call: undefined }],
    [
      'another JSON-RPC',
      '{"jsonrpc":"1.0","id":7,"method":"x"}',
      { kind: 'not_a_message', id: 7, call: true },
    ],
    [
      'positional params',
      '{"jsonrpc":"2.0","id":8,"method":"x","params":[1]}',
      { kind: 'not_a_message', id: 8, call: true },
    ],
    [
      'a null id',
      '{"jsonrpc":"2.0","id":null,"method":"x"}',
      { kind: 'not_a_message', id: undefined, call: true },
    ],
    [
      'a fraction as id',
      '{"jsonrpc":"2.0","id":1.5,"method":"x"}',
      { kind: 'not_a_message', id: 1.5, call: true },
    ],
    [
      'a result that is no object',
      '{"jsonrpc":"2.0","id":9,"result":[]}',
      { kind: 'not_a_message', id: 9, call: false },
    ],
    [
      'result and error',
      '{"jsonrpc":"2.0","id":9,"result":{},"error":{"code":1,"message":"x"}}',
      { kind: 'not_a_message', id: 9 },
    ],
    [
      'an error without a code',
      '{"jsonrpc":"2.0","id":9,"error":{"message":"x"}}',
      { kind: 'not_a_message', id: 9 },
    ],
  ])('names %s as a problem', (_, line, problem) => {
    const seen = decode(`${line}\n${JSON.stringify(PING)}\n`);
    expect(seen).toEqual([expect.objectContaining(problem), PING]);
  });

  it('does not pass on text that was not UTF-8', () => {
    const line = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":5,"result":{"text":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}}\n'),
    ]);
    expect(decode(line)).toEqual([
      expect.objectContaining({ kind: 'invalid_utf8', id: 5, call: false }),
    ]);
  });

  it.each([
    ['first', `{"id":3,"jsonrpc":"2.0","result":{"a":"${'x'.repeat(20_000)}","id":99}}`, 3],
    ['after jsonrpc', `{"jsonrpc": "2.0", "id": 4, "result":{"a":"${'x'.repeat(20_000)}"}}`, 4],
    ['last', `{"result":{"a":"${'x'.repeat(20_000)}"},"jsonrpc":"2.0","id":"five"}`, 'five'],
    ['nowhere to be seen', `{"result":{"id":1,"a":"${'x'.repeat(20_000)}","id":2}}`, undefined],
  ])('finds the id of an oversized message when it stands %s', (_, line, id) => {
    expect(decode(`${line}\n${JSON.stringify(PING)}`)).toEqual([
      expect.objectContaining({ kind: 'too_large', id, call: false }),
      PING,
    ]);
  });
});
