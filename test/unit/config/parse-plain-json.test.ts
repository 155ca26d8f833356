import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/config/parse-json.ts';
import { parsePlainJson } from '../../../src/config/parse-plain-json.ts';
import { checkJson, lines } from './support.ts';

/** What the thorough parser reads; undefined when it refuses the text. */
function thoroughly(text: string): unknown {
  const parsed = parseJson(text);
  return 'source' in parsed ? parsed.source.root : undefined;
}

describe('the quick parser of JSON', () => {
  it.each([
    '{"a": {"url": "https://a.example/"}, "b": [1, {"c": null}]}',
    '\r\n[]\t',
    'null',
    '{"__proto__": {"__proto__": 1}, "constructor": 2}',
    '{"a\\"b": "c\\\\", "\\u0061": 1, "": ""}',
    '{"1": 1, "b" : 2, "0" \n : [0, -0, 1e3]}',
  ])('reads %j as the thorough one does', (text) => {
    const read = parsePlainJson(text);
    expect(read).not.toBeUndefined();
    expect(read).toStrictEqual(thoroughly(text));
  });

  it.each([
    ['', 'no text'],
    ['{"a": 1, "a": 1}', 'a key that appears twice'],
    ['{"a": 1, "\\u0061": 2}', 'a key that appears twice in two spellings'],
    ['[{"b": {"a": 1, "a": {"c": 1}}}]', 'a key that appears twice further in'],
    ['{"a": 1, "a": {"b": 1, "c": 2}}', 'as many keys in the value that is left'],
    ['{"a": 1,}', 'a trailing comma'],
    ['// a comment\n{}', 'a comment'],
    ['{a: 1}', 'a key without quotes'],
  ])('leaves %j to the other one: %s', (text) => {
    expect(parsePlainJson(text)).toBeUndefined();
  });

  it('agrees with the thorough one wherever it reads a text', () => {
    const keys = fc.constantFrom('a', 'b', '\\u0061', '\\"', '\\":', ': ', '"', '{', '');
    const texts = fc.constantFrom('""', '"a"', '":"', '"\\": "', '"x\\\\"', '1', 'null', '{}');
    const { json } = fc.letrec<{ json: string }>((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        texts,
        fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
        fc
          .array(fc.tuple(keys, fc.constantFrom(':', ' :', '\n: '), tie('json')), { maxLength: 3 })
          .map((list) => `{${list.map(([key, colon, item]) => `"${key}"${colon}${item}`).join()}}`),
      ),
    }));
    let read = 0;
    const agreeing = fc.property(json, (text) => {
      const root = parsePlainJson(text);
      if (root === undefined) return;
      read += 1;
      expect(root).toStrictEqual(thoroughly(text));
    });
    fc.assert(agreeing, { numRuns: 3000 });
    expect(read).toBeGreaterThan(500);
  });

  it('costs no problem its line', async () => {
    const { problems } = await checkJson({ servers: { a: { url: 'https://a.example', urll: 1 } } });
    expect(lines(problems)).toStrictEqual([
      'warning CONFIG_INVALID 5 servers.a.urll: server a: urll: this key is not known and has no effect',
    ]);
  });
});
