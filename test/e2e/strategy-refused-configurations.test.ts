import { describe, expect, it } from 'vitest';
import { supportProgram } from '../support/bin.ts';
import { type AuthHome, createAuthHome } from '../support/oauth/auth-home.ts';
import { listed, refusalOf } from '../support/oauth/strategy-stage.ts';
import { startWitness } from '../support/oauth/strategy-witness.ts';

const TOKEN = 'the-master-token-of-this-test';
const URL_ = 'https://api.example/mcp';
const PROGRAM = [supportProgram('recording-backend.mjs'), 'stdio'];

/** A problem of `config check`. */
interface Problem {
  level: string;
  path: string;
  line: number | null;
  code: string;
  message: string;
  hint: string | null;
}

interface Report {
  servers: number;
  problems: Problem[];
}

/** Servers beside one that is fine; `more` are keys beside them. */
async function configure(home: AuthHome, servers: Record<string, object>, more: object = {}) {
  const fine = await startWitness();
  const all = { ...servers, fine: { url: fine.url, auth_strategy: 'bypass_auth' } };
  await home.configure(all, more);
  return fine;
}

async function errorsOf(home: AuthHome, env: Record<string, string> = {}) {
  const { value, code } = await home.json<Report>(['config', 'check'], { env });
  return { code, errors: value.problems.filter(({ level }) => level === 'error') };
}

/** What the configuration can not do by name, and where. */
const NAMED: [where: string, entry: object][] = [
  ['headers.X-Token', { url: URL_, headers: { 'X-Token': 'env:MCP_MASTER_TOKEN' } }],
  ['headers.X-Token', { url: URL_, headers: { 'X-Token': `\${MCP_MASTER_TOKEN}` } }],
  [
    'headers.Authorization',
    { url: URL_, headers: { Authorization: `Bearer \${env:MCP_MASTER_TOKEN}` } },
  ],
  ['headers.X-Team', { url: URL_, headers: { 'X-Team': `a \${MCP_MASTER_TOKEN:-core} b` } }],
  ['url', { url: `${URL_}?key=\${MCP_MASTER_TOKEN}`, auth_strategy: 'bypass_auth' }],
  ['url', { url: `\${MCP_MASTER_TOKEN:-https://api.example/mcp}`, auth_strategy: 'master_oauth' }],
  ['api_key.key', { url: URL_, api_key: { key: 'env:MCP_MASTER_TOKEN' } }],
  ['api_key.template', { url: URL_, api_key: { key: 'k', template: `{key}\${MCP_MASTER_TOKEN}` } }],
  [
    'auth_config.token_source',
    {
      ...{ url: URL_, auth_strategy: 'proxy_oauth' },
      auth_config: { token_source: 'env:MCP_MASTER_TOKEN' },
    },
  ],
  [
    'auth_config.client_secret',
    { url: URL_, auth_config: { client_id: 'x', client_secret: 'env:MCP_MASTER_TOKEN' } },
  ],
  ['auth_config.client_id', { url: URL_, auth_config: { client_id: `\${MCP_MASTER_TOKEN}` } }],
  [
    'auth_config.extra_params.hint',
    { url: URL_, auth_config: { extra_params: { hint: `\${MCP_MASTER_TOKEN}` } } },
  ],
  [
    'env.TOKEN',
    { command: process.execPath, args: PROGRAM, env: { TOKEN: 'env:MCP_MASTER_TOKEN' } },
  ],
  [
    'env.MCP_MASTER_TOKEN',
    { command: process.execPath, args: PROGRAM, env: { MCP_MASTER_TOKEN: `\${MCP_MASTER_TOKEN}` } },
  ],
  ['args[2]', { command: process.execPath, args: [...PROGRAM, `--token=\${MCP_MASTER_TOKEN}`] }],
  ['command', { command: `\${MCP_MASTER_TOKEN:-node}`, args: PROGRAM }],
  ['cwd', { command: process.execPath, args: PROGRAM, cwd: `\${MCP_MASTER_TOKEN:-.}` }],
];

