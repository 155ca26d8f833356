import type { Backend } from '../backend/backend.ts';
import type { Lists } from './catalogue.ts';

/** Reads lists of a server; never rejects. */
type Refresh = (backend: Backend, kinds: readonly (keyof Lists)[]) => Promise<void>;

/** The refreshes of each server's lists, one after the other. */
export class RefreshQueue {
  readonly #refresh: Refresh;
  /** The latest of each server. */
  readonly #latest = new Map<string, Promise<void>>();
  /** What the refresh that has not begun yet will read: changes until then are part of it. */
  readonly #due = new Map<string, Set<keyof Lists>>();

  constructor(refresh: Refresh) {
    this.#refresh = refresh;
  }

  /** Reads these lists as soon as the refreshes before are done. */
  add(backend: Backend, kinds: readonly (keyof Lists)[]): void {
    const { name } = backend;
    const waiting = this.#due.get(name);
    if (waiting !== undefined) {
      for (const kind of kinds) waiting.add(kind);
      return;
    }
    const due = new Set(kinds);
    this.#due.set(name, due);
    const before = this.#latest.get(name) ?? Promise.resolve();
    const refreshed = before.then(() => {
      this.#due.delete(name);
      return this.#refresh(backend, [...due]);
    });
    this.#latest.set(name, refreshed);
  }

  /** Settles when all that has been added for a server so far is read. */
  async settled(server: string): Promise<void> {
    await this.#latest.get(server);
  }
}
