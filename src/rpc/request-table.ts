import type { RequestId } from './message.ts';

/** Requests after which the table is made anew, if there are not more of them in it. */
const RENEWED_AFTER = 500;

/**
 * What belongs to each request under way, by its id; 1 and "1" are two.
 *
 * Each table that V8's `Map` has outgrown points to the next one, so that a single old one would keep all requests
 * of a busy session in memory until the whole heap is collected. Another `Map` is not part of that chain.
 */
export class RequestTable<T> {
  #entries = new Map<RequestId, T>();
  #taken = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(id: RequestId): T | undefined {
    return this.#entries.get(id);
  }

  /** Files an entry in place of what was there. */
  set(id: RequestId, entry: T): void {
    this.#entries.set(id, entry);
  }

  /** Takes an entry out; undefined when there is none. */
  take(id: RequestId): T | undefined {
    const entry = this.#entries.get(id);
    if (!this.#entries.delete(id)) return undefined;
    this.#taken += 1;
    if (this.#taken > Math.max(RENEWED_AFTER, this.#entries.size)) {
      this.#entries = new Map(this.#entries);
      this.#taken = 0;
    }
    return entry;
  }

  /** All entries as they are now: some may be taken out while they are gone through. */
  entries(): T[] {
    return [...this.#entries.values()];
  }
}
