import { readlinkSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import { errorCode } from './replace-file.ts';

/** After this silence a holder counts as gone; it shows each second that it is alive. */
const SILENCE_MS = 10_000;

/** In that time a process that waits looks about 150 times; one that was itself suspended, seldom. */
const LEAST_LOOKS = 50;

/** What a process writes into the file of its lock. */
export function ownMark(): string {
  return JSON.stringify({ pid: process.pid, system: thisSystem() });
}

/** What a process that waits for a lock sees of its holder. */
export class HolderWatch {
  #seen: { what: string; since: number; looks: number } | undefined;

  /**
   * Whether the holder will never release the lock whose file this is: its process has ended, or has not
   * touched the file for ten seconds in which this one has kept looking.
   */
  async isGone(path: string): Promise<boolean> {
    const about = await stat(path, { bigint: true }).catch(() => undefined);
    // It was released or cleared away a moment ago: the next look tells.
    if (about === undefined) return false;
    const what = `${path} ${about.mtimeNs}`;
    if (this.#seen?.what !== what) this.#seen = { what, since: performance.now(), looks: 0 };
    this.#seen.looks += 1;
    const silence = performance.now() - this.#seen.since;
    if (silence > SILENCE_MS && this.#seen.looks > LEAST_LOOKS) return true;
    return hasEnded(await holderOf(path));
  }

  /** The holder's process id; undefined when it can't be read. */
  async pidOf(path: string): Promise<number | undefined> {
    return (await holderOf(path)).pid;
  }
}

interface Holder {
  pid?: number;
  system?: unknown;
}

async function holderOf(path: string): Promise<Holder> {
  try {
    const { pid, system } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    return typeof pid === 'number' && pid > 0 ? { pid, system } : {};
  } catch {
    // It is being written, or its writer was killed: its silence tells.
    return {};
  }
}

/** Whether a process is known to have ended; of one elsewhere nothing is known. */
function hasEnded({ pid, system }: Holder): boolean {
  if (pid === undefined || system !== thisSystem()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

let known: string | undefined;

/** Where process ids mean the same: this computer, and within it this container. */
function thisSystem(): string {
  known ??= `${hostname()} ${pidNamespace()}`;
  return known;
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has them.
    return '';
  }
}
