import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  runBin,
  strippedEnv,
  supportProgram,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { json, result, startServer } from '../support/http/scripted-server.ts';
import { recordingBackend } from '../support/recording.ts';
import {
  type RecordingClient,
  type ServeOptions,
  startServe,
} from '../support/recording-client.ts';

const TEXT = (text: string) => ({ content: [{ type: 'text', text }] });
const GOOD = {
  command: process.execPath,
  args: [supportProgram('recording-backend.mjs'), 'stdio'],
};

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  await folder.remove();
});

async function serve(
  servers: Record<string, object>,
  options: ServeOptions = {},
): Promise<RecordingClient> {
  client = await startServe({ servers }, options);
  await client.initialize({ sampling: {} });
  return client;
}

describe('a secret that a server gives away', () => {
  it('is masked in what the client gets, too', async () => {
    const script = `process.stderr.write('auth failed for ' + process.env.OPENAI + '\\n');
      process.stdin.once('data', () => process.exit(1));`;
    const entry = { command: process.execPath, args: ['-e', script], env: { OPENAI: 'env:PLAIN' } };
    const session = await serve({ leaky: entry }, { env: { PLAIN: 'zz-super-secret' } });
    const { error } = await session.request('tools/call', { name: 'leaky__x' });
    expect(error?.message).toContain('auth failed for ***');
    expect(JSON.stringify(session.received) + session.stderr).not.toContain('zz-super-secret');
  });

  it('is masked in the body of a refusal', async () => {
    const server = await startServer(({ headers }, response) => {
      response.writeHead(500).end(`you sent ${headers['x-team']}`);
    });
    const file = await writeConfig(folder.path, {
      servers: { a: { url: server.url.href, headers: { 'X-Team': 'env:PLAIN' } } },
    });
    const { stdout } = await runBin(['list', '--json', '--config', file], {
      env: { PLAIN: 'zz-super-secret' },
    });
    expect(stdout).toContain('you sent ***');
    expect(stdout).not.toContain('zz-super-secret');
  });
});

describe('a cancellation', () => {
  it('of a call whose server is still starting keeps it from being carried out', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {
      methods: { initialize: { steps: [{ wait: 800 }] } },
    });
    const session = await serve({ alpha: alpha.entry });
    session.send({
      jsonrpc: '2.0',
      id: 'c',
      method: 'tools/call',
      params: { name: 'alpha__echo' },
    });
    await waitFor(() => alpha.calls('initialize').length === 1);
    session.notify('notifications/cancelled', { requestId: 'c' });
    expect(await session.callTool('alpha__echo', { message: 'next' })).toEqual(TEXT('next'));
    expect(alpha.calls('tools/call')).toHaveLength(1);
    expect(session.received.filter(({ id }) => id === 'c')).toEqual([]);
  });
});

describe('the handshake over HTTP', () => {
  it.each(['http', 'sse'] as const)('is over before the first request, over %s', async (mode) => {
    const alpha = await recordingBackend(folder.path, 'alpha', {}, mode);
    try {
      const session = await serve({ alpha: alpha.entry });
      await session.listTools();
      expect(
        alpha
          .received()
          .map(({ method }) => method)
          .slice(0, 3),
      ).toEqual(['initialize', 'notifications/initialized', 'tools/list']);
      await session.close();
    } finally {
      await alpha.stop();
    }
  });

  it('waits until the server has taken notifications/initialized', async () => {
    let initialized = false;
    const early: string[] = [];
    const server = await startServer(({ message }, response) => {
      const { id, method = '' } = message;
      if (method === 'notifications/initialized') {
        setTimeout(() => {
          initialized = true;
          response.writeHead(202).end();
        }, 100);
      } else if (method === 'initialize') {
        json(
          response,
          result(id, {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {} },
            serverInfo: {},
          }),
        );
      } else {
        if (!initialized) early.push(method);
        json(response, result(id, { tools: [] }));
      }
    });
    const session = await serve({ alpha: { url: server.url.href } });
    await session.listTools();
    expect(early).toEqual([]);
  });
});

