import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expand,
  hasReference,
  isVerbatim,
  wholeReference,
} from '../../../src/config/interpolate.ts';
import { checkEntry, checkJson, configOf, errors, serverOf } from './support.ts';

const VALUES: Record<string, string> = {
  A: 'alpha',
  EMPTY: '',
  NESTED: `$${'{A}'} and keyring:A`,
  _B2: 'beta',
};
const lookup = (name: string) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined);

/** Writes `#{` for `${`, which linters take for a mistake in plain strings. */
const dollar = (text: string) => text.replaceAll('#{', '$'.concat('{'));

describe('expand', () => {
  it.each([
    ['plain', 'plain'],
    ['#{A}', 'alpha'],
    ['#{env:A}', 'alpha'],
    ['x #{A}-#{_B2} y', 'x alpha-beta y'],
    ['#{A}#{A}', 'alphaalpha'],
    ['#{NONE:-other}', 'other'],
    ['#{env:NONE:-other}', 'other'],
    ['#{EMPTY:-other}', 'other'],
    ['#{A:-other}', 'alpha'],
    ['#{NONE:-}', ''],
    ['#{NONE:-a:-b}', 'a:-b'],
    ['#{EMPTY}', ''],
    ['$#{A}', '#{A}'],
    ['$$#{A}', '$#{A}'],
    ['$A {A} $', '$A {A} $'],
    ['env:A', 'alpha'],
    ['x env:A', 'x env:A'],
    ['#{NESTED}', '#{A} and keyring:A'],
    ['#{NONE}', '#{NONE}'],
    ['env:NONE', 'env:NONE'],
  ])('%s becomes %s', (text, value) => {
    const expansion = expand(dollar(text), lookup);
    expect(expansion).toMatchObject({ value: dollar(value), malformed: [], secret: undefined });
  });

  it.each([
    ['#{A}', 'A', 'set'],
    ['#{EMPTY}', 'EMPTY', 'empty'],
    ['#{NONE}', 'NONE', 'unset'],
    ['env:NONE', 'NONE', 'unset'],
    ['#{NONE:-}', 'NONE', 'set'],
    ['#{constructor}', 'constructor', 'unset'],
  ])('%s uses %s, which is %s', (text, name, state) => {
    expect(expand(dollar(text), lookup).variables).toMatchObject([{ name, state }]);
  });

  it.each([
    ['#{}'],
    ['#{input:key}'],
    ['#{A-B}'],
    ['#{A'],
    ['#{1A}'],
    ['#{A:-#{_B2}}'],
    ['env:'],
    ['env:a b'],
    ['keyring:'],
    ['keyring:a/b'],
  ])('%s is malformed', (text) => {
    const { malformed, secret } = expand(dollar(text), lookup);
    expect(malformed).toHaveLength(1);
    expect(secret).toBeUndefined();
  });

  it('takes a stored secret by its name alone', () => {
    expect(expand('keyring:acme.key-1', lookup)).toStrictEqual({
      value: '',
      variables: [],
      malformed: [],
      secret: 'acme.key-1',
    });
    expect(wholeReference('keyring:x')).toStrictEqual({ kind: 'keyring', name: 'x' });
    expect(wholeReference('a keyring:x')).toBeUndefined();
  });

  it('never throws, and leaves any text without references as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { value, malformed } = expand(text, lookup);
        if (!hasReference(text) && !text.includes('$${')) expect(value).toBe(text);
        expect(Array.isArray(malformed)).toBe(true);
      }),
    );
  });

  it('has nothing to do for a text that is verbatim', () => {
    const parts = fc.constantFrom('env:', 'keyring:', '$', '{', '}', 'A', ':', ' ');
    let verbatim = 0;
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 5 }), (list) => {
        const text = list.join('');
        if (!isVerbatim(text)) return;
        verbatim += 1;
        const nothing = { value: text, variables: [], malformed: [], secret: undefined };
        expect(expand(text, lookup)).toStrictEqual(nothing);
        expect(hasReference(text)).toBe(false);
      }),
      { numRuns: 1000 },
    );
    expect(verbatim).toBeGreaterThan(200);
  });

  it('gives back any text whose "${" were doubled', () => {
    const parts = fc.constantFrom('$', '{', '}', 'A', ':-', dollar('#{'), 'x', ' ');
    fc.assert(
      fc.property(fc.array(parts), (list) => {
        const text = `.${list.join('')}`;
        expect(
          expand(
            text.replaceAll(dollar('#{'), () => dollar('$#{')),
            lookup,
          ).value,
        ).toBe(text);
      }),
    );
  });
});

