/** An RFC 3339 time in UTC; null when it is not known. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** A length of time in its largest unit, rounded to minutes: `3 hours`, `1 day`, `10 minutes`. */
export function inWords(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 0);
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return counted(seconds, 'second');
  if (minutes < 60) return counted(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? counted(hours, 'hour') : counted(Math.floor(hours / 24), 'day');
}

/** How long ago something was: `3 minutes ago`, `just now`. */
export function ago(at: number, now: number): string {
  return now - at < MOMENT_MS ? 'just now' : `${inWords(now - at)} ago`;
}

const MOMENT_MS = 5000;

/** `1 tool`, `3 tools`. */
export function counted(count: number, unit: string): string {
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
