import { type ChildProcess, spawn } from 'node:child_process';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { BIN, type RunResult, strippedEnv, waitFor } from '../bin.ts';
import { readLines } from '../lines.js';

/** How `mcp-master auth login` is started. */
export interface LoginOptions {
  /** MCP_MASTER_HOME, which holds the configuration. */
  home: string;
  /** Added to the stripped environment. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** A login that runs. */
export interface LoginRun {
  /** The events that were printed so far: one JSON object a line. */
  readonly events: readonly JsonObject[];
  /** The first event of this name; fails when the program ends without it. */
  event(name: string): Promise<JsonObject>;
  /** The URL that the person has to open. */
  authorizationUrl(): Promise<string>;
  /** Types a line at the prompt: the pasted URL of the callback. */
  paste(line: string): void;
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** How it ended; `stdout` are the lines of the events. */
  readonly ended: Promise<RunResult>;
  /** Kills it if it still runs. */
  close(): Promise<void>;
}

/** Milliseconds that an event may take on a busy machine. */
const PATIENCE = 30_000;

/** Starts `mcp-master auth login --server=SERVER --no-browser --json`, with more flags if there are. */
export function startLogin(
  [server, ...flags]: readonly [server: string, ...flags: string[]],
  { home, env = {} }: LoginOptions,
): LoginRun {
  const args = ['auth', 'login', `--server=${server}`, '--no-browser', '--json', ...flags];
  const child = spawn(process.execPath, [BIN, ...args], { cwd: home, env: strippedEnv(home, env) });
  const lines: string[] = [];
  const events: JsonObject[] = [];
  const err: Buffer[] = [];
  const reading = readLines(child.stdout, (line) => {
    lines.push(line);
    events.push(parse(line));
  });
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is not an error of the test.
  child.stdin.on('error', () => {});
  const stderr = () => Buffer.concat(err).toString('utf8');
  const ended = end(child).then(async ({ code, signal }) => {
    await reading;
    return { code, signal, stdout: lines.join('\n'), stderr: stderr() };
  });
  const event = async (name: string) => {
    const over = () => child.exitCode !== null || child.signalCode !== null;
    const named = () => events.find((one) => one['event'] === name);
    await waitFor(() => named() !== undefined || over(), { deadline: PATIENCE, what: name });
    if (named() === undefined) await ended;
    const found = named();
    if (found !== undefined) return found;
    throw new Error(`It ended without "${name}":\n${lines.join('\n')}\n${stderr()}`);
  };
  return {
    ...{ events, event, ended },
    authorizationUrl: async () => String((await event('authorization_url'))['url']),
    paste: (line) => void child.stdin.write(`${line}\n`),
    interrupt: () => void child.kill('SIGINT'),
    close: async () => {
      child.kill('SIGKILL');
      // What it started may hold the pipes open, and the end would then never come.
      child.stdout.destroy();
      child.stderr.destroy();
      await ended;
    },
  };
}

/** A line that is no JSON is shown as it is: stdout carries nothing but events. */
function parse(line: string): JsonObject {
  try {
    return JSON.parse(line);
  } catch {
    return { event: 'not JSON', line };
  }
}

function end(child: ChildProcess): Promise<Pick<RunResult, 'code' | 'signal'>> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}
