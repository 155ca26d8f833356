import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '../oauth/store/locks.ts';
import type { SignInRecords } from '../oauth/store/sign-in-records.ts';

/** The name of the lock of a login that is made in a client. */
export function signInLock(file: string): string {
  return `sign-in-${file}`;
}

/** How long the one who has listened there may take to notice and to stop, in milliseconds. */
const MOVING_MS = 2500;

/** Takes the lock from its holder at once. */
const AT_ONCE = { patienceMs: 0, insist: true };

/**
 * Does something at a port at which a `serve` waits for a person: that one gives the port up, and waits until
 * the work is done. Undefined where none does, so that another program has the port.
 */
export async function inTheRoomOf<T>(
  port: number,
  { records, locks }: { records: SignInRecords; locks: Locks },
  work: () => Promise<T>,
): Promise<{ done: T } | undefined> {
  const files = records.listeningAt(port);
  if (files.length === 0) return undefined;
  const holdAll = async ([file, ...rest]: string[]): Promise<T> => {
    if (file !== undefined) return locks.hold(signInLock(file), () => holdAll(rest), AT_ONCE);
    await sleep(MOVING_MS);
    return work();
  };
  return { done: await holdAll(files) };
}