describe('streams that nobody serves well', () => {
  it('a JSON log line on stdout is skipped like any other text', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {
      calls: { echo: { steps: [{ raw: '{"level":30,"msg":"hello"}' }, { raw: '[1,2]' }] } },
    });
    const session = await serve({ alpha: alpha.entry });
    expect(await session.callTool('alpha__echo', { message: 'x' })).toEqual(TEXT('x'));
    expect(session.stderr).toContain('«{"level":30,"msg":"hello"}»');
  });

  it('an answer of the client that can not be read fails the request that it is for', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {
      calls: { echo: { steps: [{ request: { method: 'sampling/createMessage', params: {} } }] } },
    });
    const session = await serve({ alpha: alpha.entry }, { respond: () => undefined });
    const call = session.callTool('alpha__echo');
    const asked = await session.waitForMessage(({ method }) => method === 'sampling/createMessage');
    session.sendRaw(
      `{"jsonrpc":"2.0","id":${asked['id']},"result":{"a":"${'x'.repeat(17 * 1024 * 1024)}"}}\n`,
    );
    expect(await call).toMatchObject({
      structuredContent: { replies: [{ error: { data: { code: 'MESSAGE_TOO_LARGE' } } }] },
    });
    expect(session.strayAnswers).toEqual([]);
  });

  it('a client that closes our stderr loses the log, and nothing else', async () => {
    const file = await writeConfig(folder.path, { servers: { alpha: GOOD } });
    const child = spawn(
      process.execPath,
      [BIN, 'serve', '--config', file, '--log-level', 'debug'],
      { env: strippedEnv(folder.path), stdio: 'pipe' },
    );
    child.stderr.destroy();
    const send = (message: object) =>
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    send({
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      },
    });
    send({ id: 2, method: 'tools/list' });
    await waitFor(() => out.includes('alpha__echo'));
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('a client that reads nothing any more does not keep serve from its end', async () => {
    const big = 'x'.repeat(1024 * 1024);
    const alpha = await recordingBackend(folder.path, 'alpha', {
      calls: { echo: { result: TEXT(big) } },
    });
    const file = await writeConfig(folder.path, { servers: { alpha: alpha.entry } });
    const child = spawn(process.execPath, [BIN, 'serve', '--config', file], {
      env: strippedEnv(folder.path),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const send = (message: object) =>
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    send({
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      },
    });
    for (let id = 2; id < 7; id += 1)
      send({ id, method: 'tools/call', params: { name: 'alpha__echo' } });
    await waitFor(() => alpha.calls('tools/call').length === 5);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('hostile surroundings', () => {
  it('a pipe in place of the configuration is refused, not read', async () => {
    const pipe = join(folder.path, 'config.yaml');
    execFileSync('mkfifo', [pipe]);
    for (const command of [['config', 'check'], ['list'], ['serve']]) {
      const { code, stdout, stderr } = await runBin([...command, '--config', pipe]);
      expect(code).toBe(2);
      expect(stdout + stderr).toContain('a pipe or a device');
    }
  });

  it('a configuration of over 1 MiB is refused', async () => {
    const file = await writeConfig(folder.path, `# ${'x'.repeat(1024 * 1024)}\n`);
    const { code, stdout } = await runBin(['config', 'check', file]);
    expect(code).toBe(2);
    expect(stdout).toContain('larger than 1 MiB');
  });

  it('a deleted working folder is no reason to fail', async () => {
    const file = await writeConfig(folder.path, { servers: { alpha: GOOD } });
    const gone = join(folder.path, 'gone');
    mkdirSync(gone);
    const shell = spawn(
      'sh',
      [
        '-c',
        `cd '${gone}' && rmdir '${gone}' && exec "$0" "$@"`,
        process.execPath,
        BIN,
        'list',
        '--json',
        '--config',
        file,
      ],
      { env: strippedEnv(folder.path), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [chunk] = (await once(shell.stdout, 'data')) as [Buffer];
    expect(JSON.parse(chunk.toString())).toMatchObject([{ server: 'alpha', state: 'ready' }]);
    rmSync(gone, { force: true, recursive: true });
  });

  it('commands are found in the environment that a desktop client leaves', async () => {
    const bare = { ...GOOD, command: 'node' };
    const session = await serve({ alpha: bare }, { env: { PATH: '/nowhere' } });
    expect((await session.listTools()).map(({ name }) => name)).toEqual(['alpha__echo']);
  });

  it('mcp-master does not start itself', async () => {
    const file = await writeConfig(folder.path, {
      servers: { copy: { command: process.execPath, args: [BIN, 'serve'] }, alpha: GOOD },
    });
    const { stdout } = await runBin(['list', '--json', '--config', file]);
    expect(JSON.parse(stdout)).toMatchObject([
      { server: 'alpha', state: 'ready' },
      { server: 'copy', error: { message: expect.stringContaining('mcp-master itself') } },
    ]);
  });

  it('a filter of another client is refused rather than ignored', async () => {
    const file = await writeConfig(folder.path, {
      mcpServers: { alpha: { ...GOOD, disabledTools: ['echo'] } },
    });
    const { code, stdout } = await runBin(['config', 'check', file]);
    expect(code).toBe(2);
    expect(stdout).toContain('tools: { deny: […] }');
  });
});

describe('a server that failed at first', () => {
  it('is tried again when the client lists again', async () => {
    const flag = join(folder.path, 'ready');
    const script = `if (!require('node:fs').existsSync(${JSON.stringify(flag)})) process.exit(1); process.argv[2] = 'stdio'; import(${JSON.stringify(supportProgram('recording-backend.mjs'))});`;
    const session = await serve({
      alpha: { command: process.execPath, args: ['-e', script, 'stdio'] },
    });
    expect(await session.listTools()).toEqual([]);
    mkdirSync(flag);
    await waitFor(async () => (await session.listTools()).length > 0);
  });
});
