import { describe, expect, it } from 'vitest';
import type { Config, ServerConfig } from '../../../src/config/config.ts';
import { checkConfig } from '../../../src/config/load.ts';
import { compareServers } from '../../../src/proxy/server-changes.ts';
import { configOf, worldOf } from '../config/support.ts';

const STDIO = { command: 'npx', args: ['-y', 'server'], env: { A: '1', B: '2' } };
const REMOTE = { url: 'https://api.example.com/mcp', headers: { 'X-One': '1', 'X-Two': '2' } };
const MASTER = { issuer: 'https://login.example.com', client_id: 'us' };
const NOTHING = { added: [], changed: [], removed: [] };

/** What a file and an environment may say. */
interface Said {
  servers?: Record<string, object>;
  more?: object;
  env?: Record<string, string>;
}

async function configure({ servers = {}, more = {}, env = {} }: Said): Promise<Config> {
  const files = { '/etc/mm/config.json': JSON.stringify({ ...more, servers }) };
  return configOf(await checkConfig({ folder: '/etc/mm' }, worldOf({ files, env })));
}

async function compare(before: Said, after: Said, platform = 'linux') {
  const [one, other] = await Promise.all([configure(before), configure(after)]);
  return compareServers(one, other, platform);
}

/** Compares a server with the same one with something laid over it. */
function compareEntry(entry: object, over: object, said: Said = {}) {
  return compare(
    { ...said, servers: { x: entry } },
    { ...said, servers: { x: { ...entry, ...over } } },
  );
}

