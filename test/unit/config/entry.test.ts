import { describe, expect, it } from 'vitest';
import { checkEntry, checkJson, errors, lines, serverOf, warnings } from './support.ts';

const url = 'https://a.example/mcp';

/** The messages of an entry's errors, without what all of them have in front. */
async function messages(entry: unknown): Promise<string[]> {
  return errors(await checkEntry(entry)).map((line) => line.replace(/^.*?: server x: /, ''));
}

describe('every key of an entry', () => {
  it('has its place in the result', async () => {
    const entry = {
      url,
      transport: 'sse',
      enabled: false,
      prefix: '',
      headers: { 'X-Team': 'core', 'X-Number': 5, 'X-Flag': true },
      timeout: 1.5,
      startup_timeout: 2,
      sse_read_timeout: 3,
      tools: { allow: ['read_*'], deny: ['delete_*'], describe: { create: 'Makes one.' } },
      rate_limit: { requests: 10, per: 5 },
      pin: 'strict',
    };
    expect(serverOf(await checkEntry(entry))).toStrictEqual({
      name: 'x',
      enabled: false,
      prefix: '',
      endpoint: {
        kind: 'sse',
        url,
        headers: { 'X-Team': 'core', 'X-Number': '5', 'X-Flag': 'true' },
        auth: { strategy: 'detect' },
        sseReadTimeout: 3,
      },
      timeout: 1.5,
      startupTimeout: 2,
      tools: { allow: ['read_*'], deny: ['delete_*'], describe: { create: 'Makes one.' } },
      rateLimit: { requests: 10, per: 5 },
      pin: 'strict',
      fingerprint: expect.any(String),
      secretRefs: [],
    });
  });

  it('has the same place in camelCase', async () => {
    const snake = { url, startup_timeout: 2, sse_read_timeout: 3, rate_limit: { requests: 1 } };
    const camel = { url, startupTimeout: 2, sseReadTimeout: 3, rateLimit: { requests: 1 } };
    const [a, b] = [serverOf(await checkEntry(snake)), serverOf(await checkEntry(camel))];
    expect({ ...b, fingerprint: '' }).toStrictEqual({ ...a, fingerprint: '' });
    expect(a.rateLimit).toStrictEqual({ requests: 1, per: 60 });
  });

  it.each([
    ['timeout', 0, 'timeout: expected a number of seconds above 0 and up to 2147483, got 0'],
    ['timeout', -5, 'timeout: expected a number of seconds above 0 and up to 2147483, got -5'],
    [
      'timeout',
      2_147_484,
      'timeout: expected a number of seconds above 0 and up to 2147483, got 2147484',
    ],
    [
      'timeout',
      'soon',
      'timeout: expected a number of seconds above 0 and up to 2147483, got text',
    ],
    ['timeout', '', 'timeout: expected a number of seconds above 0 and up to 2147483, got nothing'],
    [
      'startup_timeout',
      '0x10',
      'startup_timeout: expected a number of seconds above 0 and up to 2147483, got text',
    ],
    [
      'sseReadTimeout',
      [],
      'sseReadTimeout: expected a number of seconds above 0 and up to 2147483, got a list',
    ],
    ['enabled', 'maybe', 'enabled: expected true or false, got text'],
    ['disabled', 1, 'disabled: expected true or false, got 1'],
    ['prefix', 'a.b', 'prefix: expected at most 32 letters, digits, _ and -, got text'],
    ['headers', [], 'headers: expected a mapping of header names to text, got a list'],
    ['headers', null, 'headers: expected a mapping of header names to text, got nothing'],
    ['headers', { 'X-A': null }, 'headers.X-A: expected text, got nothing'],
    ['headers', { 'X-A': { b: 1 } }, 'headers.X-A: expected text, got a mapping'],
    ['tools', { allow: 'read_*' }, 'tools.allow: expected a list of tool names or globs, got text'],
    [
      'tools',
      { deny: [{}] },
      'tools.deny[0]: expected a list of tool names or globs, got a mapping',
    ],
    [
      'rate_limit',
      { requests: 1.5 },
      'rate_limit.requests: expected a whole number from 1 to 1000000, got 1.5',
    ],
    ['rate_limit', { per: 1 }, 'rate_limit: expected "requests", how many are allowed'],
    ['pin', 'hard', 'pin: expected one of off, warn, strict, got "hard"'],
    ['transport', 'htpp', 'transport: expected one of auto, stdio, http, sse, local, got "htpp"'],
    [
      'auth_strategy',
      'magic',
      'auth_strategy: expected one of delegate_oauth, master_oauth, proxy_oauth, bypass_auth, headers, api_key, got "magic"',
    ],
    [
      'auth',
      { method: 'saml' },
      'auth.method: expected one of delegate_oauth, master_oauth, proxy_oauth, bypass_auth, headers, api_key, got "saml"',
    ],
    [
      'oauth',
      { redirect_port: 70_000 },
      'oauth.redirect_port: expected a whole number from 1 to 65535, got 70000',
    ],
    ['oauth', true, 'oauth: expected a mapping, got true'],
    [
      'oauth',
      { client_id: 1e21 },
      'oauth.client_id: expected text in quotes: such a number loses digits, got 1e+21',
    ],
    [
      'oauth',
      { client_secret: 1e21 },
      'oauth.client_secret: expected text in quotes: such a number loses digits, got a number',
    ],
  ])('is checked: %s %j', async (key, value, expected) => {
    expect(await messages({ url, [key]: value })).toStrictEqual([expected]);
  });

  it('is checked together with all others, each with its line', async () => {
    const result = await checkJson({
      servers: [
        { id: 'x', url: 'ftp://a.example', timeout: -1, oauth: { scopes: 5, issuer: 'x' } },
      ],
    });
    expect(errors(result)).toStrictEqual([
      'error CONFIG_INVALID 5 servers[0].url: server x: url: expected a URL with http or https, got ftp',
      'error CONFIG_INVALID 6 servers[0].timeout: server x: timeout: expected a number of seconds above 0 and up to 2147483, got -1',
      'error CONFIG_INVALID 8 servers[0].oauth.scopes: server x: oauth.scopes: expected a list of scopes, or one text with blanks between them, got 5',
      'error CONFIG_INVALID 9 servers[0].oauth.issuer: server x: oauth.issuer: expected a whole URL such as https://example.com/mcp',
    ]);
  });

  it.each([
    ['transprot', 'transport'],
    ['hedaers', 'headers'],
    ['authStratgy', 'auth_strategy'],
    ['protocoll', 'protocol'],
  ])('that is unknown is a warning: %s is near %s', async (key, meant) => {
    const result = await checkEntry({ url, [key]: 'x' });
    expect(lines(result.problems)).toStrictEqual([
      `warning CONFIG_INVALID 5 servers.x.${key}: server x: ${key}: this key is not known and has no effect`,
    ]);
    expect(result.problems[0]?.hint).toBe(`Did you mean "${meant}"?`);
  });

  it('that is unknown and near to nothing has no suggestion', async () => {
    expect((await checkEntry({ url, description: 'x' })).problems[0]?.hint).toBeUndefined();
    expect(warnings(await checkEntry({ url, tools: { alow: [] } }))).toHaveLength(1);
  });

  it.each([
    [
      { type: 'http', transport: 'sse' },
      'transport: "type" and "transport" mean the same and have different values',
    ],
    [
      { oauth: { client_id: 'a', clientId: 'b' } },
      'oauth.clientId: "client_id" and "clientId" mean the same and have different values',
    ],
    [
      { oauth: {}, auth: { method: 'oauth' } },
      'auth: "oauth" and "auth" mean the same and have different values',
    ],
    [{ enabled: true, disabled: true }, 'disabled: contradicts "enabled"'],
    [
      { auth_strategy: 'proxy_oauth', auth: { method: 'oauth' } },
      'auth.method: contradicts "auth_strategy"',
    ],
  ])('has one value under two names: %j', async (keys, expected) => {
    const found = errors(await checkEntry({ url, ...keys }));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected.replace(/^[^"]*?: (?=")/, ''));
  });

  it.each([
    [{ type: 'streamable_http', transport: 'http', protocol: 'streamableHttp' }],
    [{ oauth: { scopes: ['a'] }, auth: { scopes: ['a'] } }],
    [{ enabled: true, disabled: false }],
    [{ auth_strategy: 'delegate_oauth', auth: { method: 'oauth' } }],
  ])('may be repeated under another name: %j', async (keys) => {
    expect(await messages({ url, ...keys })).toStrictEqual([]);
  });
});

