import type { ServerConfig } from '../config/config.ts';

/** For each processor: while they start, programs also wait for a disk, a network, and for us. */
const AT_ONCE = 2;

/** How long one that is slow to start keeps the next ones waiting, in milliseconds. */
const LONGEST_TURN_MS = 100;

/**
 * Lets servers that are programs, and for which nobody waits, start a few at a time, two for each processor: a
 * hundred at once leave none to the client, which has its first list to read. Who connects to servers of
 * other kinds waits for nothing.
 */
export class StartQueue {
  /** Turns that nobody has. */
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(processors: number) {
    this.#free = AT_ONCE * processors;
  }

  /** Calls `start` when it is the server's turn, and settles as that does. */
  async run<T>({ endpoint }: Pick<ServerConfig, 'endpoint'>, start: () => Promise<T>): Promise<T> {
    if (endpoint.kind !== 'stdio') return start();
    await this.#turn();
    const started = (async () => start())();
    this.#endTurn(started);
    return started;
  }

  async #turn(): Promise<void> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
  }

  /** Hands a turn on, once: when the program is up or has failed, or after a moment. */
  #endTurn(started: Promise<unknown>): void {
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
    const timer = setTimeout(end, LONGEST_TURN_MS);
    timer.unref();
    started.then(end, end);
  }
}
