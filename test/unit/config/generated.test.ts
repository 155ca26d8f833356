import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { type ParseError, parse as parseJsonc } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { configJsonSchema } from '../../../src/config/json-schema.ts';
import { tableNames, withTables } from '../../../src/config/reference.ts';
import { check, serverOf } from './support.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe('the JSON Schema', () => {
  it('is the one in schema/config.schema.json', async () => {
    const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(pathOf('schema/config.schema.json'));
  });

  const isValid = new Ajv({ strict: true, allowUnionTypes: true }).compile(configJsonSchema());

  it.each(
    readdirSync(pathOf('test/fixtures/config/seeds')).filter((name) => /\.json\./.test(name)),
  )('accepts %s', (name) => {
    const errors: ParseError[] = [];
    const text = readFileSync(pathOf(`test/fixtures/config/seeds/${name}`), 'utf8');
    expect(isValid(parseJsonc(text, errors))).toBe(true);
  });

  it.each([
    ['variables in numbers', { servers: { a: { url: 'https://a', timeout: '$'.concat('{T}') } } }],
    [
      'aliases',
      { mcpServers: [{ name: 'a', url: 'https://a', auth: { method: 'oauth', clientId: 'x' } }] },
    ],
    ['other clients', { servers: { a: { command: 'x', alwaysAllow: [] } }, inputs: [] }],
  ])('accepts %s', (_, file) => {
    expect(isValid(file)).toBe(true);
  });

  it.each([
    ['a number for a url', { servers: { a: { url: 5 } } }],
    ['a list of scopes as a mapping', { servers: [{ id: 'a', oauth: { scopes: {} } }] }],
    ['a text for the servers', { servers: 'a' }],
    ['a wrong camelCase setting', { servers: { a: { sseReadTimeout: [] } } }],
  ])('refuses %s', (_, file) => {
    expect(isValid(file)).toBe(false);
  });
});

describe('docs/configuration.md', () => {
  const text = readFileSync(pathOf('docs/configuration.md'), 'utf8');

  it('has the tables that the schema says', async () => {
    await expect(withTables(text)).toMatchFileSnapshot(pathOf('docs/configuration.md'));
  });

  it('has a table for every block', () => {
    const marks = [...text.matchAll(/<!-- keys: (\w+) -->/g)].map(([, name]) => name);
    expect(marks.toSorted()).toStrictEqual(tableNames().toSorted());
  });

  it('shows a first file that loads', async () => {
    const [, first = ''] = /## A first file\n\n```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const result = await check(first, 'yaml', { env: { GITHUB_CLIENT_ID: 'id' } });
    expect(result.problems).toStrictEqual([]);
    expect(result.config?.servers).toHaveLength(Object(parseYaml(first)).servers.length);
  });

  it('shows shapes that all mean one server', async () => {
    const [, part = ''] = /## Shapes\n([\s\S]*?)\n## /.exec(text) ?? [];
    const shapes = [...part.matchAll(/```(\w+)\n([\s\S]*?)```/g)];
    expect(shapes).toHaveLength(5);
    for (const [, ending = '', shape = ''] of shapes) {
      const { name, endpoint } = serverOf(await check(shape, ending));
      expect({ name, endpoint }).toMatchObject({
        name: 'a',
        endpoint: { kind: 'auto', url: 'https://a.example/mcp' },
      });
    }
  });
});
