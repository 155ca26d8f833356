import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPlainSchema } from '../../../src/backend/plain-schema.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../src/rpc/message.ts';

const OPTIONS = { strict: false, logger: false, validateFormats: false } as const;
const DRAFT_07 = new Ajv(OPTIONS);
const DRAFT_2020 = new Ajv2020(OPTIONS);

/** Whether both dialects take it, as `tool-schemas.ts` asks them: what they throw at is not valid. */
function isValid({ $schema, ...schema }: JsonObject): boolean {
  try {
    return [DRAFT_07, DRAFT_2020].every((dialect) => dialect.validateSchema(schema) === true);
  } catch {
    return false;
  }
}

/** As a server sends it: names like `__proto__` are members of their own. */
const parse = (text: string): JsonObject => JSON.parse(text);

/** Schemas within each other: `levels` of them around `inner`. */
function nest(levels: number, inner: JsonObject, keyword = 'items'): JsonObject {
  let schema = inner;
  for (let level = 0; level < levels; level++) schema = { [keyword]: schema };
  return schema;
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);

describe('isPlainSchema takes', () => {
  it.each<JsonObject>([
    {},
    { type: 'object', properties: {}, required: [] },
    { type: ['string', 'null'] },
    { properties: { a: true, b: false, c: { type: 'integer' } }, required: ['a', 'b'] },
    { properties: { type: { type: 'string' }, toString: {}, constructor: {} } },
    parse('{"properties": {"__proto__": {"type": "string"}}, "required": ["__proto__"]}'),
    { additionalProperties: false, patternProperties: { '^a': {} }, propertyNames: {} },
    { patternProperties: { '(': {} }, pattern: '(' },
    { items: {}, minItems: 0, maxItems: 2 ** 53, uniqueItems: true, contains: {} },
    { items: false, prefixItems: [{}], minContains: 1, maxContains: 2, additionalItems: {} },
    { unevaluatedItems: false, unevaluatedProperties: {}, contentSchema: {} },
    { enum: ['a', 1, '1', null, true, false, ''], const: { a: [] }, default: [], examples: [] },
    { enum: numbered(1000), required: numbered(1000) },
    { anyOf: [{}], oneOf: [true], allOf: [{ not: {} }] },
    parse('{"if": {}, "then": {}, "else": false}'),
    { minimum: -1.5, maximum: 0, exclusiveMinimum: 1e300, exclusiveMaximum: -0, multipleOf: 0.01 },
    parse('{"minLength": -0, "maxLength": 1.0, "minProperties": 1e3, "maxProperties": 1e300}'),
    { $defs: { a: {} }, definitions: { b: {} }, $ref: '#/$defs/a', $comment: '', $id: 'a' },
    { dependentRequired: { a: ['b'] }, dependentSchemas: { a: {} } },
    { title: '', description: '', format: 'none', contentEncoding: '', contentMediaType: '' },
    { readOnly: true, writeOnly: false, deprecated: true, nullable: true, example: 1 },
    { discriminator: { propertyName: 'a' }, 'x-vendor': [1], properties: { a: { 'x-': {} } } },
    { $schema: 'http://json-schema.org/draft-07/schema#', items: { $schema: 'any' } },
    nest(64, { type: 'string' }),
  ])('$#', (schema) => {
    expect(isPlainSchema(schema)).toBe(true);
    expect(isValid(schema)).toBe(true);
  });
});

