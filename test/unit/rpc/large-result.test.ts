import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LARGE, lineOf, readLargeResult } from '../../../src/rpc/large-result.ts';
import { asMessage, type ResponseMessage } from '../../../src/rpc/message.ts';

/** Long enough to be passed on as it came. */
const FILLER = 'x'.repeat(LARGE);
const RESULT = `{"content":[{"type":"text","text":"${FILLER}"}]}`;

const read = (line: string) => readLargeResult(Buffer.from(line));

/** The line in which a result is passed on under another id. */
function passOn(message: ResponseMessage, id: number | string): string | undefined {
  if (!('result' in message)) return undefined;
  return lineOf({ jsonrpc: '2.0', id, result: message.result }).toString('utf8');
}

describe('readLargeResult', () => {
  it.each([
    ['id before', `{"jsonrpc":"2.0","id":7,"result":${RESULT}}`, 7],
    ['id behind', `{"result":${RESULT},"jsonrpc":"2.0","id":7}`, 7],
    ['blanks', `{ "jsonrpc" : "2.0", "id" : 0, "result" : ${RESULT} }`, 0],
    ['id first', `{"id":7,"jsonrpc":"2.0","result":${RESULT}}`, 7],
    ['id behind, first', `{"result":${RESULT},"id":7,"jsonrpc":"2.0"}`, 7],
    ['a carriage return behind it', `{"jsonrpc":"2.0","id":7,"result":${RESULT}}\r`, 7],
    ['a text as id', `{"result":${RESULT},"jsonrpc":"2.0","id":"a-1 #"}`, 'a-1 #'],
  ])('reads a response and passes its result on: %s', (_case, line, id) => {
    const message = read(line);
    expect(message).toEqual({ jsonrpc: '2.0', id, result: JSON.parse(RESULT) });
    const passed = passOn(message as ResponseMessage, 'other');
    expect(passed).toBe(
      `{"jsonrpc":"2.0","id":"other","result":${line.includes(' : ') ? ' ' : ''}${RESULT}${line.endsWith(' }') ? ' ' : ''}}\n`,
    );
  });

  it('keeps what a number, a text or an order of keys would lose when it is written anew', () => {
    const exact = `{"b":12345678901234567890,"1":1.0,"a":"\\u00e4\\ud800/ä😀","__proto__":{"x":1e400},"f":"${FILLER}"}`;
    const message = read(`{"jsonrpc":"2.0","id":1,"result":${exact}}`) as ResponseMessage;
    expect(passOn(message, 2)).toBe(`{"jsonrpc":"2.0","id":2,"result":${exact}}\n`);
  });

  it.each([
    ['a second id', `{"jsonrpc":"2.0","id":1,"result":${RESULT},"id":2}`],
    ['a second result', `{"jsonrpc":"2.0","id":1,"result":{},"result":${RESULT}}`],
    ['another id before', `{"result":${RESULT},"id":5,"jsonrpc":"2.0","id":1}`],
    ['an error beside it', `{"jsonrpc":"2.0","id":1,"result":${RESULT},"error":{"code":1}}`],
    ['a member of its own', `{"jsonrpc":"2.0","id":1,"result":${RESULT},"x":1}`],
    ['no id', `{"jsonrpc":"2.0","result":${RESULT}}`],
    ['null as id', `{"jsonrpc":"2.0","id":null,"result":${RESULT}}`],
    ['an id that is no JSON', `{"jsonrpc":"2.0","id":007,"result":${RESULT}}`],
    ['an escape in the id', `{"jsonrpc":"2.0","id":"\\u0061","result":${RESULT}}`],
    ['a list as result', `{"jsonrpc":"2.0","id":1,"result":["${FILLER}"]}`],
    ['a text as result', `{"jsonrpc":"2.0","id":1,"result":"${FILLER}"}`],
    ['half a result', `{"jsonrpc":"2.0","id":1,"result":${RESULT.slice(0, -1)}}`],
    ['one brace too many', `{"jsonrpc":"2.0","id":1,"result":${RESULT}}}`],
    ['another version', `{"jsonrpc":"1.0","id":1,"result":${RESULT}}`],
    ['the end of a response inside', `{"result":{"a":"${FILLER}","jsonrpc":"2.0","id":1}}`],
    ['a request', `{"jsonrpc":"2.0","id":1,"method":"x","params":${RESULT}}`],
    ['a carriage return', `{"jsonrpc":"2.0","id":1,"result":{\r"a":"${FILLER}"}}`],
    ['a blank that is none', `{\u00a0"jsonrpc":"2.0","id":1,"result":${RESULT}}`],
    ['a form feed', `{\f"jsonrpc":"2.0","id":1,"result":${RESULT}}`],
    [
      'a result that can hardly be written',
      `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`,
    ],
    ['little', `{"jsonrpc":"2.0","id":1,"result":{"a":"b"}}`],
  ])('leaves to others what it does not know to be one result: %s', (_case, line) => {
    expect(read(line)).toBeUndefined();
  });

  it('leaves to others what is not UTF-8', () => {
    const line = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${RESULT}}`);
    line[LARGE] = 0xff;
    expect(readLargeResult(line)).toBeUndefined();
  });

  it('reads what a reader of the whole line reads, or nothing', () => {
    const member = fc.constantFrom(
      ...[
        '"jsonrpc":"2.0"',
        '"id":1',
        '\r',
        '\u00a0',
        '\v',
        '"id":"1"',
        '"id":2',
        '"result":{}',
        `"result":${RESULT}`,
      ],
      ...[`"result":{"a":${RESULT}},"id":3`, `"x":${RESULT}`, '"error":{}', ' ', '}', '{', ','],
    );
    const lines = fc.array(member, { maxLength: 5 }).map((members) => `{${members.join(',')}}`);
    fc.assert(
      fc.property(lines, (line) => {
        const message = read(line);
        if (message === undefined) return;
        expect(asMessage(JSON.parse(line))).toEqual(message);
        expect(Object.keys(JSON.parse(line) as object)).toHaveLength(3);
        expect(JSON.parse(passOn(message, 9) ?? '')).toEqual({ ...message, id: 9 });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('lineOf', () => {
  it('gives small messages as text, and large ones as lines', () => {
    const small = { jsonrpc: '2.0', id: 1, result: { a: 'ä' } } as const;
    expect(lineOf(small)).toBe(JSON.stringify(small));
    for (const text of ['x', 'ä', '😀', '\n']) {
      const large = {
        jsonrpc: '2.0',
        id: 'ä "result":',
        result: { text: text.repeat(LARGE) },
      } as const;
      const call = { jsonrpc: '2.0', id: 1, method: 'x', params: large.result } as const;
      for (const message of [large, call]) {
        const line = lineOf(message);
        expect(line).toBeInstanceOf(Buffer);
        // Texts: to compare buffers of this size takes seconds.
        expect(line.toString('utf8') === `${JSON.stringify(message)}\n`).toBe(true);
      }
    }
  });

  it('writes a large result once, under whatever id it is sent', () => {
    let times = 0;
    const result = {
      text: `ä${FILLER}`,
      get times() {
        times += 1;
        return times;
      },
    };
    const expected = { text: `ä${FILLER}`, times: 1 };
    for (const id of [1, 'ü "result":', 3]) {
      const line = lineOf({ jsonrpc: '2.0', id, result }).toString('utf8');
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line)).toEqual({ jsonrpc: '2.0', id, result: expected });
    }
    // Another object is another result, however alike they are.
    expect(JSON.parse(lineOf({ jsonrpc: '2.0', id: 1, result: { ...result } }).toString())).toEqual(
      {
        ...{ jsonrpc: '2.0', id: 1 },
        result: { ...expected, times: 2 },
      },
    );
  });

  it('keeps nothing of a message whose result stands elsewhere', () => {
    const result = { text: FILLER };
    const odd = { result, jsonrpc: '2.0', id: 1 } as const;
    expect(lineOf(odd).toString()).toBe(`${JSON.stringify(odd)}\n`);
    const usual = { jsonrpc: '2.0', id: 2, result } as const;
    expect(lineOf(usual).toString()).toBe(`${JSON.stringify(usual)}\n`);
  });

  it('writes anew what was made of a result', () => {
    const message = read(`{"jsonrpc":"2.0","id":1,"result":{"n":1.0,"a":"${FILLER}"}}`);
    if (message === undefined || !('result' in message)) throw new Error('no result');
    const changed = { ...message, result: { ...message.result, n: 2 } };
    expect(lineOf(changed).toString()).toBe(
      `{"jsonrpc":"2.0","id":1,"result":{"n":2,"a":"${FILLER}"}}\n`,
    );
  });
});
