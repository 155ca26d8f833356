/** What has no method: the server's stream, an answer of ours, a token that could not be had. */
const NO_METHOD = '';

/** The methods that were refused on one connection, and not taken since. */
export class StandingRefusals {
  readonly #methods = new Set<string>();

  get any(): boolean {
    return this.#methods.size > 0;
  }

  note(method: string | undefined): void {
    this.#methods.add(method ?? NO_METHOD);
  }

  /** Hears that a method was taken. True when with that nothing stands any more that did stand before. */
  areMetBy(method: string | undefined): boolean {
    if (!this.any) return false;
    this.#methods.delete(method ?? NO_METHOD);
    // What has no method can't be waited for: it may never come again.
    this.#methods.delete(NO_METHOD);
    return !this.any;
  }
}