describe('compareServers', () => {
  it('names what is new, what is gone, and what is neither', async () => {
    expect(
      await compare(
        { servers: { left: STDIO, kept: REMOTE } },
        { servers: { kept: REMOTE, new: STDIO } },
      ),
    ).toEqual({ added: ['new'], changed: [], removed: ['left'] });
  });

  it('takes a server that is not enabled for one that is not there', async () => {
    const off = { ...STDIO, enabled: false };
    expect(await compare({ servers: { x: STDIO } }, { servers: { x: off } })).toEqual({
      ...{ ...NOTHING, removed: ['x'] },
    });
    expect(await compare({ servers: { x: off } }, { servers: { x: STDIO } })).toEqual({
      ...{ ...NOTHING, added: ['x'] },
    });
    expect(await compare({ servers: { x: off } }, { servers: {} })).toEqual(NOTHING);
  });

  it.each<[string, object, object]>([
    ['command', STDIO, { command: 'node' }],
    ['args', STDIO, { args: ['server', '-y'] }],
    ['env', STDIO, { env: { A: '1', B: '3' } }],
    ['cwd', STDIO, { cwd: '/srv' }],
    ['timeout', STDIO, { timeout: 5 }],
    ['startup_timeout', STDIO, { startup_timeout: 5 }],
    ['rate_limit', STDIO, { rate_limit: { requests: 1, per: 1 } }],
    ['url', REMOTE, { url: 'https://api.example.com/other' }],
    ['transport', REMOTE, { transport: 'sse' }],
    ['headers', REMOTE, { headers: { 'X-One': '2' } }],
    ['sse_read_timeout', REMOTE, { sse_read_timeout: 5 }],
    ['auth_strategy', REMOTE, { auth_strategy: 'bypass_auth' }],
    ['a stored secret', REMOTE, { headers: { Authorization: 'keyring:one' } }],
  ])('sees another %s', async (_, entry, over) => {
    expect(await compareEntry(entry, over)).toEqual({ ...NOTHING, changed: ['x'] });
  });

  it.each<[string, object, object]>([
    ['prefix', STDIO, { prefix: 'other' }],
    ['tools', STDIO, { tools: { allow: ['a'], deny: ['b'], describe: { a: 'b' } } }],
    ['pin', STDIO, { pin: 'off' }],
    ['order of variables', STDIO, { env: { B: '2', A: '1' } }],
    ['order of headers', REMOTE, { headers: { 'X-Two': '2', 'X-One': '1' } }],
    ['spelling of what is so by default', REMOTE, { transport: 'auto', timeout: 60 }],
  ])('connects nothing anew for another %s', async (_, entry, over) => {
    expect(await compareEntry(entry, over)).toEqual(NOTHING);
  });

  it('goes by the values of variables, not by how they are written', async () => {
    const entry = { ...STDIO, env: { A: 'env:COLOUR', B: '2' } };
    const red = { servers: { x: entry }, env: { COLOUR: 'red' } };
    expect(await compare(red, { ...red, env: { COLOUR: 'blue' } })).toMatchObject({
      changed: ['x'],
    });
    const written = { ...STDIO, env: { A: 'red', B: '2' } };
    expect(await compare(red, { ...red, servers: { x: written } })).toEqual(NOTHING);
    expect(await compare(red, { ...red, env: { COLOUR: 'red', OTHER: '1' } })).toEqual(NOTHING);
  });

  it('does not mind where in the file a server with a stored secret is', async () => {
    const secret = { id: 'x', ...REMOTE, headers: { Authorization: 'keyring:one' } };
    const [before, after] = await Promise.all(
      [[secret], [{ id: 'new', ...STDIO }, secret]].map(async (servers) => {
        const files = { '/etc/mm/config.json': JSON.stringify({ servers }) };
        return configOf(await checkConfig({ folder: '/etc/mm' }, worldOf({ files })));
      }),
    );
    expect(before && after && compareServers(before, after, 'linux')).toEqual({
      ...{ ...NOTHING, added: ['new'] },
    });
  });

  describe("with the master's token", () => {
    const uses = { ...REMOTE, auth_strategy: 'master_oauth' };
    const passes = {
      ...REMOTE,
      auth_strategy: 'proxy_oauth',
      auth_config: { client_id: 'it', allow_passthrough: true },
    };
    const servers = { local: STDIO, open: REMOTE, passes, uses };

    it.each<[string, Said, Said]>([
      [
        'its block',
        { more: { master_oauth: MASTER } },
        { more: { master_oauth: { ...MASTER, scopes: ['x'] } } },
      ],
      ['its token', { env: { MCP_MASTER_TOKEN: 'one' } }, { env: { MCP_MASTER_TOKEN: 'two' } }],
      ['its token, which is new', {}, { env: { MCP_MASTER_TOKEN: 'two' } }],
    ])('sees another one at those that are sent it: %s', async (_, before, after) => {
      const changes = await compare({ ...before, servers }, { ...after, servers });
      expect(changes).toEqual({ ...NOTHING, changed: ['passes', 'uses'] });
    });
  });

  it('sees another token_source', async () => {
    const auth_config = { token_source: 'env:INTERNAL_TOKEN' };
    const servers = { x: { ...REMOTE, auth_strategy: 'proxy_oauth', auth_config } };
    const env = { INTERNAL_TOKEN: 'one' };
    const other = { servers, env: { INTERNAL_TOKEN: 'two' } };
    expect(await compare({ servers, env }, other)).toMatchObject({ changed: ['x'] });
    expect(await compare({ servers, env }, { servers, env })).toEqual(NOTHING);
  });

  it.each(['HTTPS_PROXY', 'http_proxy', 'NO_PROXY'])(
    'sees another %s at servers that are reached over HTTP',
    async (name) => {
      const servers = { local: STDIO, remote: REMOTE };
      const changes = await compare({ servers }, { servers, env: { [name]: 'http://proxy:3128' } });
      expect(changes).toEqual({ ...NOTHING, changed: ['remote'] });
    },
  );

  it.each(['OAUTH_ENCRYPTION_KEY', 'OAUTH_ENCRYPTION_KEY_FILE'])(
    'sees another %s where stored logins or secrets may be read',
    async (name) => {
      const secret = { ...STDIO, env: { A: 'keyring:one' } };
      const servers = { local: STDIO, remote: REMOTE, secret };
      const changes = await compare({ servers }, { servers, env: { [name]: 'a-new-value' } });
      expect(changes).toEqual({ ...NOTHING, changed: ['remote', 'secret'] });
    },
  );

  it('looks variables up as the platform does', async () => {
    const servers = { x: { ...REMOTE, auth_strategy: 'master_oauth' } };
    const [one, two] = ['one', 'two'].map((token) => ({ mcp_master_token: token }));
    const said = [
      { servers, env: one ?? {} },
      { servers, env: two ?? {} },
    ] as const;
    expect(await compare(...said, 'win32')).toMatchObject({ changed: ['x'] });
    expect(await compare(...said, 'linux')).toEqual(NOTHING);
  });

  it('leaves out no member that a connection is made of', async () => {
    const { servers } = await configure({ servers: { x: STDIO } });
    const [server] = servers;
    // A new one has to be thought about: does a connection depend on it?
    expect(Object.keys(server ?? {}).sort()).toEqual([
      'enabled',
      'endpoint',
      'fingerprint',
      'name',
      'pin',
      'prefix',
      'rateLimit',
      'secretRefs',
      'startupTimeout',
      'timeout',
      'tools',
    ] satisfies (keyof ServerConfig)[]);
  });
});
