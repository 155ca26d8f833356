import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '../oauth/store/locks.ts';
import type { SignInRecords } from '../oauth/store/sign-in-records.ts';

/** The name of the lock of a login that is made in a client. */
export function signInLock(file: string): string {
  return `sign-in-${file}`;
}

/** How long the one who has listened there may take to notice and to stop, in milliseconds. */
const MOVING_MS = 2500;

/**
 * Makes a `serve` that waits for a person at a port give that up, since the same person logs in here. Resolves
 * with whether one did.
 */
export async function makeRoom(
  port: number,
  records: SignInRecords,
  locks: Locks,
): Promise<boolean> {
  const files = records.listeningAt(port);
  for (const file of files) {
    await locks.hold(signInLock(file), async () => undefined, { patienceMs: 0, insist: true });
  }
  if (files.length > 0) await sleep(MOVING_MS);
  return files.length > 0;
}