describe('the transport', () => {
  it.each([
    [{ command: 'x' }, 'stdio'],
    [{ command: 'x', type: 'stdio' }, 'stdio'],
    [{ command: 'x', protocol: 'auto' }, 'stdio'],
    [{ url }, 'auto'],
    [{ url, protocol: 'auto' }, 'auto'],
    [{ url, protocol: 'http' }, 'http'],
    [{ url, transport_type: 'streamable_http' }, 'http'],
    [{ url, type: 'streamable-http' }, 'http'],
    [{ url, type: 'streamableHttp' }, 'http'],
    [{ url, type: 'SSE' }, 'sse'],
    [{ url, type: 'local', config: { port: 4100 } }, 'auto'],
  ])('of %j is %s', async (entry, kind) => {
    expect(serverOf(await checkEntry(entry)).endpoint.kind).toBe(kind);
  });

  it.each([
    [{ type: 'local', config: { port: 4100 } }, 'http://127.0.0.1:4100/mcp'],
    [{ type: 'local', config: { port: 4100, path: '/v1/mcp' } }, 'http://127.0.0.1:4100/v1/mcp'],
    [{ type: 'local', config: { port: 4100 }, url }, url],
  ])('of %j is at %s', async (entry, expected) => {
    expect(serverOf(await checkEntry(entry)).endpoint).toMatchObject({ url: expected });
  });

  it.each([
    [{}, 'expected a command or a url'],
    [{ command: 'x', url }, 'url: an entry has either a command or a url, this one has both'],
    [{ command: 'x', type: 'http' }, 'transport: http is for a url, but the entry has a command'],
    [{ url, transport: 'stdio' }, 'transport: stdio is for a command, but the entry has a url'],
    [{ type: 'local' }, 'type: expected a url, or a port'],
    [{ type: 'local', config: {} }, 'config: expected "port", a whole number from 1 to 65535'],
    [
      { type: 'local', config: { port: 0 } },
      'config.port: expected a whole number from 1 to 65535, got 0',
    ],
    [
      { type: 'local', config: { port: 1, path: 'mcp' } },
      'config.path: expected a path that starts with /',
    ],
    [{ config: { port: 4100 } }, 'config: expected a url, or a port'],
    [{ command: '' }, 'command: expected the program to start, got nothing'],
    [{ command: ['x', 'y'] }, 'command: expected the program to start, got a list'],
    [{ url: '' }, 'url: expected a URL, got nothing'],
    [{ url: 'a.example' }, 'url: expected a whole URL such as https://example.com/mcp'],
    [{ url: 'https://a b/' }, 'url: expected a whole URL such as https://example.com/mcp'],
    [{ url: 'ws://a.example/' }, 'url: expected a URL with http or https, got ws'],
    [{ url: 'https://u:p@a.example/' }, 'url: a URL can not carry a user name or a password'],
    [{ url: 'https://u@a.example/' }, 'url: a URL can not carry a user name or a password'],
    [{ url: 'https://a.example/#x' }, 'url: a URL to send requests to has no fragment (#…)'],
  ])('of %j is an error', async (entry, expected) => {
    const [found, ...others] = await messages(entry);
    expect(others).toStrictEqual([]);
    expect(found?.replace(/^type: (http|stdio) is/, 'transport: $1 is')).toBe(expected);
  });

  it.each([
    ['remote', 'a url is enough'],
    ['docker', 'command: docker'],
    ['npm', 'command: npx'],
    ['pypi', 'command: uvx'],
    ['git', 'the command that starts it'],
    ['websocket', 'Streamable HTTP'],
    ['htp', 'Did you mean "http"?'],
  ])('%s is refused, with what to write instead', async (type, hint) => {
    const { problems } = await checkEntry({ url, type });
    expect(problems).toMatchObject([
      { level: 'error', path: 'servers.x.type', hint: expect.stringContaining(hint) },
    ]);
  });
});

