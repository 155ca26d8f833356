import { type FSWatcher, mkdirSync, statSync, watch } from 'node:fs';
import type { Logger } from '../log.ts';

/** What {@link watchFolder} works with. */
export interface FolderWatch {
  /** Differs whenever something in the folder changed. */
  state(): string;
  onChange(): void;
  log: Logger;
}

const POLL_MS = 1000;

/**
 * Calls back after something in a folder changed, which is made if need be: by the system's events,
 * and where they can't be had (a network disk, too many watches, the folder is replaced) by looking
 * every second. Never keeps the process alive. Returns the way to stop.
 */
export function watchFolder(path: string, options: FolderWatch): () => void {
  const watcher = new FolderWatcher(path, options);
  return () => watcher.stop();
}

class FolderWatcher {
  readonly #path: string;
  readonly #options: FolderWatch;
  #seen: string;
  #events: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(path: string, options: FolderWatch) {
    this.#path = path;
    this.#options = options;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const identity = identityOf(path);
      this.#events = watch(path, { persistent: false }, () => this.#hear(identity));
      this.#events.on('error', (error) => this.#poll(error.message));
    } catch (error) {
      this.#poll(String(error));
    }
    // After the watch has begun: a change in between is seen by either.
    this.#seen = options.state();
  }

  stop(): void {
    this.#stopped = true;
    this.#events?.close();
    clearTimeout(this.#timer);
  }

  /** At once: whoever has changed something may use it the next moment. */
  #hear(identity: string | undefined): void {
    if (identityOf(this.#path) !== identity) this.#poll('the folder was replaced');
    else this.#compare();
  }

  /** From now on without the system's events. */
  #poll(reason: string): void {
    if (this.#stopped) return;
    this.#options.log.debug(`looking every second for changes in ${this.#path}: ${reason}`);
    this.#events?.close();
    clearTimeout(this.#timer);
    this.#lookLater();
  }

  #look(): void {
    this.#compare();
    if (!this.#stopped) this.#lookLater();
  }

  #compare(): void {
    const state = this.#options.state();
    if (state === this.#seen) return;
    this.#seen = state;
    this.#options.onChange();
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => this.#look(), POLL_MS).unref();
  }
}

/** What tells a folder from another one in its place; undefined when there is none. */
function identityOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  // The number of a removed folder is soon given to another one.
  return stats && `${stats.ino} ${stats.birthtimeNs}`;
}
