import { describe, expect, it } from 'vitest';
import { createToolCheck } from '../../../src/backend/tool-schemas.ts';
import type { JsonValue } from '../../../src/rpc/message.ts';

const check = createToolCheck();
const GOOD = { type: 'object', properties: { a: { type: ['string', 'null'], 'x-vendor': 1 } } };

async function reasonFor(
  inputSchema: JsonValue,
  outputSchema?: JsonValue,
): Promise<string | undefined> {
  const tool = { name: 't', inputSchema, ...(outputSchema !== undefined && { outputSchema }) };
  const { usable, leftOut } = await check([tool]);
  expect(usable).toEqual(leftOut.length === 0 ? [tool] : []);
  return leftOut[0]?.reason;
}

describe('createToolCheck', () => {
  it.each<[string, JsonValue]>([
    ['a plain one', GOOD],
    ['an empty object', { type: 'object' }],
    [
      'unknown keywords and formats',
      { ...GOOD, foo: 1, properties: { a: { format: 'no-such-format' } } },
    ],
    [
      'references and definitions',
      { type: 'object', $defs: { a: {} }, properties: { a: { $ref: '#/$defs/a' } } },
    ],
    ['draft-07', { ...GOOD, $schema: 'http://json-schema.org/draft-07/schema#', definitions: {} }],
    ['2020-12 by name', { ...GOOD, $schema: 'https://json-schema.org/draft/2020-12/schema' }],
    [
      'a dialect that is not known here',
      { ...GOOD, $schema: 'https://example.com/my-dialect', properties: 5 },
    ],
  ])('takes %s', async (_, schema) => {
    expect(await reasonFor(schema, schema)).toBeUndefined();
  });

  it.each<[string, JsonValue, RegExp]>([
    ['none', null, /inputSchema is not an object/],
    ['a list', [], /inputSchema is not an object/],
    ['no type', { properties: {} }, /not of type "object"/],
    ['another type', { type: 'string' }, /not of type "object"/],
    [
      'an unknown type within',
      { type: 'object', properties: { a: { type: 'strng' } } },
      /not valid JSON Schema: .*\/properties\/a\/type/,
    ],
    [
      'properties that are a list',
      { type: 'object', properties: [] },
      /\/properties must be object/,
    ],
    [
      'a wrong one of draft-07',
      { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', required: 'a' },
      /\/required/,
    ],
  ])('leaves out %s', async (_, schema, reason) => {
    expect(await reasonFor(schema)).toMatch(reason);
    expect(await reasonFor(GOOD, schema === null ? 5 : schema)).toMatch(/outputSchema/);
  });
});

describe('a dialect', () => {
  it.each([
    'https://json-schema.org/draft-07/schema#',
    'http://json-schema.org/draft-07/schema',
    'http://json-schema.org/draft/2020-12/schema',
    'https://json-schema.org/draft/2020-12/schema#',
  ])('is known as %s', async ($schema) => {
    expect(await reasonFor({ ...GOOD, $schema })).toBeUndefined();
    expect(await reasonFor({ $schema, type: 'object', required: 'a' })).toMatch(/required/);
  });

  it('is a string', async () => {
    expect(await reasonFor({ ...GOOD, $schema: 5 })).toMatch(/\$schema is not a string/);
  });
});

describe('a list', () => {
  it('keeps its order, whichever way its tools are checked', async () => {
    const odd = { type: 'object', foo: 1 };
    const bad = { type: 'object', required: 'a' };
    const tools = [GOOD, odd, bad, GOOD, odd, bad].map((inputSchema, i) => ({
      name: `t${i}`,
      inputSchema,
    }));
    const { usable, leftOut } = await check(tools);
    expect(usable.map(({ name }) => name)).toEqual(['t0', 't1', 't3', 't4']);
    const reason = 'its inputSchema is not valid JSON Schema: /required must be array';
    expect(leftOut).toEqual([
      { tool: 't2', reason },
      { tool: 't5', reason },
    ]);
  });

  it.each([GOOD, { ...GOOD, foo: 1 }])('has tools whose output is as bad as any', async (input) => {
    expect(await reasonFor(input, { type: 'object', properties: { a: { type: 'strng' } } })).toBe(
      'its outputSchema is not valid JSON Schema: /properties/a/type must be equal to one of the allowed values, ' +
        '/properties/a/type must be array, /properties/a/type must match a schema in anyOf',
    );
  });
});