describe('a stdio entry', () => {
  it('has arguments, variables and a folder', async () => {
    const entry = {
      command: '~/bin/run',
      args: ['-y', 5, true],
      env: { A: 'text', B: 5, C: false, D: '' },
      cwd: 'tools',
    };
    expect(serverOf(await checkEntry(entry)).endpoint).toStrictEqual({
      kind: 'stdio',
      command: '/home/ann/bin/run',
      args: ['-y', '5', 'true'],
      env: { A: 'text', B: '5', C: 'false', D: '' },
      cwd: '/etc/mm/tools',
    });
  });

  it.each([
    ['~', '/home/ann'],
    ['~/x', '/home/ann/x'],
    ['~x', '/etc/mm/~x'],
    ['/x', '/x'],
    ['../x', '/etc/x'],
  ])('in the folder %s works in %s', async (cwd, expected) => {
    expect(serverOf(await checkEntry({ command: 'x', cwd })).endpoint).toMatchObject({
      cwd: expected,
    });
  });

  it.each([
    [{ env: { A: null } }, 'env.A: expected text, got nothing'],
    [{ env: { 'A=B': 'x' } }, 'env["A=B"]: expected the name of a variable, without "="'],
    [{ env: { A: 'x\0' } }, 'env.A: a variable has no NUL in it'],
    [{ args: ['x\0'] }, 'args: an argument has no NUL in it'],
    [{ args: '-y x' }, 'args: expected a list of arguments, got text'],
    [{ args: [null] }, 'args[0]: expected a list of arguments, got nothing'],
    [
      { auth_strategy: 'delegate_oauth' },
      'auth_strategy: delegate_oauth needs a url, but the entry has a command',
    ],
    [{ oauth: { client_id: 'x' } }, 'oauth: a program gets no requests that could carry it'],
    [{ api_key: { key: 'env:HOME' } }, 'api_key: a program gets no requests that could carry it'],
    [{ args: ['keyring:x'] }, 'args[0]: a stored secret can not be used here'],
  ])('is checked: %j', async (keys, expected) => {
    const result = await checkEntry({ command: 'x', ...keys }, { HOME: '/' });
    expect(errors(result).map((line) => line.replace(/^.*?: server x: /, ''))).toStrictEqual([
      expected,
    ]);
  });

  it('warns of keys that belong to a url, and the other way round', async () => {
    const stdio = { command: 'x', headers: {}, sse_read_timeout: 5, auth_strategy: 'none' };
    expect(warnings(await checkEntry(stdio)).map((line) => line.split(' ')[3])).toStrictEqual([
      'servers.x.headers:',
      'servers.x.sse_read_timeout:',
    ]);
    const remote = { url, args: [], env: {}, cwd: '/' };
    expect(warnings(await checkEntry(remote)).map((line) => line.split(' ')[3])).toStrictEqual([
      'servers.x.args:',
      'servers.x.env:',
      'servers.x.cwd:',
    ]);
  });
});