describe('references in a file', () => {
  const url = 'https://a.example/mcp';

  it('are filled in wherever a text stands, also for numbers and switches', async () => {
    const env = { HOST: 'b.example', T: '7', ON: 'true', TEAM: 'core', PORT: '4100' };
    const entry = {
      url: dollar('https://#{HOST}/mcp'),
      timeout: dollar('#{T}'),
      enabled: 'env:ON',
      headers: { 'X-Team': 'env:TEAM' },
      tools: { allow: [dollar('#{TEAM}_*')], describe: { x: dollar('of #{TEAM}') } },
    };
    expect(serverOf(await checkEntry(entry, env))).toMatchObject({
      enabled: true,
      timeout: 7,
      endpoint: { url: 'https://b.example/mcp', headers: { 'X-Team': 'core' } },
      tools: { allow: ['core_*'], describe: { x: 'of core' } },
    });
    const local = { type: 'local', config: { port: dollar('#{PORT}') } };
    expect(serverOf(await checkEntry(local, env)).endpoint).toMatchObject({
      url: 'http://127.0.0.1:4100/mcp',
    });
  });

  it('fail only the server that has them, naming server, key and variable', async () => {
    const result = await checkJson({
      servers: {
        a: { url, headers: { 'X-One': dollar('#{ONE}'), 'X-Two': 'env:TWO' } },
        b: { url },
      },
    });
    expect(configOf(result).servers.map(({ name }) => name)).toStrictEqual(['b']);
    expect(errors(result)).toStrictEqual([
      'error VARIABLE_UNSET 6 servers.a.headers.X-One: server a: headers.X-One: the variable ONE is not set',
      'error VARIABLE_UNSET 7 servers.a.headers.X-Two: server a: headers.X-Two: the variable TWO is not set',
    ]);
    expect(result.problems[0]?.hint).toBe(
      'Set ONE in the environment of mcp-master or in the .env file beside the configuration.',
    );
  });

  it('cause no second complaint about a value that is not known', async () => {
    const entry = { url: dollar('#{U}'), timeout: dollar('#{T}'), oauth: { issuer: 'env:I' } };
    expect(errors(await checkEntry(entry))).toStrictEqual([
      'error VARIABLE_UNSET 4 servers.x.url: server x: url: the variable U is not set',
      'error VARIABLE_UNSET 5 servers.x.timeout: server x: timeout: the variable T is not set',
      'error VARIABLE_UNSET 7 servers.x.oauth.issuer: server x: oauth.issuer: the variable I is not set',
    ]);
  });

  it('are not looked for in names, keys and unknown keys', async () => {
    const name = dollar('#{N}');
    const result = await checkJson({
      servers: [{ id: 'a', url, headers: { [name]: 'x' }, note: name }],
    });
    expect(errors(result)).toStrictEqual([
      `error CONFIG_INVALID 7 servers[0].headers["${name}"]: server a: headers["${name}"]: expected a header's name: letters, digits and -, no blanks`,
    ]);
  });

  it('may be empty, but not in a credential', async () => {
    const env = { EMPTY: '' };
    const plain = { url, headers: { 'X-Team': dollar('a#{EMPTY}') } };
    expect(serverOf(await checkEntry(plain, env)).endpoint).toMatchObject({
      headers: { 'X-Team': 'a' },
    });
    for (const value of [dollar('Bearer #{EMPTY}'), 'env:EMPTY']) {
      expect(
        errors(await checkEntry({ url, headers: { Authorization: value } }, env)),
      ).toStrictEqual([
        'error VARIABLE_UNSET 6 servers.x.headers.Authorization: server x: headers.Authorization: the variable EMPTY is set, but empty, and a credential needs it',
      ]);
    }
    const bare = { url, headers: { Authorization: dollar('Bearer #{NONE:-}') } };
    expect(errors(await checkEntry(bare))).toHaveLength(1);
    expect(errors(await checkEntry({ url, api_key: { key: '' } }))).toHaveLength(1);
  });

  it('say what to write instead of what VS Code asks for', async () => {
    const entry = { url, headers: { 'X-API-Key': dollar('#{input:key}') } };
    const { problems } = await checkEntry(entry);
    expect(problems).toMatchObject([
      {
        level: 'error',
        path: 'servers.x.headers.X-API-Key',
        message: expect.stringContaining('VS Code'),
        hint: expect.stringContaining('mcp-master secret set NAME'),
      },
    ]);
  });

  it('do nothing in a variable', async () => {
    const env = { V: 'keyring:stolen', W: dollar('#{V}') };
    const entry = { url, headers: { 'X-V': 'env:V', 'X-W': dollar('#{W}') } };
    const server = serverOf(await checkEntry(entry, env));
    expect(server.secretRefs).toStrictEqual([]);
    expect(server.endpoint).toMatchObject({
      headers: { 'X-V': 'keyring:stolen', 'X-W': dollar('#{V}') },
    });
  });

  it('are no errors in an entry that is switched off', async () => {
    const off = {
      enabled: false,
      url: dollar('https://#{HOST}/mcp'),
      timeout: dollar('#{T}'),
      headers: { Authorization: dollar('Bearer #{NONE}') },
    };
    const result = await checkEntry(off);
    expect(result.problems).toStrictEqual([]);
    expect(serverOf(result)).toMatchObject({ enabled: false, timeout: 60 });
    const local = { disabled: true, type: 'local', config: { port: dollar('#{PORT}') } };
    expect(serverOf(await checkEntry(local))).toMatchObject({
      enabled: false,
      endpoint: { url: 'http://127.0.0.1/mcp' },
    });
  });
});
