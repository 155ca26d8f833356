/** Runs the built program as a user would: as a process of its own, with a home of its own. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Absolute path of bin/mcp-master.js. */
export const BIN = join(here, '..', '..', 'bin', 'mcp-master.js');

/** Absolute path of a program of this folder, such as `recording-backend.mjs`. */
export function supportProgram(name: string): string {
  return join(here, name);
}

/** A folder that is gone after `remove`. */
export interface TempFolder {
  path: string;
  remove(): Promise<void>;
}

/** Makes an empty folder of the test's own; its path has no links in it. */
export async function createTempFolder(): Promise<TempFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'mcp-master-test-')));
  // A process that is just ending may still write into it.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return { path, remove };
}

/**
 * Writes a configuration file and returns its path: an object becomes `config.json`, text the file
 * `name` (default `config.yaml`) as it is. 0600, since wider modes are warned about.
 */
export async function writeConfig(
  folder: string,
  content: object | string,
  name = typeof content === 'string' ? 'config.yaml' : 'config.json',
): Promise<string> {
  const file = join(folder, name);
  const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

/** Windows programs don't start without these. */
const NEEDED = ['PATH', 'SystemRoot', 'SYSTEMROOT', 'TEMP', 'TMP', 'TMPDIR', 'PATHEXT', 'COMSPEC'];

/**
 * The environment that a desktop client gives, near enough: PATH, an empty HOME, nothing of the
 * user's. MCP_MASTER_HOME is `home` too. `extra` wins; undefined takes a variable out.
 */
export function strippedEnv(
  home: string,
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const base = Object.fromEntries(NEEDED.map((name) => [name, process.env[name]]));
  // Where `npm run coverage` counts what the program does.
  const counted = { NODE_V8_COVERAGE: process.env['BUILT_COVERAGE'] };
  const own = { HOME: home, USERPROFILE: home, MCP_MASTER_HOME: home };
  const all = { ...base, ...counted, ...own, ...extra };
  const set = Object.entries(all).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(set);
}

/** How a process ended. `code` is null when a signal ended it. */
export interface RunResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** How to run the program; all of it may be left out. */
export interface RunOptions {
  /** Added to the stripped environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Written to stdin, which is then closed. */
  input?: string;
  /** MCP_MASTER_HOME; default: an empty folder that is removed afterwards. */
  home?: string;
  cwd?: string;
  /** Milliseconds after which it is killed and the run fails; default 30000. */
  deadline?: number;
}

/** Runs `mcp-master ARGS` to its end. Fails only when it does not end in time or can't be started. */
export async function runBin(
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (options.home !== undefined) return run(args, options, options.home);
  const home = await createTempFolder();
  try {
    return await run(args, options, home.path);
  } finally {
    await home.remove();
  }
}

function run(args: readonly string[], options: RunOptions, home: string): Promise<RunResult> {
  const { env = {}, input = '', cwd = home, deadline = 30_000 } = options;
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: strippedEnv(home, env) });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is not an error of the test.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
      // What it started may hold the pipes open, and `close` would then never come.
      child.stdout.destroy();
      child.stderr.destroy();
    }, deadline);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      if (!late) return resolve({ code, signal, stdout, stderr });
      const what = `mcp-master ${args.join(' ')} did not end in ${deadline} ms`;
      reject(new Error(`${what}\nstdout: ${stdout}\nstderr: ${stderr}`));
    });
  });
}

/** Whether a process runs. One that has ended but was not reaped by its parent does not. */
export function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = `/proc/${pid}/stat`;
  if (!existsSync('/proc/self/stat')) return true;
  try {
    // The name in parentheses may hold anything; the state follows the last one.
    return !/^\) [ZX]/.test(readFileSync(stat, 'utf8').replace(/^.*(?=\) )/s, ''));
  } catch {
    return false;
  }
}

/**
 * Waits until `condition` gives something true and returns that; fails after `deadline`
 * milliseconds (default 10000), naming `what`.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadline = 10_000, what = 'the condition' }: { deadline?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what} did not come true in ${deadline} ms`);
    await wait(20);
  }
}