describe('isPlainSchema leaves to a validator', () => {
  it.each<JsonObject>([
    ...[{ type: 'strng' }, { type: 'toString' }, { type: [] }, { type: ['null', 'null'] }],
    ...[{ type: ['null', 'strng'] }, { type: [['null']] }, { type: null }],
    ...[{ properties: [] }, { properties: null }, { properties: { a: 5 } }],
    ...[{ properties: { a: { type: 'strng' } } }, { properties: { toString: 5 } }],
    parse('{"properties": {"__proto__": {"type": "strng"}}}'),
    parse('{"properties": {"__proto__": null}}'),
    parse('{"__proto__": {}}'),
    ...[{ required: 'a' }, { required: true }, { required: [1] }, { required: ['a', 'a'] }],
    ...[{ required: [...numbered(99), 'n0'] }, { enum: [...numbered(99), 'n98'] }],
    ...[{ items: [] }, { items: [{}] }, { items: null }],
    ...[{ enum: [] }, { enum: ['a', 'a'] }, { enum: [0, -0] }, { enum: [{}] }, { enum: 'a' }],
    ...[{ enum: [null, null] }, { enum: [[1], [1]] }, { examples: 'a' }],
    ...[{ anyOf: [] }, { anyOf: {} }, { oneOf: [5] }, { allOf: [{ type: 1 }] }, { not: [] }],
    ...[{ if: null }, parse('{"then": 1}'), { else: '' }, { additionalProperties: 'no' }],
    ...[
      { minimum: '1' },
      { maximum: null },
      { exclusiveMinimum: true },
      parse('{"minimum":1e400}'),
    ],
    ...[{ multipleOf: 0 }, { multipleOf: -1 }, { multipleOf: '1' }, parse('{"multipleOf":1e-400}')],
    ...[{ minLength: -1 }, { maxLength: 1.5 }, { minItems: '1' }, { maxItems: null }],
    ...[{ title: null }, { description: 5 }, { format: [] }, { pattern: {} }, { uniqueItems: 1 }],
    ...[{ $defs: { a: 5 } }, { definitions: [] }, { $ref: 5 }, { $id: '#a' }, { $comment: {} }],
    ...[{ $schema: 5 }, { items: { $schema: 5 } }, { deprecated: 'yes' }, { readOnly: null }],
    ...[{ dependentRequired: { a: ['b', 'b'] } }, { dependentRequired: [] }],
    // Valid, but rare: what is not in the table is not decided here.
    ...[{ foo: 1 }, { toString: 1 }, { constructor: {} }, { 'X-a': 1 }, { xa: 1 }, { '': 1 }],
    ...[{ $anchor: 'a' }, { $dynamicRef: '#a' }, { $vocabulary: {} }, { dependencies: {} }],
    nest(65, {}),
    nest(100_000, {}, 'not'),
  ])('$#', (schema) => {
    expect(isPlainSchema(schema)).toBe(false);
  });
});

/** The keywords that the meta-schemas have rules for. */
function keywordsOf(dialect: Ajv | Ajv2020, id: string): string[] {
  const schema = dialect.getSchema(id)?.schema;
  if (!isObject(schema) || !isObject(schema['properties'])) throw new Error(`no ${id}`);
  return Object.keys(schema['properties']);
}
const VOCABULARIES = 'core applicator unevaluated validation meta-data format-annotation content';
const KEYWORDS = [
  ...new Set([
    ...keywordsOf(DRAFT_07, 'http://json-schema.org/draft-07/schema'),
    ...keywordsOf(DRAFT_2020, 'https://json-schema.org/draft/2020-12/schema'),
    ...VOCABULARIES.split(' ').flatMap((name) =>
      keywordsOf(DRAFT_2020, `https://json-schema.org/draft/2020-12/meta/${name}`),
    ),
  ]),
];
const ODD_KEYWORDS = ['foo', 'x-foo', 'toString', 'constructor', '__proto__', 'nullable'];

/** Each is right for some keywords and wrong for others. */
const VALUES: JsonValue[] = [
  ...[null, true, false, 0, -0, 1, -1, 1.5, 5e-324, 2 ** 53, 1e300],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...['', 'a', '#', '#a', 'a#', '1a', 'object', 'strng', 'toString', '__proto__', '('],
  ...[[], ['a'], ['a', 'b'], ['a', 'a'], ['string', 'null'], ['string', 'string'], ['strng']],
  ...[[1], [1, 1], [1, '1'], [0, -0], [null, null], [[1], [1]], [{}], [{}, {}], [{}, true], [5]],
  ...[[{ type: 'strng' }], [...numbered(20), 'n0'], parse('{"__proto__": 5}')],
  ...[{}, { a: {} }, { a: 5 }, { a: [] }, { a: ['b'] }, { a: ['b', 'b'] }, { a: true }],
  ...[{ type: 'strng' }, { a: { type: 'strng' } }, { type: 'string' }, { '(': {} }, { '': null }],
  ...[parse('{"__proto__": {"type": 5}}'), { toString: 5 }],
];

