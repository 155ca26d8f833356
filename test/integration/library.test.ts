import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AuthStrategy,
  type LoadedConfig,
  loadConfig,
  MasterServer,
  MultiAuthManager,
} from '../../src/index.ts';
import {
  createTempFolder,
  processAlive,
  strippedEnv,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';

let folder: TempFolder;
const started: RecordingBackend[] = [];

beforeEach(async () => {
  folder = await createTempFolder();
});

afterEach(async () => {
  for (const backend of started.splice(0)) await backend.stop();
  await folder.remove();
});

/** A recording server that is reached over HTTP. */
async function remote(name: string): Promise<RecordingBackend> {
  const backend = await recordingBackend(folder.path, name, {}, 'http');
  started.push(backend);
  return backend;
}

/** The configuration of these servers in a home of the test's own. */
async function configured(
  servers: Record<string, object>,
  env: Record<string, string> = {},
): Promise<LoadedConfig> {
  await writeConfig(folder.path, { servers });
  return loadConfig({ env: strippedEnv(folder.path, env) });
}

/** A client that is served over memory; `served` settles when it has gone. */
async function connect(master: MasterServer): Promise<{ client: Client; served: Promise<void> }> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const served = master.serve(theirs);
  const client = new Client({ name: 'library-test', version: '1.0.0' });
  await Promise.race([client.connect(ours), served]);
  return { client, served };
}

async function echo(client: Client, server: string): Promise<unknown> {
  return client.callTool({ name: `${server}__echo`, arguments: { message: 'hello' } });
}

const HELLO = { content: [{ type: 'text', text: 'hello' }] };

/** Each value of a header that ever reached a server. */
function headerSeen({ lines }: RecordingBackend, name: string): (string | undefined)[] {
  const requests = lines().filter(({ event }) => event === 'http');
  return [...new Set(requests.map(({ headers }) => headers?.[name]))];
}

describe('MasterServer', () => {
  it('serves several clients, each with servers of its own, and others after them', async () => {
    const { entry, lines } = await recordingBackend(folder.path, 'alpha');
    const master = new MasterServer(await configured({ alpha: entry }));
    const [first, second] = [await connect(master), await connect(master)];
    expect(await echo(first.client, 'alpha')).toEqual(HELLO);
    await first.client.close();
    await first.served;
    expect(await echo(second.client, 'alpha')).toEqual(HELLO);
    await second.client.close();
    await second.served;
    const third = await connect(master);
    expect(await echo(third.client, 'alpha')).toEqual(HELLO);
    await master.close();
    expect(lines().filter(({ event }) => event === 'start')).toHaveLength(3);
  });

  it('ends clients and servers when it is closed', async () => {
    const { entry, lines } = await recordingBackend(folder.path, 'alpha');
    const master = new MasterServer(await configured({ alpha: entry }));
    const { client, served } = await connect(master);
    const gone = new Promise<void>((resolve) => {
      client.onclose = resolve;
    });
    await echo(client, 'alpha');
    const pid = Number(lines().find(({ event }) => event === 'start')?.['pid']);
    expect(processAlive(pid)).toBe(true);
    await master.close();
    await Promise.all([served, gone]);
    await waitFor(() => !processAlive(pid), { what: 'the end of the server' });
  });

  it('listens to no signal, and to the end of the process only while it serves', async () => {
    const { entry } = await recordingBackend(folder.path, 'alpha');
    const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'] as const;
    const listeners = () => events.map((name) => process.listenerCount(name));
    const before = listeners();
    const master = new MasterServer(await configured({ alpha: entry }));
    for (const { client } of [await connect(master), await connect(master)]) {
      await echo(client, 'alpha');
    }
    const [, , , exit = 0] = before;
    expect(listeners()).toEqual([...before.slice(0, 3), exit + 1]);
    // Both go at the same time.
    await master.close();
    expect(listeners()).toEqual(before);
  });

  it('can be closed before anybody came', async () => {
    await expect(new MasterServer(await configured({})).close()).resolves.toBeUndefined();
  });
});

