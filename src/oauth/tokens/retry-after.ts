/** Whoever asks for more is not taken at his word. */
const LONGEST_MS = 24 * 60 * 60 * 1000;

/**
 * The value of a `Retry-After` header, seconds or a date (RFC 9110 §10.2.3), as milliseconds from
 * `now`, a day at most; undefined when it is neither.
 */
export function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), LONGEST_MS);
}
