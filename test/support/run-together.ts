import type { KeychainTask } from './programs/keychain-user.ts';
import { type RunningProgram, runProgram } from './run-program.ts';

/** What each of several `writer`s and `reader`s is told. */
export type TogetherTask = Pick<KeychainTask, 'do' | 'rounds'>;

/**
 * Runs `keychain-user`s with one account at the same time, once each has said that it is ready, and
 * returns the last line of each, with what it complained about.
 */
export async function runTogether(
  file: string,
  env: Record<string, string>,
  common: Omit<KeychainTask, 'do' | 'rounds'>,
  tasks: readonly TogetherTask[],
): Promise<string[]> {
  const running: RunningProgram[] = [];
  for (const task of tasks) {
    const program = runProgram(file, { ...common, ...task }, { env });
    running.push(program);
    await Promise.race([program.ready, program.ended]);
  }
  for (const { child } of running) child.stdin?.write('go\n');
  const all = await Promise.all(running.map(({ ended }) => ended));
  return all.map(({ stdout, stderr }) => `${stdout.split('\n').at(-1)}${stderr}`);
}
