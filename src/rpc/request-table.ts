import type { RequestId } from './message.ts';

/**
 * What belongs to each request under way, by its id; 1 and "1" are two.
 *
 * Not a `Map`: each table that V8's has outgrown points to the next one, so that a single old one
 * keeps all requests of a busy session in memory until the whole heap is collected.
 */
export class RequestTable<T> {
  readonly #numbered: Record<number, T> = Object.create(null);
  readonly #named: Record<string, T> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: RequestId): T | undefined {
    return typeof id === 'number' ? this.#numbered[id] : this.#named[id];
  }

  /** Files an entry in place of what was there. */
  set(id: RequestId, entry: T): void {
    if (this.get(id) === undefined) this.#size += 1;
    if (typeof id === 'number') this.#numbered[id] = entry;
    else this.#named[id] = entry;
  }

  /** Takes an entry out; undefined when there is none. */
  take(id: RequestId): T | undefined {
    const entry = this.get(id);
    if (entry === undefined) return undefined;
    this.#size -= 1;
    if (typeof id === 'number') delete this.#numbered[id];
    else delete this.#named[id];
    return entry;
  }

  /** All entries as they are now: some may be taken out while they are gone through. */
  entries(): T[] {
    return [...Object.values(this.#numbered), ...Object.values(this.#named)];
  }
}
