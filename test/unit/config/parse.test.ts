import { describe, expect, it } from 'vitest';
import { check, configOf, lines, serverOf } from './support.ts';

const A = '{"a": {"url": "https://a.example/"}}';

/** The first problem of a file that can't be parsed, as `line: message`. */
async function refusal(text: string, ending: string): Promise<string[]> {
  const result = await check(text, ending);
  expect(result.config).toBeUndefined();
  return lines(result.problems).map((line) => line.replace('error CONFIG_INVALID ', ''));
}

describe('JSON', () => {
  it.each([
    ['comments', `// mine\n${A} /* the end */`],
    ['trailing commas', '{"a": {"url": "https://a.example/", "args": [],},}'],
    ['a byte order mark', `\uFEFF${A}`],
    ['Windows line ends', A.replaceAll(' ', '\r\n')],
  ])('may have %s', async (_, text) => {
    expect(serverOf(await check(text, 'json')).name).toBe('a');
    expect(serverOf(await check(text, 'jsonc')).name).toBe('a');
  });

  it.each([
    ['{\n"a": ,\n}', ['2 : not valid JSON: expected a value']],
    ['{\n"a": {}\n"b": {}\n}', ['3 : not valid JSON: expected a comma before this']],
    ['{\n"a" {}\n}', ['2 : not valid JSON: expected a colon after the key']],
    ['{\na: {}\n}', ['2 : not valid JSON: a word needs double quotes around it']],
    ['{\n"a": {', ['2 : not valid JSON: expected "}"']],
    ['{}\n{}', ['2 : not valid JSON: the file should end here']],
    ['{\n"a": "x\n}', ['2 : not valid JSON: the text has no closing quote']],
    [
      '{"a": {"url": "u",\n"url": "v"},\n"a": {}}',
      ['2 : the key "url" is on line 1 already', '3 : the key "a" is on line 1 already'],
    ],
  ])('%j is refused with its line', async (text, expected) => {
    expect((await refusal(text, 'json')).slice(0, expected.length)).toStrictEqual(expected);
  });

  it('does not let __proto__ change what other keys mean', async () => {
    const text =
      '{"__proto__": {"url": "https://p.example/"}, "a": {"url": "https://a.example/", "__proto__": {"command": "x"}}}';
    const result = await check(text, 'json');
    expect(configOf(result).servers.map(({ name }) => name)).toStrictEqual(['a']);
    expect(configOf(result).rejected.map(({ name }) => name)).toStrictEqual(['__proto__']);
    expect(Object.keys(Object.prototype)).toStrictEqual([]);
    expect('url' in {}).toBe(false);
  });

  it('may not be nested beyond reason', async () => {
    const deep = `{"a": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(await refusal(deep, 'json')).toStrictEqual(['- : the file is nested too deeply']);
  });
});

describe('YAML', () => {
  it('may have anchors and merge keys', async () => {
    const text = [
      'servers:',
      '  a: &base',
      '    url: https://a.example/',
      '    headers: { X-Team: core }',
      '  b:',
      '    <<: *base',
      '    url: https://b.example/',
      '    timeout: 5',
    ].join('\n');
    const { servers } = configOf(await check(text));
    expect(servers).toMatchObject([
      { name: 'a', timeout: 60, endpoint: { url: 'https://a.example/' } },
      {
        name: 'b',
        timeout: 5,
        endpoint: { url: 'https://b.example/', headers: { 'X-Team': 'core' } },
      },
    ]);
  });

  it('is YAML 1.2: words and dates stay text', async () => {
    const text =
      'a:\n  command: run\n  env: { A: on, B: yes, C: 2024-01-15, D: 0o17, E: 1.50, F: true }\n';
    expect(serverOf(await check(text)).endpoint).toMatchObject({
      env: { A: 'on', B: 'yes', C: '2024-01-15', D: '15', E: '1.5', F: 'true' },
    });
  });

  it.each([
    ['a:\n\turl: x\n', '2 : not valid YAML: there is a tab in the indentation, expected blanks'],
    ['a:\n  url: x\n  url: y\n', '3 : not valid YAML: this key is there twice'],
    [
      'a: {url: x\n',
      '2 : not valid YAML: the indentation does not fit the lines above, or a bracket is not closed',
    ],
    [
      'a:\n  url: x\n b: y\n',
      '3 : not valid YAML: the indentation does not fit the lines above, or a bracket is not closed',
    ],
    [
      'a: *b\n',
      '1 : not valid YAML: an alias (*name) refers to an anchor (&name) that is not above it',
    ],
    ['a: !env X\n', '1 : not valid YAML: tags (!name) are not understood'],
    [
      'a: "x\n',
      '2 : not valid YAML: a character is missing: a quote, a comma, a bracket or the blank after a colon',
    ],
    ['a: 1\n---\nb: 2\n', '2 : not valid YAML: the file holds several documents, expected one'],
    ['a: b: c\n', '1 : not valid YAML: a key and its value share a line with another key'],
    ['a: @x\n', '1 : not valid YAML: a text that starts with this character needs quotes'],
  ])('%j is refused with its line', async (text, expected) => {
    expect((await refusal(text, 'yaml'))[0]).toBe(expected);
  });

  it('refuses aliases that multiply', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
      bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(', ')}]`);
    }
    expect(await refusal(bomb.join('\n'), 'yaml')).toStrictEqual([
      '- : not usable YAML: its aliases repeat too much, or refer to themselves',
    ]);
    expect(await refusal('a: &a [*a]', 'yaml')).toHaveLength(1);
  });

  it('never quotes the file, which may hold secrets', async () => {
    const text = 'a:\n  headers: { Authorization: "Bearer hidden-1" \n  url: hidden-2: x\n';
    expect(JSON.stringify(await check(text))).not.toContain('hidden');
  });
});

describe('the kind of a file', () => {
  it.each([
    ['yaml', 'a: { url: "https://a.example/" }'],
    ['YML', 'a: { url: "https://a.example/" }'],
    ['conf', 'a: { url: "https://a.example/" }'],
    ['conf', A],
    ['conf', ` // mine\n${A}`],
    ['yaml', A],
  ])('goes by its ending, else by its content: .%s %s', async (ending, text) => {
    const { checkConfig } = await import('../../../src/config/load.ts');
    const { worldOf } = await import('./support.ts');
    const file = `/x/settings.${ending}`;
    const result = await checkConfig({ file, folder: '/y' }, worldOf({ files: { [file]: text } }));
    expect(serverOf(result).name).toBe('a');
  });
});