/** Without this a choice leans to its first case the deeper it is. */
const EVENLY = { depthSize: 'max' } as const;

/** Schemas of all keywords: each has mostly values that both dialects take, other schemas among them. */
const { schema: anySchema } = fc.letrec<{ schema: JsonObject; sub: JsonValue }>((tie) => {
  const names = fc.constantFrom('a', 'b', 'type', 'toString', '__proto__', 'x-y', '');
  const sub = tie('sub');
  /** Each beside an example that tells where it is right. */
  const shapes: [JsonValue, fc.Arbitrary<JsonValue>][] = [
    [true, sub],
    [[true], fc.array(sub, { minLength: 1, maxLength: 3 })],
    [{ type: true }, fc.array(fc.tuple(names, sub), { maxLength: 3 }).map(Object.fromEntries)],
    [['a'], fc.array(names, { maxLength: 3 })],
  ];
  const likely = (keyword: string): fc.Arbitrary<JsonValue> => {
    const isRight = (value: JsonValue) => isValid(Object.fromEntries([[keyword, value]]));
    const nested = shapes.filter(([example]) => isRight(example));
    return fc.oneof(
      EVENLY,
      { weight: 15, arbitrary: fc.constantFrom(...VALUES.filter(isRight)) },
      ...nested.map(([, arbitrary]) => ({ weight: 30, arbitrary })),
      { weight: 1, arbitrary: fc.constantFrom(...VALUES) },
    );
  };
  // Fewer of the keywords that are never plain: one of them decides about the whole schema.
  const entries = [...KEYWORDS, ...ODD_KEYWORDS].map((keyword) => ({
    weight: VALUES.some((value) => isPlainSchema({ [keyword]: value })) ? 20 : 1,
    arbitrary: fc.tuple(fc.constant(keyword), likely(keyword)),
  }));
  return {
    schema: fc.array(fc.oneof(...entries), { minLength: 1, maxLength: 5 }).map(Object.fromEntries),
    sub: fc.oneof({ ...EVENLY, maxDepth: 3 }, fc.boolean(), tie('schema'), tie('schema')),
  };
});

describe('what isPlainSchema takes is valid in both dialects', () => {
  it.each([...KEYWORDS, ...ODD_KEYWORDS])('with %s', (keyword) => {
    for (const value of VALUES) {
      const inner = Object.fromEntries([[keyword, value]]);
      for (const schema of [inner, { properties: inner }, nest(2, inner), nest(2, inner, 'not')]) {
        if (isPlainSchema(schema)) expect(isValid(schema), JSON.stringify(schema)).toBe(true);
      }
    }
  });

  it('in any combination', () => {
    const seen = { all: 0, plain: 0, nested: 0, invalid: 0 };
    fc.assert(
      fc.property(anySchema, (schema) => {
        const [plain, valid] = [isPlainSchema(schema), isValid(schema)];
        seen.all++;
        if (plain) seen.plain++;
        if (plain && JSON.stringify(schema).split('{').length > 4) seen.nested++;
        if (!valid) seen.invalid++;
        expect(plain && !valid).toBe(false);
      }),
      { numRuns: 10_000 },
    );
    // Otherwise the property would hold for want of cases.
    expect(seen.plain / seen.all).toBeGreaterThan(0.3);
    expect(seen.nested / seen.all).toBeGreaterThan(0.05);
    expect(seen.invalid / seen.all).toBeGreaterThan(0.2);
  });
});
