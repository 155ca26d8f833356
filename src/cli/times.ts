/** An RFC 3339 time in UTC; null when it is not known. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A length of time in its largest unit: `3 hours`, `1 day`. */
export function inWords(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms >= size) ?? UNITS[3];
  const count = Math.max(Math.floor(ms / length), 0);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** How long a login lasts, for people. */
export function untilExpiry(
  { expiresAt, hasRefreshToken }: { expiresAt?: number | undefined; hasRefreshToken: boolean },
  now: number,
): string {
  if (expiresAt === undefined) return 'the server says nothing of an expiry';
  const left = expiresAt - now;
  const when = left > 0 ? `expires in ${inWords(left)}` : `expired ${inWords(-left)} ago`;
  return hasRefreshToken ? `its token ${when} and is renewed by itself` : `it ${when}`;
}
