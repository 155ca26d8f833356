import { describe, expect, it } from 'vitest';
import { check, checkJson, configOf, errors, lines, serverOf, warnings } from './support.ts';

const url = 'https://a.example/mcp';

describe('the shapes of a file', () => {
  it.each([
    ['a list with id', { servers: [{ id: 'a', url }] }],
    ['a list with name', { mcpServers: [{ name: 'a', url }] }],
    ['a map', { servers: { a: { url } } }],
    ['a map of desktop clients', { mcpServers: { a: { url } } }],
    ['a bare map', { a: { url } }],
    [
      'a bare map with blocks',
      {
        $schema: 'x',
        a: { url },
        serve: {},
        tokens: {},
        master_oauth: { issuer: 'https://login.example' },
      },
    ],
  ])('%s gives the same server', async (_, file) => {
    const result = await checkJson(file);
    expect(result.problems).toStrictEqual([]);
    expect(serverOf(result)).toMatchObject({
      name: 'a',
      prefix: 'a',
      endpoint: { kind: 'auto', url, auth: { strategy: 'detect' } },
    });
  });

  it.each(['server', 'oauth', 'headers', 'config', 'url', 'auth'])(
    'a server of a bare map may be called %s',
    async (name) => {
      expect(serverOf(await checkJson({ [name]: { url } })).name).toBe(name);
    },
  );

  it('keeps the order of the file', async () => {
    const names = ['zeta', 'alpha', 'mid'];
    const servers = names.map((id) => ({ id, url }));
    expect(configOf(await checkJson({ servers })).servers.map(({ name }) => name)).toStrictEqual(
      names,
    );
  });

  it("takes what desktop clients write, and warns of what it doesn't know", async () => {
    const result = await checkJson({
      mcpServers: {
        cline: { command: 'a', disabled: true, autoApprove: ['x'], alwaysAllow: [] },
        windsurf: { serverUrl: url, description: 'x' },
        cursor: { type: 'streamableHttp', url },
        claude: { type: 'http', url, oauth: { clientId: 'x', callbackPort: 3118 } },
      },
      inputs: [{ id: 'key' }],
    });
    expect(errors(result)).toStrictEqual([]);
    expect(warnings(result).map((line) => line.split(': ')[0])).toStrictEqual([
      'warning CONFIG_INVALID 6 mcpServers.cline.autoApprove',
      'warning CONFIG_INVALID 9 mcpServers.cline.alwaysAllow',
      'warning CONFIG_INVALID 13 mcpServers.windsurf.description',
      'warning CONFIG_INVALID 28 inputs',
    ]);
    expect(configOf(result).servers).toMatchObject([
      { name: 'cline', enabled: false, endpoint: { kind: 'stdio', command: 'a' } },
      { name: 'windsurf', endpoint: { kind: 'auto', url } },
      { name: 'cursor', endpoint: { kind: 'http' } },
      {
        name: 'claude',
        endpoint: {
          auth: { strategy: 'delegate_oauth', oauth: { clientId: 'x', redirectPort: 3118 } },
        },
      },
    ]);
  });

  it.each([
    ['[{"id": "a"}]', 1, '', 'expected a mapping with "servers", got a list'],
    ['"servers"', 1, '', 'expected a mapping with "servers", got text'],
    ['7', 1, '', 'expected a mapping with "servers", got 7'],
    [
      '{"servers": "a"}',
      1,
      'servers',
      '"servers": expected a list of entries or a map by name, got text',
    ],
    [
      '{"servers": [],\n"mcpServers": {}}',
      2,
      'mcpServers',
      '"servers" and "mcpServers" mean the same, expected one of them',
    ],
    ['{"url": "https://a.example/"}', 1, 'url', `"url" belongs inside a server's entry`],
    [
      '{"servers": {},\n"auth_strategy": "oauth"}',
      2,
      'auth_strategy',
      `"auth_strategy" belongs inside a server's entry`,
    ],
    [
      '{"servers": {},\n"clientId": "x"}',
      2,
      'clientId',
      `"clientId" belongs inside a server's entry, in its block auth_config`,
    ],
    [
      '{"servres": {"a": {"url": "x"}}}',
      1,
      'servres',
      '"servres" is neither a key of the root nor a server\'s entry (a mapping with a url or a command)',
    ],
    [
      '{"a": {"url": "x"},\n"serv": {"b": 1}}',
      2,
      'serv',
      '"serv" is neither a key of the root nor a server\'s entry (a mapping with a url or a command)',
    ],
  ])('%s is refused as a whole', async (text, line, path, message) => {
    const result = await check(text, 'json');
    expect(result.config).toBeUndefined();
    expect(lines(result.problems)).toStrictEqual([
      `error CONFIG_INVALID ${line} ${path}: ${message}`,
    ]);
    expect(result.problems[0]?.hint).toBeTruthy();
  });

  it.each([{ servers: [] }, { servers: {} }, { mcpServers: null }])(
    '%j has no servers, and nothing is wrong',
    async (file) => {
      const result = await checkJson(file);
      expect(result.problems).toStrictEqual([]);
      expect(configOf(result).servers).toStrictEqual([]);
    },
  );

  it('suggests the key of the root that was meant', async () => {
    const { problems } = await checkJson({ servers: {}, sreve: {} });
    expect(problems).toMatchObject([
      { level: 'warning', path: 'sreve', hint: 'Did you mean "serve"?' },
    ]);
  });
});

