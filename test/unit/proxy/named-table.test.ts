import { describe, expect, it } from 'vitest';
import type { ToolSettings } from '../../../src/config/config.ts';
import { joinNamed } from '../../../src/proxy/named-table.ts';
import { shownTools } from '../../../src/proxy/shown-tools.ts';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { serverConfig } from '../../support/server-config.ts';

const SETTINGS: ToolSettings = { allow: undefined, deny: [], describe: {} };

function tool(name: string, rest: JsonObject = {}): JsonObject {
  return { name, description: `does ${name}`, inputSchema: { type: 'object' }, ...rest };
}

function build(
  servers: {
    name: string;
    prefix?: string;
    settings?: Partial<ToolSettings>;
    tools: JsonObject[];
  }[],
) {
  const lines: string[] = [];
  const warn = (line: string) => lines.push(line);
  const offered = servers.map(({ name, prefix = name, settings, tools }) => {
    const config = serverConfig({ name, prefix, tools: { ...SETTINGS, ...settings } });
    return { config, items: shownTools(config, tools, warn) };
  });
  const table = joinNamed(offered, { nameLimit: 47, reserved: ['mcp-master__status'], warn });
  return { table, names: table.items.map(({ name }) => name), lines };
}

describe('the joined tools', () => {
  it('changes nothing of a tool but its name', () => {
    const definition = tool('x', {
      title: 'X',
      icons: [{ src: 'data:' }],
      annotations: { readOnlyHint: true },
      execution: { taskSupport: 'optional' },
      outputSchema: { $defs: { a: { $ref: '#' } } },
      _meta: { 'ui/resourceUri': 'ui://a' },
      tomorrow: [null, { deep: 1 }],
    });
    const { table } = build([{ name: 's', tools: [definition] }]);
    expect(table.items).toEqual([{ ...definition, name: 's__x' }]);
    expect(table.routes.get('s__x')).toEqual({ server: 's', name: 'x' });
  });

  it('keeps the order of the configuration', () => {
    const { names } = build([
      { name: 'b', tools: [tool('2'), tool('1')] },
      { name: 'a', tools: [tool('1')] },
    ]);
    expect(names).toEqual(['b__2', 'b__1', 'a__1']);
  });

  it('gives nobody a name that is reserved', () => {
    const { names, table } = build([
      { name: 'one', prefix: '', tools: [tool('mcp-master__status')] },
    ]);
    expect(names).toEqual(['one__mcp-master__status']);
    expect(table.routes.get('mcp-master__status')).toBeUndefined();
  });

  it('gives a name without a prefix to the first server in the file, the other gets its own name', () => {
    const { names, table } = build([
      { name: 'one', prefix: '', tools: [tool('read')] },
      { name: 'two', prefix: '', tools: [tool('read'), tool('write')] },
    ]);
    expect(names).toEqual(['read', 'two__read', 'write']);
    expect(table.routes.get('two__read')).toEqual({ server: 'two', name: 'read' });
  });

  it('tells apart what the separator makes ambiguous', () => {
    const { names, table } = build([
      { name: 'a', tools: [tool('b__c')] },
      { name: 'a__b', tools: [tool('c')] },
    ]);
    expect(names[0]).toBe('a__b__c');
    expect(names[1]).toMatch(/^a__b__c_[0-9a-f]{8}$/);
    expect(table.routes.get(String(names[1]))).toEqual({ server: 'a__b', name: 'c' });
  });

  it('leaves out a tool without a name, and the second of two with one name, and says so', () => {
    const { names, lines } = build([
      {
        name: 's',
        tools: [
          { description: 'nameless' },
          tool('x', { first: true }),
          tool('x'),
          { name: 5 },
          { name: '' },
        ],
      },
    ]);
    expect(names).toEqual(['s__x']);
    expect(lines.filter((line) => line.includes('without a name'))).toHaveLength(3);
    expect(lines.filter((line) => line.includes('listed twice'))).toHaveLength(1);
  });

  it.each([
    ['all without filters', {}, ['s__read_a', 's__read/b', 's__delete_a']],
    ['those allowed', { allow: ['read_*'] }, ['s__read_a']],
    ['a star over a slash', { allow: ['read*'] }, ['s__read_a', 's__read/b']],
    ['all but those denied', { deny: ['delete_*'] }, ['s__read_a', 's__read/b']],
    ['what is allowed and not denied', { allow: ['*_a'], deny: ['delete_*'] }, ['s__read_a']],
    ['none of an empty list', { allow: [] }, []],
  ])('shows %s', (_, settings, expected) => {
    const { table, names } = build([
      { name: 's', settings, tools: [tool('read_a'), tool('read/b'), tool('delete_a')] },
    ]);
    const plain = [...table.routes.values()].map((route) => `s__${route.name}`);
    expect(plain).toEqual(expected);
    expect(names).toHaveLength(expected.length);
  });

  it('overrides descriptions by the original name, and only those named', () => {
    const { table } = build([
      { name: 's', settings: { describe: { x: 'mine' } }, tools: [tool('x'), tool('toString')] },
    ]);
    expect(table.items.map(({ description }) => description)).toEqual(['mine', 'does toString']);
  });
});