describe('a registered strategy', () => {
  it('replaces that of the configuration, for its server alone', async () => {
    const [alpha, beta] = [await remote('alpha'), await remote('beta')];
    const headers = { Authorization: 'Bearer of-the-file' };
    const servers = { alpha: { ...alpha.entry, headers }, beta: { ...beta.entry, headers } };
    const config = await configured(servers, { ALPHA_KEY: 'key-of-alpha' });
    const auth = new MultiAuthManager(config.master_oauth)
      .registerServerAuth('alpha', 'api_key', { header: 'X-API-Key', key: 'env:ALPHA_KEY' })
      .registerServerAuth('beta', 'bypass_auth');
    const master = new MasterServer(config).attachAuthManager(auth);
    const { client } = await connect(master);
    expect(await echo(client, 'alpha')).toEqual(HELLO);
    expect(await echo(client, 'beta')).toEqual(HELLO);
    await master.close();
    expect(headerSeen(alpha, 'x-api-key')).toEqual(['key-of-alpha']);
    expect(headerSeen(beta, 'x-api-key')).toEqual([undefined]);
    expect(headerSeen(beta, 'authorization')).toEqual([undefined]);
  });

  it('may be one of your own, whose failure fails its requests alone', async () => {
    const [alpha, beta] = [await remote('alpha'), await remote('beta')];
    const config = await configured({ alpha: alpha.entry, beta: beta.entry });
    const requests: unknown[] = [];
    let fails = false;
    const strategy: AuthStrategy = {
      headers: async (request) => {
        requests.push(request);
        if (fails) throw new Error('the vault is shut');
        return { 'X-Vault': 'open' };
      },
    };
    const auth = new MultiAuthManager().registerServerAuth('alpha', strategy);
    const master = new MasterServer(config, { logLevel: 'error' }).attachAuthManager(auth);
    const { client } = await connect(master);
    expect(await echo(client, 'alpha')).toEqual(HELLO);
    expect(requests[0]).toEqual({ server: 'alpha', url: alpha.entry['url'] });
    fails = true;
    await expect(echo(client, 'alpha')).rejects.toThrow('the vault is shut');
    expect(await echo(client, 'beta')).toEqual(HELLO);
    await master.close();
    expect(headerSeen(alpha, 'x-vault')).toEqual(['open']);
    expect(headerSeen(beta, 'x-vault')).toEqual([undefined]);
  });

  it('that is wrong keeps the client out, and says what is wrong', async () => {
    const alpha = await remote('alpha');
    const config = await configured({ alpha: alpha.entry });
    const auth = new MultiAuthManager().registerServerAuth('alpha', 'api_key', { header: 'X' });
    const master = new MasterServer(config).attachAuthManager(auth);
    await expect(connect(master)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('alpha'),
    });
    // Mended, the next client is served.
    auth.registerServerAuth('alpha', 'api_key', { header: 'X', key: 'right' });
    const { client } = await connect(master);
    expect(await echo(client, 'alpha')).toEqual(HELLO);
    await master.close();
  });
});

describe('loadConfig', () => {
  it('goes by the environment that it is given: home, profile, file, variables', async () => {
    const env = strippedEnv(folder.path, { NAME: 'value' });
    const file = await writeConfig(folder.path, {
      servers: {
        notes: { url: 'https://notes.example.com/mcp', headers: { 'X-Name': 'env:NAME' } },
      },
      master_oauth: { issuer: 'https://login.example.com' },
    });
    const config = await loadConfig({ env });
    expect(config).toMatchObject({ file, request: { env } });
    expect(config.master_oauth).toEqual({ issuer: 'https://login.example.com' });
    expect(config.master_oauth).toBe(config.masterOauth);
    expect(config.servers[0]?.endpoint).toMatchObject({ headers: { 'X-Name': 'value' } });
    const work = await loadConfig({ env, profile: 'work' });
    expect(work.folder).toBe(`${folder.path}/profiles/work`);
    expect(work.servers).toEqual([]);
    const named = await loadConfig({ env: { ...env, MCP_MASTER_CONFIG: file }, profile: 'work' });
    expect(named.servers.map(({ name }) => name)).toEqual(['notes']);
  });

  it('rejects with the file and the line of what is of no use', async () => {
    const env = strippedEnv(folder.path);
    const file = await writeConfig(folder.path, 'servers:\n  notes: [\n');
    await expect(loadConfig({ env })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`${file}:`),
    });
  });
});