describe('names', () => {
  it.each([
    ['my server', 'my-server'],
    ['@scope/tool', 'scope-tool'],
    ['Größe', 'Gro-e'],
    ['-x', 'x'],
    ['a'.repeat(33), 'a'.repeat(32)],
    ['!!!', 'my-server'],
    ['日本', 'my-server'],
  ])('%s does not fit, %s is suggested', async (name, suggestion) => {
    const result = await checkJson({ servers: { [name]: { url } } });
    expect(configOf(result).rejected.map((entry) => entry.name)).toStrictEqual([name]);
    expect(result.problems[0]?.message).toContain('expected up to 32 letters');
    expect(result.problems[0]?.hint).toBe(`Use another name, such as "${suggestion}".`);
    expect(serverOf(await checkJson({ servers: { [suggestion]: { url } } })).name).toBe(suggestion);
  });

  it.each(['master', 'mcp-master', 'Master'])('%s is reserved', async (name) => {
    const result = await checkJson({ servers: [{ id: name, url }] });
    expect(errors(result)).toStrictEqual([
      `error CONFIG_INVALID 4 servers[0].id: server ${name}: id: the name "${name}" is reserved for mcp-master itself`,
    ]);
  });

  it('may be there once: the first entry keeps it', async () => {
    const result = await checkJson({
      servers: [
        { id: 'a', url },
        { id: 'a', command: 'x' },
      ],
    });
    expect(configOf(result).servers).toMatchObject([{ name: 'a', endpoint: { url } }]);
    expect(errors(result)).toStrictEqual([
      'error CONFIG_INVALID 7 servers[1]: server a: the name is taken by the entry on line 3',
    ]);
  });

  it('that differ in case alone are a warning', async () => {
    const result = await checkJson({ a: { url }, A: { url } });
    expect(configOf(result).servers).toHaveLength(2);
    expect(warnings(result)).toStrictEqual([
      'warning CONFIG_INVALID 5 A: server A: its name differs from "a" by upper and lower case alone',
    ]);
  });

  it.each([
    [
      { url },
      'error CONFIG_INVALID 3 servers[0]: server servers[0]: expected "id" (or "name"), the name of the server',
    ],
    [
      { id: 5, url },
      'error CONFIG_INVALID 4 servers[0].id: server servers[0]: id: expected the name of the server, got 5',
    ],
    [
      { id: '', url },
      'error CONFIG_INVALID 4 servers[0].id: server servers[0]: id: expected the name of the server, got nothing',
    ],
    [
      'a',
      "error CONFIG_INVALID 3 servers[0]: server servers[0]: expected a server's entry with a url or a command, got text",
    ],
    [
      null,
      "error CONFIG_INVALID 3 servers[0]: server servers[0]: expected a server's entry with a url or a command, got nothing",
    ],
  ])('%j has none', async (entry, expected) => {
    const result = await checkJson({ servers: [entry] });
    expect(errors(result)).toStrictEqual([expected]);
    expect(configOf(result).rejected.map(({ name }) => name)).toStrictEqual(['servers[0]']);
  });

  it('of a map win over a name inside of the entry', async () => {
    const result = await checkJson({ servers: { a: { name: 'Display', url } } });
    expect(serverOf(result).name).toBe('a');
    expect(warnings(result)).toHaveLength(1);
  });
});
