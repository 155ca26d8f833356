import { McpMasterError } from '../errors.ts';
import type { HeldLock } from '../oauth/store/locks.ts';

/** How often the holder looks, in milliseconds. */
const LOOK_MS = 500;

/** Work that is only for the holder of a lock. */
export interface HeldWork {
  /** Ends the work: with the signal that was given, or when somebody else has taken the lock. */
  signal: AbortSignal;
  /** Whether somebody else has taken the lock. */
  isLost(): boolean;
  end(): void;
}

/** A signal that ends work when its lock is lost, or when `signal` ends it. */
export function whileHeld(lock: HeldLock, signal: AbortSignal): HeldWork {
  const lost = new AbortController();
  const timer = setInterval(() => {
    if (lock.isHeld()) return;
    lost.abort(new McpMasterError('INTERRUPTED', 'somebody logs in from somewhere else'));
  }, LOOK_MS);
  timer.unref();
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    isLost: () => lost.signal.aborted,
    end: () => clearInterval(timer),
  };
}
