import { describe, expect, it } from 'vitest';
import { ResourceTable } from '../../../src/proxy/resource-table.ts';

const warnings: string[] = [];

function table(): ResourceTable {
  return new ResourceTable(
    [
      {
        server: 'one',
        resources: [
          { uri: 'file:///a', name: 'a', extra: { x: 1 } },
          { uri: 'ui://view', name: 'v' },
          { name: 'no uri' },
        ],
        templates: [
          { uriTemplate: 'file:///{name}', name: 't' },
          { uriTemplate: 'bad://{', name: 'broken' },
        ],
      },
      {
        server: 'two',
        resources: [
          { uri: 'file:///a', name: 'mine' },
          { uri: 'db://x?q=1#f', name: 'q' },
          { uri: 'db://x?q=1#f', name: 'again' },
        ],
        templates: [
          { uriTemplate: 'file:///{name}', name: 't2' },
          { uriTemplate: 'db://{table}', name: 't3' },
        ],
      },
    ],
    (message) => warnings.push(message),
  );
}

describe('ResourceTable', () => {
  it('lists URIs as they are, and the second of two under its server', () => {
    expect(table().resources).toEqual([
      { uri: 'file:///a', name: 'a', extra: { x: 1 } },
      { uri: 'ui://view', name: 'v' },
      { uri: 'mcp-master://two/file%3A%2F%2F%2Fa', name: 'mine' },
      { uri: 'db://x?q=1#f', name: 'q' },
    ]);
    expect(table().templates).toEqual([
      { uriTemplate: 'file:///{name}', name: 't' },
      { uriTemplate: 'bad://{', name: 'broken' },
      { uriTemplate: 'mcp-master://two/file%3A%2F%2F%2F{name}', name: 't2' },
      { uriTemplate: 'db://{table}', name: 't3' },
    ]);
    expect(warnings.join()).toContain('bad://{');
  });

  it.each([
    ['file:///a', { server: 'one', uri: 'file:///a' }],
    ['mcp-master://two/file%3A%2F%2F%2Fa', { server: 'two', uri: 'file:///a' }],
    ['mcp-master://two/file%3A%2F%2F%2Fother', { server: 'two', uri: 'file:///other' }],
    ['mcp-master://two/plain/with/slashes', { server: 'two', uri: 'plain/with/slashes' }],
    ['file:///b', { server: 'one', uri: 'file:///b' }],
    ['db://users', { server: 'two', uri: 'db://users' }],
    ['file:///{name}', { server: 'one', uri: 'file:///{name}' }],
    ['mcp-master://nobody/x', undefined],
    ['mcp-master://two', undefined],
    ['mcp-master://two/%E0%A4%A', undefined],
    ['ftp://elsewhere', undefined],
    ['__proto__', undefined],
  ])('routes %s', (uri, route) => {
    expect(table().route(uri)).toEqual(route);
  });

  it('says what the client knows a URI as', () => {
    expect(table().listed('one', 'file:///a')).toBe('file:///a');
    expect(table().listed('two', 'file:///a')).toBe('mcp-master://two/file%3A%2F%2F%2Fa');
    expect(table().listed('two', 'unlisted:1')).toBe('unlisted:1');
  });
});
