import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { HeldLock, LockOptions, Locks } from '../oauth/store/locks.ts';
import { HolderWatch, ownMark } from './lock-holder.ts';
import { errorCode, fileError, renameOver } from './replace-file.ts';

const PATIENCE_MS = 90_000;

/** How often a holder shows that it is alive. */
const HEARTBEAT_MS = 1000;

/** The shortest wait before those who wait look again; twice that is the longest. */
const LOOK_MS = 40;

/** One file of a lock: the one with the highest number counts. */
interface Turn {
  number: number;
  file: string;
  free: boolean;
}

/** Before the first one. */
const NO_TURN: Turn = { number: 0, file: '', free: true };

/**
 * Locks as files `<folder>/<name>.<number>.lock`. Who creates the next number holds the lock, and leaves
 * the file behind as `.free`. Of several that find the holder gone one creates the number; one that
 * comes late to a number that has been given back meanwhile sees that, and tries the next; a holder
 * that was suspended sees the higher number and knows that it has lost. Gone is a process of this
 * computer that has ended, or one that has not touched its file for ten seconds: by the waiting
 * process's own count, since clocks differ and computers sleep.
 *
 * Not by the package `proper-lockfile`, which is not kept up and crashes a holder that was suspended.
 */
export function createLockFiles(folder: string, log: Logger): Locks {
  return {
    async hold(name, work, options) {
      const lock = await acquire({ folder, name, log }, options);
      try {
        return await work(lock);
      } finally {
        await lock.release();
      }
    },
  };
}

interface LockPlace {
  folder: string;
  name: string;
  log: Logger;
}

async function acquire(
  place: LockPlace,
  { patienceMs = PATIENCE_MS, insist = false, signal, onWait }: LockOptions = {},
): Promise<OwnTurn> {
  const deadline = performance.now() + patienceMs;
  const watch = new HolderWatch();
  const lookAgain = pauses(signal, onWait);
  for (;;) {
    const last = lastOf(place.name, await namesIn(place.folder)) ?? NO_TURN;
    const path = join(place.folder, last.file);
    const late = performance.now() > deadline;
    if (last.free || (late && insist) || (await watch.isGone(path))) {
      const own = await takeTurn(place, last.number + 1);
      if (own !== undefined) return own;
    }
    // Also for one who was never the first to take a free turn.
    if (late && !insist) throw busyError(place, await watch.pidOf(path));
    await lookAgain(last.free);
  }
}

/** The pauses of one who waits. They reject with the signal's reason; `onWait` hears of the first for a holder. */
function pauses(
  signal: AbortSignal | undefined,
  onWait: (() => void) | undefined,
): (isFree: boolean) => Promise<void> {
  let tell = onWait;
  return async (isFree) => {
    if (!isFree) {
      tell?.();
      tell = undefined;
    }
    signal?.throwIfAborted();
    await sleep(LOOK_MS * (1 + Math.random()));
    signal?.throwIfAborted();
  };
}

/** Creates a number; undefined when somebody else has, or has gone on from there. */
async function takeTurn(place: LockPlace, number: number): Promise<OwnTurn | undefined> {
  const { folder, name } = place;
  const file = `${name}.${number}.lock`;
  try {
    await createFile(folder, file);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined;
    throw fileError(join(folder, file), 'written', error);
  }
  const names = await namesIn(folder).catch(async (error: unknown) => {
    await removeQuietly(join(folder, file));
    throw error;
  });
  if (lastOf(name, names)?.file !== file) {
    await removeQuietly(join(folder, file));
    return undefined;
  }
  const older = turnsOf(name, names).filter((turn) => turn.number < number);
  await Promise.all(older.map((turn) => removeQuietly(join(folder, turn.file))));
  return new OwnTurn(place, file);
}

async function createFile(folder: string, file: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, file);
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(ownMark());
  } catch (error) {
    await removeQuietly(path);
    throw error;
  } finally {
    await handle.close();
  }
}

/** The turn of this process. */
class OwnTurn implements HeldLock {
  readonly #place: LockPlace;
  readonly #file: string;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(place: LockPlace, file: string) {
    this.#place = place;
    this.#file = file;
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  isHeld(): boolean {
    const { folder, name } = this.#place;
    try {
      return lastOf(name, readdirSync(folder))?.file === this.#file;
    } catch {
      // Somebody has cleared the folder away: a lock that nobody else can see is none.
      return false;
    }
  }

  /** Never rejects: whoever waits finds out all the same, only later. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    const path = join(this.#place.folder, this.#file);
    try {
      await renameOver(path, path.replace(/\.lock$/, '.free'));
    } catch (error) {
      // Somebody has taken over, and cleared it away.
      if (errorCode(error) === 'ENOENT') return;
      this.#place.log.warn(`${path} can't be released: ${String(error)}`);
    }
  }

  #beat(): void {
    const now = new Date();
    utimes(join(this.#place.folder, this.#file), now, now).catch((error: unknown) => {
      this.#place.log.debug(`a lock is not ours any more: ${String(error)}`);
    });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw fileError(folder, 'read', error);
  }
}

function turnsOf(name: string, files: readonly string[]): Turn[] {
  return files.flatMap((file) => {
    if (!file.startsWith(`${name}.`)) return [];
    const [, number, end] = /^(\d{1,15})\.(lock|free)$/.exec(file.slice(name.length + 1)) ?? [];
    return number === undefined ? [] : [{ number: Number(number), file, free: end === 'free' }];
  });
}

function lastOf(name: string, files: readonly string[]): Turn | undefined {
  return turnsOf(name, files).reduce<Turn | undefined>(
    (last, turn) => (last === undefined || isLater(turn, last) ? turn : last),
    undefined,
  );
}

/** A number that was given back is over, whoever has created it once more. */
function isLater(turn: Turn, than: Turn): boolean {
  return turn.number > than.number || (turn.number === than.number && turn.free);
}

/** What stays is cleared away by whoever comes next. */
async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

function busyError({ name }: LockPlace, pid: number | undefined): McpMasterError {
  const who = pid === undefined ? 'another process' : `another process (${pid})`;
  return new McpMasterError('REFRESH_FAILED', `${who} has been busy with ${name} for too long`, {
    hint: 'Try again; if it stays so, end that process.',
  });
}