describe('MCP_MASTER_TOKEN can not be handed on by name', () => {
  it.each(NAMED)('at %s (%j)', async (where, entry) => {
    const home = await createAuthHome();
    const fine = await configure(home, { bad: entry });
    for (const env of [{ MCP_MASTER_TOKEN: TOKEN }, {}]) {
      const { code, errors } = await errorsOf(home, env);
      expect(code).toBe(2);
      expect(errors).toContainEqual({
        ...{ level: 'error', code: 'CONFIG_INVALID', path: `servers.bad.${where}` },
        line: expect.any(Number),
        message: expect.stringMatching(/^server bad: .*MCP_MASTER_TOKEN/),
        hint: expect.stringContaining('auth_strategy: master_oauth'),
      });
      expect(JSON.stringify(errors)).not.toContain(TOKEN);
    }
    const env = { MCP_MASTER_TOKEN: TOKEN };
    expect(await listed(home, env)).toMatchObject({
      bad: { state: 'error', error: { code: 'CONFIG_INVALID' } },
      fine: { state: 'ready' },
    });
    expect(fine.hasSeen(TOKEN)).toBe(false);
  });

  it('nor in the root block, whose login there is then none', async () => {
    const home = await createAuthHome();
    const master_oauth = { issuer: URL_, client_id: 'x', client_secret: 'env:MCP_MASTER_TOKEN' };
    await configure(home, {}, { master_oauth });
    const env = { MCP_MASTER_TOKEN: TOKEN };
    const { code, errors } = await errorsOf(home, env);
    expect(code).toBe(2);
    expect(errors).toMatchObject([
      { code: 'CONFIG_INVALID', path: 'master_oauth.client_secret', line: expect.any(Number) },
    ]);
    expect(JSON.stringify(errors)).not.toContain(TOKEN);
    expect(await listed(home, env)).toMatchObject({ fine: { state: 'ready' } });
    const login = await home.run(['auth', 'login', '--server=master']);
    expect(login).toMatchObject({ code: 2, stdout: '' });
  });
});

const REMOTE_HTTP = 'http://api.example/mcp';

/** Entries that contradict themselves, or send a token where it must not go. */
const WRONG: [
  what: string,
  entry: object,
  error: { code: string; path: string; hint: RegExp },
  more?: object,
][] = [
  [
    'master_oauth that may not pass the token on',
    { url: URL_, auth_strategy: 'master_oauth', auth_config: { allow_passthrough: false } },
    { code: 'CONFIG_INVALID', path: 'auth_config.allow_passthrough', hint: /take this out/ },
  ],
  [
    'master_oauth without encryption',
    { url: REMOTE_HTTP, auth_strategy: 'master_oauth' },
    { code: 'INSECURE_URL', path: 'url', hint: /https/ },
  ],
  [
    'proxy_oauth with passthrough without encryption',
    { url: REMOTE_HTTP, auth_strategy: 'proxy_oauth', auth_config: { allow_passthrough: true } },
    { code: 'INSECURE_URL', path: 'url', hint: /https/ },
  ],
  [
    'master_oauth with a token_source',
    { url: URL_, auth_strategy: 'master_oauth', auth_config: { token_source: 'env:X' } },
    { code: 'CONFIG_INVALID', path: 'auth_config.token_source', hint: /proxy_oauth/ },
  ],
  [
    'a token_source of another strategy',
    { url: URL_, auth_strategy: 'delegate_oauth', auth_config: { token_source: 'env:X' } },
    { code: 'CONFIG_INVALID', path: 'auth_config.token_source', hint: /proxy_oauth/ },
  ],
  [
    'a token in place of its source',
    { url: URL_, auth_strategy: 'proxy_oauth', auth_config: { token_source: TOKEN } },
    { code: 'CONFIG_INVALID', path: 'auth_config.token_source', hint: /secret set/ },
  ],
  [
    'master_oauth beside an Authorization header',
    { url: URL_, auth_strategy: 'master_oauth', headers: { Authorization: 'Bearer x' } },
    { code: 'CONFIG_INVALID', path: 'headers.Authorization', hint: /one of the two/ },
  ],
  [
    'proxy_oauth beside an API key',
    { url: URL_, auth_strategy: 'proxy_oauth', api_key: { header: 'X-Key', key: 'k' } },
    { code: 'CONFIG_INVALID', path: 'api_key', hint: /one of the two/ },
  ],
  [
    'bypass_auth with a credential',
    { url: URL_, auth_strategy: 'bypass_auth', headers: { Authorization: 'Bearer x' } },
    { code: 'CONFIG_INVALID', path: 'headers.Authorization', hint: /auth_strategy: headers/ },
  ],
  [
    'a strategy that there is not',
    { url: URL_, auth_strategy: 'master_auth' },
    { code: 'CONFIG_INVALID', path: 'auth_strategy', hint: /master_oauth/ },
  ],
];

