import { describe, expect, it } from 'vitest';
import { matches, serversThatName, type ToolRow, toolRows } from '../../../src/cli/tool-rows.ts';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { serverConfig } from '../../support/server-config.ts';

const LIMIT = 47;

function tool(name: string, more: JsonObject = {}): JsonObject {
  return { name, inputSchema: { type: 'object' }, ...more };
}

function rowsOf(...offers: Parameters<typeof toolRows>[0]): { rows: ToolRow[]; warned: string[] } {
  const warned: string[] = [];
  return { rows: toolRows(offers, LIMIT, (message) => warned.push(message)), warned };
}

describe('toolRows', () => {
  it('names each tool as a client sees it, and as its server does', () => {
    const [alpha, plain] = [serverConfig(), serverConfig({ name: 'plain', prefix: '' })];
    const { rows } = rowsOf(
      { config: alpha, tools: [tool('read file', { description: 'Reads.' })] },
      { config: plain, tools: [tool('search')] },
    );
    expect(rows).toEqual([
      {
        ...{ name: expect.stringMatching(/^alpha__read_file_[0-9a-f]{8}$/), server: 'alpha' },
        ...{ original: 'read file', description: 'Reads.', tokens: expect.any(Number) },
      },
      {
        ...{ name: 'search', server: 'plain', original: 'search', description: null },
        tokens: expect.any(Number),
      },
    ]);
  });

  it('counts the characters of what a client gets, divided by four', () => {
    const described = { allow: undefined, deny: [], describe: { echo: 'x'.repeat(400) } };
    const config = serverConfig({ tools: described });
    const { rows } = rowsOf({ config, tools: [tool('echo', { description: 'short', _meta: {} })] });
    const shown = tool('alpha__echo', { description: 'x'.repeat(400), _meta: {} });
    expect(rows).toMatchObject([{ tokens: Math.round(JSON.stringify(shown).length / 4) }]);
    expect(rows[0]?.description).toHaveLength(400);
  });

  it('leaves out what the configuration filters, and says what it leaves out besides', () => {
    const config = serverConfig({ tools: { allow: ['read_*'], deny: ['*_all'], describe: {} } });
    const tools = [tool('read_one'), tool('read_all'), tool('write'), { title: 'nameless' }];
    const { rows, warned } = rowsOf({ config, tools });
    expect(rows.map(({ name }) => name)).toEqual(['alpha__read_one']);
    expect(warned).toEqual(['a tool of server "alpha" without a name is left out']);
  });

  it('gives the second of two with one name the name of its server', () => {
    const [one, two] = ['one', 'two'].map((name) => serverConfig({ name, prefix: '' }));
    if (one === undefined || two === undefined) throw new Error('there are two');
    const { rows } = rowsOf(
      { config: one, tools: [tool('search')] },
      { config: two, tools: [tool('search')] },
    );
    expect(rows.map(({ name, server }) => [name, server])).toEqual([
      ['search', 'one'],
      ['two__search', 'two'],
    ]);
  });

  it('keeps the names of our own tools for them', () => {
    const config = serverConfig({ name: 'plain', prefix: '' });
    const { rows } = rowsOf({ config, tools: [tool('mcp-master__status')] });
    expect(rows[0]?.name).not.toBe('mcp-master__status');
  });

  it('shows no description that is not a text', () => {
    const { rows } = rowsOf({ config: serverConfig(), tools: [tool('odd', { description: 7 })] });
    expect(rows).toMatchObject([{ description: null }]);
  });
});

describe('matches', () => {
  const row: ToolRow = {
    ...{ name: 'github__Create_Issue', server: 'github', original: 'Create.Issue' },
    ...{ description: 'Opens a ticket', tokens: 1 },
  };

  it.each(['create_issue', 'CREATE.ISSUE', 'TICKET', 'GitHub', ''])('finds %j', (text) => {
    expect(matches(row, text)).toBe(true);
  });

  it.each(['delete', 'null', 'open.'])('does not find %j', (text) => {
    expect(matches(row, text)).toBe(false);
    expect(matches({ ...row, description: null }, text)).toBe(false);
  });
});

describe('serversThatName', () => {
  const all = [
    serverConfig({ name: 'plain', prefix: '' }),
    serverConfig({ name: 'off', prefix: '', enabled: false }),
    serverConfig({ name: 'other' }),
    serverConfig({ name: 'git' }),
    serverConfig({ name: 'longer', prefix: 'git__hub' }),
    serverConfig({ name: 'late', prefix: '' }),
  ];
  const namesOf = (name: string) => {
    const server = all.find((known) => known.name === name);
    if (server === undefined) throw new Error(`there is no ${name}`);
    return serversThatName(server, all).map((one) => one.name);
  };

  it.each([
    ['plain', ['plain']],
    ['git', ['plain', 'git']],
    ['longer', ['plain', 'git', 'longer']],
    ['late', ['plain', 'other', 'git', 'longer', 'late']],
  ])('asks for %s those that may have its names', (name, asked) => {
    expect(namesOf(name)).toEqual(asked);
  });
});
