import { describe, expect, it } from 'vitest';
import * as json from '../../../../src/oauth/store/json.ts';

const reader = json.record({
  version: json.oneOf(1, 'one'),
  name: json.word,
  note: json.optional(json.text),
  at: json.optional(json.number),
  list: json.optional(json.listOf(json.record({ on: json.flag }))),
});

describe('a record', () => {
  it.each([
    ['with all that it has to have', { version: 1, name: 'a' }],
    ['with all that it may have', { version: 1, name: 'a', note: '', at: -1.5, list: [] }],
    ['with lists of records', { version: 'one', name: 'a', list: [{ on: true }, { on: false }] }],
  ])('is read %s', (_, value) => {
    expect(json.parse(reader, JSON.stringify(value))).toStrictEqual(value);
  });

  it('loses what it is not known to have, on each level', () => {
    const text = '{"version":1,"name":"a","more":1,"__proto__":{},"list":[{"on":true,"more":1}]}';
    expect(json.parse(reader, text)).toStrictEqual({ version: 1, name: 'a', list: [{ on: true }] });
  });

  it.each([
    ['no JSON', '{"version":1'],
    ['nothing', 'null'],
    ['a list', '[]'],
    ['a text', '"a"'],
    ['of another version', '{"version":2,"name":"a"}'],
    ['without a member', '{"version":1}'],
    ['with an empty word', '{"version":1,"name":""}'],
    ['with a null', '{"version":1,"name":"a","note":null}'],
    ['with a number as a text', '{"version":1,"name":"a","note":1}'],
    ['with a text as a number', '{"version":1,"name":"a","at":"1"}'],
    ['with a number that is too large', '{"version":1,"name":"a","at":1e999}'],
    ['with a mapping as a list', '{"version":1,"name":"a","list":{}}'],
    ['with a wrong item', '{"version":1,"name":"a","list":[{"on":true},{"on":1}]}'],
  ])('is none when it is %s', (_, text) => {
    expect(json.parse(reader, text)).toBeUndefined();
  });

  it('keeps what it is not known to have where it is open', () => {
    const open = json.openRecord({ issuer: json.word });
    const text = '{"issuer":"i","more":{"a":[1]}}';
    expect(json.parse(open, text)).toStrictEqual({ issuer: 'i', more: { a: [1] } });
    expect(json.parse(open, '{"more":1}')).toBeUndefined();
    expect(json.parse(open, '[]')).toBeUndefined();
  });
});
