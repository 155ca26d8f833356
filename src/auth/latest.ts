import type { McpMasterError } from '../errors.ts';

/** A value that others wait for, and that may be followed by another one. */
export class Latest<T> {
  current: T | undefined;
  #error: McpMasterError | undefined;
  readonly #waiting = new Set<{ resolve(value: T): void; reject(error: McpMasterError): void }>();

  set(value: T): void {
    this.current = value;
    for (const { resolve } of this.#waiting) resolve(value);
    this.#waiting.clear();
  }

  /** There will be no value: whoever has had one need not hear that. */
  fail(error: McpMasterError): void {
    this.#error = error;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** The value, once it is another one than this. */
  after(known: T | undefined): Promise<T> {
    if (this.#error !== undefined && known === undefined) return Promise.reject(this.#error);
    if (this.current !== undefined && this.current !== known) return Promise.resolve(this.current);
    return new Promise((resolve, fail) => {
      const reject = known === undefined ? fail : () => undefined;
      this.#waiting.add({ resolve, reject });
    });
  }
}
