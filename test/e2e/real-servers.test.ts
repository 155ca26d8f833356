import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  strippedEnv,
  type TempFolder,
  writeConfig,
} from '../support/bin.ts';

const require = createRequire(import.meta.url);
const EVERYTHING_HTTP = fileURLToPath(
  new URL('../../examples/demo/everything-http.mjs', import.meta.url),
);

/** The reference servers, as their packages are run. */
function reference(name: string, ...args: string[]) {
  const file = require.resolve(`@modelcontextprotocol/server-${name}/package.json`);
  return { command: process.execPath, args: [join(dirname(file), 'dist', 'index.js'), ...args] };
}

let folder: TempFolder;
let config: string;
const stop: (() => Promise<void>)[] = [];

async function startEverything(mode: string): Promise<{ url: string }> {
  const child = spawn(process.execPath, [EVERYTHING_HTTP, mode], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  stop.push(async () => {
    child.kill();
    await once(child, 'exit');
  });
  return { url: line.toString().trim() };
}

beforeAll(async () => {
  folder = await createTempFolder();
  config = await writeConfig(folder.path, {
    servers: {
      everything: reference('everything', 'stdio'),
      files: reference('filesystem', folder.path),
      memory: {
        ...reference('memory'),
        env: { MEMORY_FILE_PATH: join(folder.path, 'memory.jsonl') },
      },
      http: { ...(await startEverything('streamableHttp')), transport: 'http' },
      sse: { ...(await startEverything('sse')), transport: 'sse' },
    },
  });
});
afterAll(async () => {
  for (const end of stop) await end();
  await folder.remove();
});

describe('the SDK client', () => {
  let client: Client;
  beforeAll(async () => {
    client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [BIN, 'serve', '--config', config],
        env: strippedEnv(folder.path),
        stderr: 'ignore',
      }),
    );
  });
  afterAll(() => client.close());

  it('sees the tools of all servers', async () => {
    const { tools } = await client.listTools();
    const counts = Object.fromEntries(
      ['everything', 'files', 'memory', 'http', 'sse'].map((server) => [
        server,
        tools.filter(({ name }) => name.startsWith(`${server}__`)).length,
      ]),
    );
    expect(counts).toEqual({ everything: 13, files: 14, memory: 9, http: 13, sse: 13 });
  });

  it.each(['everything', 'http', 'sse'])('calls tools of %s, with progress', async (server) => {
    expect(
      await client.callTool({ name: `${server}__echo`, arguments: { message: 'hi' } }),
    ).toMatchObject({ content: [{ type: 'text', text: 'Echo: hi' }] });
    const progress: number[] = [];
    await client.callTool(
      { name: `${server}__trigger-long-running-operation`, arguments: { duration: 1, steps: 4 } },
      undefined,
      {
        onprogress: ({ progress: done }) => progress.push(done),
      },
    );
    // The SDK's client drops progress that it reads together with the answer, also without a proxy.
    expect(progress.slice(0, 3)).toEqual([1, 2, 3]);
    expect(
      await client.callTool({
        name: `${server}__get-structured-content`,
        arguments: { location: 'New York' },
      }),
    ).toHaveProperty('structuredContent.temperature');
    expect(
      await client.callTool({ name: `${server}__get-tiny-image`, arguments: {} }),
    ).toMatchObject({ content: [{}, { type: 'image', mimeType: 'image/png' }, {}] });
  });

  it('keeps what servers do for themselves', async () => {
    const entities = [
      { name: 'Ada', entityType: 'person', observations: ['wrote the first program'] },
    ];
    await client.callTool({ name: 'memory__create_entities', arguments: { entities } });
    expect(await client.callTool({ name: 'memory__read_graph', arguments: {} })).toMatchObject({
      structuredContent: { entities },
    });
    expect(
      await client.callTool({ name: 'files__list_directory', arguments: { path: folder.path } }),
    ).toMatchObject({
      content: [{ text: expect.stringContaining('memory.jsonl') }],
    });
  });

  it('gets the errors of servers as they are', async () => {
    const result = await client.callTool({
      name: 'files__read_text_file',
      arguments: { path: '/etc/passwd' },
    });
    expect(result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('Access denied') }],
    });
  });
});

describe('the command line of the MCP Inspector', () => {
  const inspect = async (...args: string[]) => {
    const manifest = require.resolve('@modelcontextprotocol/inspector-cli/package.json');
    const cli = join(dirname(manifest), 'build', 'cli.js');
    const environment = Object.entries(
      strippedEnv(folder.path, { MCP_MASTER_CONFIG: config }),
    ).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const command = [cli, '--cli', ...environment, process.execPath, BIN, 'serve', ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 50_000 });
    return JSON.parse(stdout);
  };

  it('lists the tools', async () => {
    const { tools } = await inspect('--method', 'tools/list');
    expect(tools).toHaveLength(62);
  });

  it('calls one', async () => {
    const result = await inspect(
      '--method',
      'tools/call',
      '--tool-name',
      'http__echo',
      '--tool-arg',
      'message=hello',
    );
    expect(result).toEqual({ content: [{ type: 'text', text: 'Echo: hello' }] });
  });
});
