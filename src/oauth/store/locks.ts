/** A lock that is held. */
export interface HeldLock {
  /**
   * Whether it is still ours: a process that was suspended for long loses its locks. To be asked before
   * anything that only the holder may do.
   */
  isHeld(): boolean;
}

/** How to wait for a lock; all of it may be left out. */
export interface LockOptions {
  /** Milliseconds to wait for a holder that is alive. Default: 90,000. */
  patienceMs?: number;
  /**
   * Takes the lock from its holder when the patience ends, instead of giving up: what a person wants does not
   * wait for a request of a program. The holder sees that it has lost.
   */
  insist?: boolean;
  /** Ends the waiting, with the signal's reason; who holds the lock is not interrupted. */
  signal?: AbortSignal;
  /** Hears, once, that somebody else who is alive holds it. */
  onWait?(): void;
}

/**
 * Locks that exclude each other over all processes of this user. The lock of a process that was killed,
 * or that has been suspended for long, passes to the next one that wants it.
 */
export interface Locks {
  /**
   * Waits until the lock is free, holds it while `work` runs, and resolves or rejects as `work` does.
   * Rejects with `REFRESH_FAILED` when somebody alive holds it for too long, and with `STORE_UNAVAILABLE` when a
   * lock can't be made (a full or read-only disk).
   *
   * @param name made by the caller of `[A-Za-z0-9._-]`; two locks of one process exclude each other, too
   */
  hold<T>(name: string, work: (lock: HeldLock) => Promise<T>, options?: LockOptions): Promise<T>;
}
