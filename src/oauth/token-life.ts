import type { StoredLogin } from './store/stored-login.ts';
import type { TokenSet } from './tokens/token-set.ts';

/** A token is renewed this long before its end, or a fifth of its life before, if that is less. */
const LONGEST_MARGIN_MS = 60_000;
const SHARE_OF_LIFE = 0.2;

/** Whether it is time to renew a token, by the clock on the wall: a computer that has slept is late. */
export function isDue({ expiresAt, obtainedAt }: TokenSet, now: number): boolean {
  if (expiresAt === undefined) return false;
  const margin = Math.min(LONGEST_MARGIN_MS, Math.max(expiresAt - obtainedAt, 0) * SHARE_OF_LIFE);
  return expiresAt - now <= margin;
}

/** Whether a login can be renewed without a person; `obtain`: how one is got without any. */
export function isRenewable({ tokens }: StoredLogin, { obtain }: { obtain?: unknown }): boolean {
  return tokens.refreshToken !== undefined || obtain !== undefined;
}
