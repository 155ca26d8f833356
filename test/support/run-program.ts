import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** A program of `programs/` that runs; it ends with the test at the latest. */
export interface RunningProgram {
  child: ChildProcess;
  /** Resolves when it has printed something. */
  ready: Promise<unknown>;
  /** Its end: the exit code, null after a signal, and what it printed. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** How to run a program. */
export interface RunProgramOptions {
  env: Record<string, string>;
  /** Another user's number: works as root alone. */
  uid?: number;
}

/** Runs a built program with one argument, `task` as JSON. */
export function runProgram(
  file: string,
  task: object,
  { env, uid }: RunProgramOptions,
): RunningProgram {
  const node = [process.execPath, file, JSON.stringify(task)];
  const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const [command = '', ...args] = uid === undefined ? node : [...as, ...node];
  const child = spawn(command, args, { env, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const ready = once(child.stdout, 'data');
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout: Buffer.concat(out).toString('utf8').trim(),
    stderr: Buffer.concat(err).toString('utf8').trim(),
  }));
  return { child, ready, ended };
}
