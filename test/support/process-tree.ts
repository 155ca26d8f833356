import { readdir, readFile } from 'node:fs/promises';

/** A process as `ps` shows it to everybody, and its environment. */
export interface ShownProcess {
  pid: number;
  parent: number;
  /** Arguments, with NUL between them. */
  cmdline: string;
  /** `NAME=value`, with NUL between them. */
  environ: string;
}

/** A process and all that run below it. Linux alone: it reads `/proc`. */
export async function processTree(root: number): Promise<ShownProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(pids.map(readProcess));
  const known = all.filter((one) => one !== undefined);
  const found = known.filter(({ pid }) => pid === root);
  // What is found is looked at in its turn.
  for (const { pid } of found) found.push(...known.filter(({ parent }) => parent === pid));
  return found;
}

/** Undefined for a process that has just ended. */
async function readProcess(pid: string): Promise<ShownProcess | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8');
  try {
    const [cmdline, environ, stat] = [
      await read('cmdline'),
      await read('environ'),
      await read('stat'),
    ];
    // The name in parentheses may hold anything; state and parent follow the last one.
    const [, parent] = /.*\) \S (\d+) /s.exec(stat) ?? [];
    return { pid: Number(pid), parent: Number(parent), cmdline, environ };
  } catch {
    return undefined;
  }
}