describe('an entry that is wrong is left out, and says why:', () => {
  it.each(WRONG)('%s', async (_, entry, { code, path, hint }) => {
    const home = await createAuthHome({ MCP_MASTER_TOKEN: TOKEN });
    const fine = await configure(home, { bad: entry });
    const { code: exit, errors } = await errorsOf(home);
    expect(exit).toBe(2);
    const [error, ...others] = errors;
    expect(error).toMatchObject({ code, path: `servers.bad.${path}`, line: expect.any(Number) });
    expect(`${error?.message} ${error?.hint}`).toMatch(hint);
    expect(others).toEqual([]);
    expect(JSON.stringify(errors)).not.toContain(TOKEN);
    expect(await listed(home)).toMatchObject({
      ...{ bad: { state: 'error', error: { code } }, fine: { state: 'ready' } },
    });
    const client = await home.serve();
    expect(await refusalOf(client, 'fine')).toBeUndefined();
    expect(await refusalOf(client, 'bad')).toBeDefined();
    expect(client.stderr).not.toContain(TOKEN);
    expect(fine.hasSeen(TOKEN)).toBe(false);
  });
});

/** What `resource` of the root block means for a server at https://api.example/mcp. */
const RESOURCES: [what: string, resource: string | false, settings: object, isRefused: boolean][] =
  [
    ['itself', URL_, {}, false],
    ['all of its origin', 'https://api.example', {}, false],
    ['nobody', false, {}, false],
    ['another origin', 'https://other.example/mcp', {}, true],
    ['another port', 'https://api.example:8443/mcp', {}, true],
    ['another scheme', 'http://api.example/mcp', {}, true],
    ['another path', 'https://api.example/other', {}, true],
    ['a longer path', 'https://api.example/mcp2', {}, true],
    [
      'another origin, which it allows',
      'https://other.example/mcp',
      { allow_passthrough: true },
      false,
    ],
  ];

describe("the master's tokens for", () => {
  it.each(RESOURCES)('%s (%s, %j): refused %s', async (_, resource, settings, isRefused) => {
    const home = await createAuthHome();
    const entry = { url: URL_, auth_strategy: 'master_oauth', auth_config: settings };
    const master_oauth = { issuer: 'https://issuer.example', resource };
    await configure(home, { bad: entry }, { master_oauth });
    const { code, errors } = await errorsOf(home);
    if (!isRefused) return expect({ code, errors }).toEqual({ code: 0, errors: [] });
    expect(code).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'CONFIG_INVALID', line: expect.any(Number) });
    expect(errors[0]?.path).toMatch(/^servers\.bad\b/);
    expect(`${errors[0]?.message} ${errors[0]?.hint}`).toMatch(
      /master's token[\s\S]*allow_passthrough: true/,
    );
    expect(await listed(home)).toMatchObject({
      bad: { state: 'error', error: { code: 'CONFIG_INVALID' } },
      fine: { state: 'ready' },
    });
  });
});

/** Root blocks with which nobody can log in. */
const BLOCKS: [what: string, block: unknown, path: RegExp, message: RegExp][] = [
  ['names no authorization server', { client_id: 'x' }, /^master_oauth$/, /issuer/],
  [
    'names one endpoint of two',
    { authorization_endpoint: 'https://issuer.example/authorize' },
    /^master_oauth$/,
    /token_endpoint/,
  ],
  ['is no mapping', 'https://issuer.example', /^master_oauth$/, /mapping/],
  [
    'names a provider that there is not',
    { provider: 'githab' },
    /^master_oauth\.provider$/,
    /github/,
  ],
  [
    'leads over a network without encryption',
    { issuer: 'http://issuer.example' },
    /^master_oauth\.issuer$/,
    /https/,
  ],
];

describe('a root block that', () => {
  it.each(BLOCKS)('%s keeps no server from starting', async (_, block, path, message) => {
    const home = await createAuthHome();
    await configure(home, {}, { master_oauth: block });
    const { code, errors } = await errorsOf(home);
    expect(code).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.path).toMatch(path);
    expect(errors[0]?.line).toEqual(expect.any(Number));
    expect(`${errors[0]?.message} ${errors[0]?.hint}`).toMatch(message);
    expect(await listed(home)).toMatchObject({ fine: { state: 'ready' } });
    const login = await home.run(['auth', 'login', '--server=master']);
    expect(login).toMatchObject({ code: 2, stdout: '' });
    expect(login.stderr).toMatch(/CONFIG_INVALID|INSECURE_URL/);
  });
});
