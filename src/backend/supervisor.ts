import type { Logger } from '../log.ts';

/** The first restart follows after this time, each further one after twice the time. */
const FIRST_DELAY_MS = 1000;

/** Restarts in a row after which a server is left alone until somebody needs it. */
const MOST_RESTARTS = 5;

/** A server that has run for this long has recovered: the count begins anew. */
const RECOVERED_MS = 60_000;

/** What a {@link Supervisor} takes from the world. */
export interface SupervisorOptions {
  /** Starts the server again. Must report its own failure with {@link Supervisor.lost}. */
  restart(): void;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
}

/**
 * Restarts a server that was up and went down, later each time, and not for ever. One that never was
 * up is nobody's to restart: whoever needs it tries again.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #restarts = 0;
  #upSince: number | undefined;
  #wasUp = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The server is up. */
  up(): void {
    clearTimeout(this.#timer);
    this.#wasUp = true;
    this.#upSince = this.#options.now();
  }

  /** The server went down, or could not be started again. */
  lost(): void {
    if (!this.#wasUp) return;
    const { log, now, restart } = this.#options;
    if (this.#upSince !== undefined && now() - this.#upSince >= RECOVERED_MS) this.#restarts = 0;
    this.#upSince = undefined;
    if (this.#restarts >= MOST_RESTARTS) {
      log.warn(`it went down ${MOST_RESTARTS + 1} times: it is started again when it is needed`);
      this.#wasUp = false;
      this.#restarts = 0;
      return;
    }
    const delay = FIRST_DELAY_MS * 2 ** this.#restarts;
    this.#restarts += 1;
    log.info(`it is started again in ${delay / 1000} s`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(restart, delay);
  }

  /** Nothing is restarted any more. */
  end(): void {
    this.#wasUp = false;
    clearTimeout(this.#timer);
  }
}
