import type { Backend } from '../backend/backend.ts';
import type { Lists } from './catalogue.ts';

/** Reads lists of a server; never rejects. */
type Refresh = (backend: Backend, kinds: readonly (keyof Lists)[]) => Promise<void>;

/** The refreshes of each server's lists, one after the other. */
export class RefreshQueue {
  readonly #refresh: Refresh;
  /** The latest of each server. */
  readonly #latest = new WeakMap<Backend, Promise<void>>();
  /** What the refresh that has not begun yet will read: changes until then are part of it. */
  readonly #due = new WeakMap<Backend, Set<keyof Lists>>();

  constructor(refresh: Refresh) {
    this.#refresh = refresh;
  }

  /** Reads these lists as soon as the refreshes before are done. */
  add(backend: Backend, kinds: readonly (keyof Lists)[]): void {
    const waiting = this.#due.get(backend);
    if (waiting !== undefined) {
      for (const kind of kinds) waiting.add(kind);
      return;
    }
    const due = new Set(kinds);
    this.#due.set(backend, due);
    const before = this.#latest.get(backend) ?? Promise.resolve();
    const refreshed = before.then(() => {
      this.#due.delete(backend);
      return this.#refresh(backend, [...due]);
    });
    this.#latest.set(backend, refreshed);
  }

  /** Settles when all that has been added for a server so far is read. */
  async settled(backend: Backend): Promise<void> {
    await this.#latest.get(backend);
  }
}
