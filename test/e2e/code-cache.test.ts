import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  runBin,
  strippedEnv,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { loadHook, readLoaded } from '../support/load-hook.ts';
import { recordingBackend } from '../support/recording.ts';
import { RecordingClient } from '../support/recording-client.ts';

const VERSION = `${process.version}-${process.arch}`;

let folder: TempFolder;
let cache: string;
beforeEach(async () => {
  folder = await createTempFolder();
  cache = join(folder.path, 'cache', 'code');
});
afterEach(() => folder.remove());

/** Runs a command; gives its outputs, and which files of the program were not compiled again. */
async function run(...args: string[]) {
  const env = strippedEnv(folder.path, loadHook(folder.path));
  const { code, stdout, stderr } = await runBin(args, { env });
  const { files, kept } = await readLoaded(folder.path);
  // The one that loads the others is loaded by Node.js.
  const compiled = files.filter((file) => !kept.includes(file) && !file.endsWith('main.cjs'));
  return { outputs: { code, stdout, stderr }, kept, compiled };
}

/** One session with one server, in which its tool is called. */
async function session(end: (client: RecordingClient) => Promise<unknown>) {
  const { entry } = await recordingBackend(folder.path, 'alpha', {});
  await writeConfig(folder.path, { servers: { alpha: entry } });
  const env = strippedEnv(folder.path, loadHook(folder.path));
  const command = { command: process.execPath, args: [BIN, 'serve'], env };
  const client = new RecordingClient(command);
  await client.initialize();
  await client.listTools();
  const answer = await client.result('tools/call', {
    name: 'alpha__echo',
    arguments: { message: 'hello' },
  });
  await end(client);
  return answer;
}

describe('what is kept of the compiled program', () => {
  it('spares the next start the compilation, for each command by itself', async () => {
    await writeConfig(folder.path, { servers: { a: { url: 'https://a.example/mcp' } } });
    const first = await run('auth', 'status');
    expect(first.kept).toEqual([]);
    const second = await run('auth', 'status');
    expect(second.compiled).toEqual([]);
    expect(second.kept.length).toBeGreaterThan(2);
    expect(second.outputs).toEqual(first.outputs);
    expect((await run('config', 'check')).kept).toEqual([]);
    // What a command loads at times only is kept beside the rest.
    const json = await run('--json', 'config', 'check');
    expect(json.kept.length).toBeGreaterThan(2);
    expect((await readdir(cache)).toSorted()).toEqual([
      expect.stringContaining(`auth-status-${VERSION}-`),
      expect.stringContaining(`other-${VERSION}-`),
    ]);
  });

  it('spares it serve, which does the same with it', async () => {
    const first = await session((client) => client.close());
    expect((await readLoaded(folder.path)).kept).toEqual([]);
    expect(await session((client) => client.close())).toEqual(first);
    const { files, kept } = await readLoaded(folder.path);
    expect(files.filter((file) => !kept.includes(file))).toEqual([
      expect.stringMatching(/main\.cjs$/),
    ]);
  });

  it('is kept by a serve that its client kills', async () => {
    await session(async (client) => {
      expect(existsSync(cache)).toBe(false);
      const isKept = () =>
        existsSync(cache) &&
        readdirSync(cache).some((name) => /^serve-v[\d.]+-\w+-[\da-f]{12}$/.test(name));
      await waitFor(isKept, { what: 'the file', deadline: 30_000 });
      client.kill('SIGKILL');
      await client.close();
    });
    await session((client) => client.close());
    expect((await readLoaded(folder.path)).kept.length).toBeGreaterThan(5);
  });

  it.each(['damaged', 'cut off', 'something else'])('is no reason to fail: %s', async (kind) => {
    await writeConfig(folder.path, { servers: { a: { url: 'https://a.example/mcp' } } });
    const { outputs } = await run('auth', 'status');
    const file = join(cache, (await readdir(cache))[0] ?? '');
    const bytes = await readFile(file);
    if (kind === 'damaged') bytes.fill(0x55, 1000, 1100);
    const rest = kind === 'cut off' ? bytes.subarray(0, bytes.length / 2) : bytes;
    await writeFile(file, kind === 'something else' ? 'text' : rest);
    expect(await run('auth', 'status')).toMatchObject({ outputs, kept: [] });
    expect(await run('auth', 'status')).toMatchObject({ outputs, compiled: [] });
  });

  it('is done without where it can not be kept', async () => {
    await writeConfig(folder.path, { servers: { a: { url: 'https://a.example/mcp' } } });
    await writeFile(join(folder.path, 'cache'), 'a file in place of the folder');
    const { outputs } = await run('auth', 'status');
    expect(outputs).toMatchObject({ code: 0, stderr: '' });
    expect(await run('auth', 'status')).toMatchObject({ outputs, kept: [] });
  });

  it('is no reason to fail where there is no working folder', async () => {
    const gone = join(folder.path, 'gone');
    await mkdir(gone);
    const env = {
      ...strippedEnv(folder.path),
      MCP_MASTER_HOME: 'relative',
      NODE: process.execPath,
      BIN,
    };
    const line = 'rmdir "$PWD"; exec "$NODE" "$BIN" auth status';
    const child = spawn('/bin/sh', ['-c', line], { cwd: gone, env, stdio: 'pipe' });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    expect((await once(child, 'close'))[0]).toBe(2);
    expect(stderr).toMatch(/^error there is no configuration in .*\(CONFIG_INVALID\)/);
  });

  it('is neither read nor written where Node.js is told so', async () => {
    await writeConfig(folder.path, { servers: { a: { url: 'https://a.example/mcp' } } });
    const env = { ...loadHook(folder.path), NODE_DISABLE_COMPILE_CACHE: '1' };
    await runBin(['auth', 'status'], { env: strippedEnv(folder.path, env) });
    expect(existsSync(cache)).toBe(false);
    await run('auth', 'status');
    await runBin(['auth', 'status'], { env: strippedEnv(folder.path, env) });
    expect((await readLoaded(folder.path)).kept).toEqual([]);
  });
});
