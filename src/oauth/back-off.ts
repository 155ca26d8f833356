import type { McpMasterError } from '../errors.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Whatever `Retry-After` says: nobody believes a server for longer. */
const LONGEST_ASKED_MS = 600_000;

/** Beyond this many the pause stays the same: the power must not overflow. */
const MOST_DOUBLINGS = 10;

const FOR_EVER = Number.POSITIVE_INFINITY;

interface Failure {
  revision: string | undefined;
  error: McpMasterError;
  since: number;
  /** Milliseconds. */
  pause: number;
}

/**
 * Pauses after failures of renewing a login: a second at first, then twice that, up to a minute, or as
 * long as the server asks for. Nothing happens by itself: whoever asks in a pause gets the last error.
 */
export class BackOff {
  readonly #now: () => number;
  #last: Failure | undefined;
  #failures = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Why a login of this revision is not to be renewed now; undefined = it may be. */
  failure(revision: string | undefined): McpMasterError | undefined {
    if (this.#last === undefined || this.#last.revision !== revision) return undefined;
    const { error, since, pause } = this.#last;
    const passed = this.#now() - since;
    // A clock that was set back must not make the pause longer.
    const isOver = passed >= pause || (passed < 0 && pause !== FOR_EVER);
    return isOver ? undefined : error;
  }

  /** A refresh token that the server rejects is never sent again. */
  note(revision: string | undefined, error: McpMasterError): void {
    const grown = FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, MOST_DOUBLINGS);
    const asked = Math.min(error.retryAfterMs ?? 0, LONGEST_ASKED_MS);
    const bounded = Math.max(Math.min(grown, LONGEST_PAUSE_MS), asked);
    this.#failures += 1;
    const pause = error.code === 'REFRESH_REJECTED' ? FOR_EVER : bounded;
    this.#last = { revision, error, since: this.#now(), pause };
  }

  clear(): void {
    this.#last = undefined;
    this.#failures = 0;
  }
}
