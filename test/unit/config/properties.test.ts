import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { canonical, fingerprint } from '../../../src/config/fingerprint.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { apiKeySchema, oauthSchema, serverSchema } from '../../../src/config/schema.ts';
import type { Raw } from '../../../src/config/source.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { check, checkJson, configOf, serverOf, worldOf } from './support.ts';

const HIDDEN = 'zqHIDDENqz';
const keys = fc.constantFrom(
  ...Object.keys(serverSchema.entries),
  ...Object.keys(oauthSchema.entries),
  ...Object.keys(apiKeySchema.entries),
  ...['servers', 'mcpServers', 'serve', 'tokens', 'master_oauth', 'oauth', 'name', 'type'],
  ...['X-API-Key', 'Authorization', 'API_TOKEN', 'disabled', '__proto__', 'constructor', ''],
);

/** Values that look like a configuration, but make no sense as one. */
const nonsense = fc.letrec<{ value: Raw }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Raw>(
      null,
      true,
      0,
      -1,
      5,
      1e300,
      'env:A',
      'keyring:x',
      'keyring:',
      'https://a.example/',
    ),
    fc.constantFrom<Raw>(
      `$${'{A}'}`,
      `$${'{NONE}'}`,
      `$${'{'}`,
      'delegate_oauth',
      'http',
      'stdio',
      'a b',
      '\0',
    ),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
  ),
})).value;

const entry = fc.dictionary(keys, nonsense, { maxKeys: 8 });
const file = fc.oneof(
  nonsense,
  entry.map((x): Raw => ({ servers: { x } })),
  fc.array(entry, { maxLength: 3 }).map((list): Raw => ({ mcpServers: list })),
);

describe('any file', () => {
  it.each([
    ['JSON', 'json', (value: Raw) => JSON.stringify(value)],
    ['YAML', 'yaml', (value: Raw) => stringify(value)],
  ])('in %s loads, or is refused with an error of the program', async (_, ending, write) => {
    await fc.assert(
      fc.asyncProperty(file, async (value) => {
        const result = await check(write(value), ending, { env: { A: '1' } });
        const errors = result.problems.filter(({ level }) => level === 'error');
        expect(result.config === undefined ? errors.length > 0 : true).toBe(true);
        for (const { name, problems } of result.config?.rejected ?? []) {
          expect(
            problems.some(({ level }) => level === 'error'),
            name,
          ).toBe(true);
        }
        for (const { message } of errors) expect(message).not.toContain('Invalid input');
      }),
      { numRuns: 300 },
    );
  });

  it.each(['json', 'yaml', 'conf'])('of any text (.%s) throws nothing else', async (ending) => {
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ':',
        ',',
        '"',
        "'",
        '\n',
        '- ',
        '  ',
        '\t',
        'servers:',
        'id: a',
        '&a',
        '*a',
      ],
      ...['url: x', '<<: *a', '!t', '#', '|', '%', '---\n', '\uFEFF', '\0', 'headers:', 'a', '1'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(pieces, fc.string({ maxLength: 3 }))), async (parts) => {
        const path = `/etc/mm/x.${ending}`;
        const deps = worldOf({ files: { [path]: parts.join('') } });
        const outcome = await loadConfig({ file: path, folder: '/' }, deps).catch((e) => e);
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(McpMasterError);
          expect(outcome).toMatchObject({ code: 'CONFIG_INVALID' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a secret', () => {
  const places = fc.constantFrom(
    { headers: { Authorization: `Bearer ${HIDDEN}` } },
    { headers: { 'X-API-Key': HIDDEN, 'X-Api-Key': HIDDEN } },
    { headers: { Authorization: `Bearer ${HIDDEN}\n` } },
    { headers: { 'X-Token': `$${'{HIDDEN}'}` } },
    { api_key: { key: HIDDEN, template: 'none' } },
    { api_key: { key: `${HIDDEN}\0`, header: 'X Y' } },
    { auth_config: { client_secret: HIDDEN, token_endpoint_auth_method: 'none' } },
    { auth_config: { private_key: HIDDEN, grant: 'client_credentials' } },
    { auth_config: { token_source: HIDDEN } },
    { auth_config: { extra_params: { api_key: HIDDEN, state: HIDDEN } } },
    { env: { TOKEN: HIDDEN, 'A=B': HIDDEN } },
    { url: `http://user:${HIDDEN}@a.example/?key=${HIDDEN}#x` },
    { url: `${HIDDEN}`, timeout: HIDDEN, transport: `$${'{HIDDEN}'}`, pin: 'env:HIDDEN' },
  );

  it('never occurs in the text of a problem', async () => {
    await fc.assert(
      fc.asyncProperty(
        entry,
        fc.array(places, { minLength: 1, maxLength: 3 }),
        async (noise, given) => {
          const x = Object.assign({ url: 'http://a.example/' }, noise, ...given);
          const result = await checkJson({ servers: { x } }, { env: { HIDDEN } });
          expect(JSON.stringify(result.problems)).not.toContain(HIDDEN);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the fingerprint', () => {
  const shuffled = (value: Raw, random: fc.Arbitrary<number>): fc.Arbitrary<Raw> => {
    if (Array.isArray(value)) {
      return fc.tuple(...value.map((item) => shuffled(item, random))).map((list): Raw => list);
    }
    if (typeof value !== 'object' || value === null) return fc.constant(value);
    const entries = Object.entries(value).map(([key, item]) =>
      fc.tuple(fc.constant(key), shuffled(item, random), random),
    );
    return fc.tuple(...entries).map((list): Raw => {
      const sorted = list.toSorted((a, b) => a[2] - b[2]);
      return Object.fromEntries(sorted.map(([key, item]) => [key, item]));
    });
  };

  it('is the same for any order of keys', () => {
    const pair = nonsense.chain((value) => fc.tuple(fc.constant(value), shuffled(value, fc.nat())));
    fc.assert(
      fc.property(pair, ([value, other]) => {
        expect(fingerprint(other)).toBe(fingerprint(value));
      }),
    );
  });

  it('differs when the content does', () => {
    fc.assert(
      fc.property(nonsense, nonsense, (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(canonical(a) === canonical(b));
      }),
    );
    expect(fingerprint({ a: [1, 2] })).not.toBe(fingerprint({ a: [2, 1] }));
    expect(fingerprint({ a: '1' })).not.toBe(fingerprint({ a: 1 }));
  });

  it('is taken before variables are filled in', async () => {
    const text = `{"a": {"url": "https://$${'{HOST}'}/"}}`;
    const of = async (HOST: string) => serverOf(await check(text, 'json', { env: { HOST } }));
    const [one, two] = [await of('one.example'), await of('two.example')];
    expect(one.endpoint).not.toStrictEqual(two.endpoint);
    expect(one.fingerprint).toBe(two.fingerprint);
  });

  it('is the same in YAML and JSON', async () => {
    const value = {
      servers: [{ id: 'a', url: 'https://a.example/', headers: { B: '1', A: '2' } }],
    };
    const json = configOf(await checkJson(value)).servers;
    expect(configOf(await check(stringify(value))).servers).toStrictEqual(json);
  });
});
