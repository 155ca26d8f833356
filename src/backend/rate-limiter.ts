import type { RateLimit } from '../config/config.ts';

/** Spreads requests so that no more than `requests` of them begin in any `per` seconds. */
export class RateLimiter {
  readonly #limit: RateLimit;
  /** When the latest `requests` of them begin, in milliseconds, the oldest first. */
  readonly #begins: number[] = [];

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /**
   * Takes the next place, and gives the milliseconds until its time comes; undefined, without taking
   * it, when that is more than `longestMs`.
   */
  reserve(now: number, longestMs: number): number | undefined {
    const { requests, per } = this.#limit;
    const blocking = this.#begins.length < requests ? undefined : this.#begins[0];
    const begin = blocking === undefined ? now : Math.max(now, blocking + per * 1000);
    if (begin - now > longestMs) return undefined;
    this.#begins.push(begin);
    if (this.#begins.length > requests) this.#begins.shift();
    return begin - now;
  }

  /** Gives back a place whose time has not come: the milliseconds at which it would have begun. */
  release(begin: number): void {
    const at = this.#begins.lastIndexOf(begin);
    if (at >= 0) this.#begins.splice(at, 1);
  }
}
