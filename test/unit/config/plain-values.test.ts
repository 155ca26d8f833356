import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  apiKeySchema,
  localSchema,
  oauthSchema,
  rateLimitSchema,
  serverSchema,
  serveSchema,
  tokensSchema,
  toolsSchema,
} from '../../../src/config/schema.ts';
import type { Block } from '../../../src/config/schema-blocks.ts';
import type { Raw } from '../../../src/config/source.ts';

const BLOCKS: Readonly<Record<string, Block>> = {
  ...{ server: serverSchema, auth_config: oauthSchema, api_key: apiKeySchema },
  ...{ config: localSchema, tools: toolsSchema, rate_limit: rateLimitSchema },
  ...{ serve: serveSchema, tokens: tokensSchema },
};

const SETTINGS = Object.entries(BLOCKS).flatMap(([name, { entries }]) =>
  Object.entries(entries).map(([key, kind]) => [`${name}.${key}`, kind] as const),
);

const WORDS = [
  ...['auto', 'stdio', 'http', 'sse', 'local', 'HTTP', 'streamable-http', 'oauth', 'none'],
  ...['delegate_oauth', 'bypass_auth', 'api_key', 'on', 'off', 'warn', 'strict', 'true', 'false'],
  ...['authorization_code', 'device_code', 'client_secret_basic', 'on_call', 'never', 'keychain'],
  ...['file', 'debug', 'info', '', ' ', '5', '-1', '__proto__', 'constructor', 'a b', 'ü'],
];

const leaf = fc.oneof(
  fc.constantFrom<Raw>(...WORDS),
  fc.constantFrom<Raw>(null, true, false, 0, -0, 1, 16, 60, 128, 65_535, 65_536, 1.5, -1),
  fc.constantFrom<Raw>(1e300, 2 ** 53, Number.POSITIVE_INFINITY, 2_147_483, 2_147_484),
  fc.string(),
);

const ORDINARY = { noNullPrototype: true };

/** Values of any kind: right, nearly right, and wrong. */
const { value } = fc.letrec<{ value: Raw }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    { weight: 5, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom<Raw>('a', 'b'), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...WORDS), tie('value'), ORDINARY) },
    { weight: 1, arbitrary: fc.dictionary(fc.string(), fc.constantFrom<Raw>('a', 'b'), ORDINARY) },
  ),
}));

describe('a plain value', () => {
  it.each(SETTINGS)('of %s is what its schema makes of it', (_, kind) => {
    let plain = 0;
    const unchanged = fc.property(value, (given) => {
      if (!kind.isPlain(given)) return;
      plain += 1;
      expect(v.safeParse(kind.schema(), given)).toMatchObject({ success: true, output: given });
      expect(v.parse(kind.schema(), given)).toStrictEqual(given);
    });
    fc.assert(unchanged, { numRuns: 2000 });
    expect(plain).toBeGreaterThan(0);
  });

  it.each(Object.entries(BLOCKS))('of the block %s is what its schema makes of it', (_, block) => {
    let plain = 0;
    const settings = Object.entries(block.entries).map(([key, kind]) =>
      value.filter((one) => kind.isPlain(one)).map((one): [string, Raw] => [key, one]),
    );
    const strangers = fc.tuple(fc.constantFrom('unknown', '__proto__', 'toString'), leaf);
    const entries = fc.array(
      fc.oneof(
        { weight: 20, arbitrary: fc.oneof(...settings) },
        { weight: 1, arbitrary: strangers },
      ),
      { maxLength: 6 },
    );
    const unchanged = fc.property(entries, (pairs) => {
      const given: Raw = Object.fromEntries(pairs);
      if (!block.isPlain(given)) return;
      plain += 1;
      expect(v.parse(block.schema(), given)).toStrictEqual(given);
    });
    fc.assert(unchanged, { numRuns: 300 });
    expect(plain).toBeGreaterThan(100);
  });

  it.each<[string, Raw]>([
    ['an unknown key', { unknown: 'a' }],
    ['a key of the prototype', Object.fromEntries([['__proto__', 'a']])],
    ['a list', []],
    ['a text', 'a'],
    ['nothing', null],
  ])('of a block is not %s', (_, given) => {
    expect(serverSchema.isPlain(given)).toBe(false);
  });
});
