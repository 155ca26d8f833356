import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { BIN, type RunResult, strippedEnv, waitFor } from '../bin.ts';

/** How the program is started. */
export interface RunningBinOptions {
  /** MCP_MASTER_HOME. */
  home: string;
  /** Added to the stripped environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** On a pseudo-terminal, by `script`: stdout and stderr are then one, with what the terminal echoes. */
  terminal?: boolean;
}

/** The built program while it runs, as a person sees it. */
export interface RunningBin {
  readonly pid: number;
  /** What was printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** The first address on a line of its own; fails when the program ends without one. */
  address(): Promise<string>;
  /** Waits until stdout has this. */
  shows(text: string): Promise<void>;
  type(text: string): void;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<RunResult>;
}

/** Milliseconds that anything may take on a busy machine. */
const PATIENCE = 30_000;

/** Starts `mcp-master ARGS`; it is killed when the test ends before it does. */
export function startBin(
  args: readonly string[],
  { home, env = {}, terminal = false }: RunningBinOptions,
): RunningBin {
  const [command, all] = commandLine(args, terminal);
  const options = {
    cwd: home,
    env: strippedEnv(home, { ...(terminal && { TERM: 'xterm' }), ...env }),
  };
  const child = spawn(command, all, options);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  // A program that ends without reading its input is not an error of the test.
  child.stdin.on('error', () => {});
  const over = () => child.exitCode !== null || child.signalCode !== null;
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...said }));
  });
  onTestFinished(async () => {
    if (!over()) child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    await ended;
  });
  const until = async (found: () => unknown, what: string) => {
    await waitFor(() => found() || over(), { deadline: PATIENCE, what });
    // What was written last may come after the end is known.
    if (!found()) await ended;
    if (!found()) throw new Error(`It ended without ${what}:\n${said.stdout}\n${said.stderr}`);
  };
  const address = () => /^https?:\/\/\S+(?=\r?\n)/m.exec(said.stdout)?.[0];
  return {
    get pid() {
      return child.pid ?? -1;
    },
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    async address() {
      await until(address, 'an address');
      return address() ?? '';
    },
    shows: (text) => until(() => said.stdout.includes(text), text),
    type: (text) => void child.stdin.write(text),
    signal: (name) => void child.kill(name),
    ended,
  };
}

function commandLine(args: readonly string[], terminal: boolean): [string, string[]] {
  const own = [BIN, ...args];
  if (!terminal) return [process.execPath, own];
  const quoted = [process.execPath, ...own].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  // -e hands the exit code on, -f shows output at once, and there is no record.
  return ['script', ['-q', '-e', '-f', '-c', quoted.join(' '), '/dev/null']];
}
