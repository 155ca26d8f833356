/** What belongs to a run: its processes and its scratch folder, ended and removed however it ends. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const END_GRACE_MS = 5_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

const children = new Set();
const last = [];
let scratch;
let folders = 0;
let ending;

/** Starts a process that is ended with the run. Fails when the run is ending. */
export function start(command, args, options) {
  if (isEnding()) throw new Error('the run is ending');
  const child = spawn(command, args, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/** Runs a command to its end; fails with its stderr when that is not a good one. */
export async function run([command, ...args], env, cwd) {
  const child = start(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.resume();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  await new Promise((resolve, reject) => {
    const fail = (how) => reject(new Error(`${args.join(' ')} ${how}: ${stderr}`));
    child.on('error', (error) => fail(error.message));
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else fail(`ended with ${code ?? signal}`);
    });
  });
}

/** A new, empty folder that goes with the run. */
export async function newFolder() {
  scratch ??= mkdtemp(join(tmpdir(), 'mcp-master-bench-'));
  // Short: a path of a Unix socket in it may have 104 characters.
  const folder = join(await scratch, String(++folders));
  await mkdir(folder);
  return folder;
}

/** Removes a folder, however slowly its last files come. */
export function remove(folder) {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Something to do at the end of the run, before the folders go: to end what is not a child. */
export function atEnd(work) {
  last.push(work);
}

/** Whether the run is over, or was interrupted. */
export function isEnding() {
  return ending !== undefined;
}

/** Ends all processes, then removes the scratch folder. Never rejects. */
export function endAll() {
  ending ??= end();
  return ending;
}

async function end() {
  await Promise.all([...children].map(endChild));
  for (const work of last) await work();
  if (scratch) await remove(await scratch).catch((error) => console.error(error.message));
}

async function endChild(child) {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
  // What listens to neither is killed; a proxy ends its own backends meanwhile.
  child.stdin?.end();
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}

/** Ctrl+C and SIGTERM end the run as its end does. */
export function endOnSignals() {
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.on(signal, async () => {
      await endAll();
      process.exit(code);
    });
  }
}
