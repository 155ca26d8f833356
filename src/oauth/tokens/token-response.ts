import type { Fields } from './endpoint-post.ts';

/** Beyond ten years a lifetime is a mistake (seconds since the epoch, or all nines). */
const LONGEST_LIFE_S = 10 * 365 * 24 * 60 * 60;

/** What can stand in an `Authorization` header (RFC 6750 §2.1 allows less). */
const TOKEN = /^[\x21-\x7e]+$/;

/** A token response as RFC 6749 §5.1 wants it. */
export interface TokenResponse {
  access_token: string;
  token_type: 'bearer';
  refresh_token?: string;
  /** Seconds, more than 0; absent when the server gave no usable figure. */
  expires_in?: number;
  scope?: string;
}

/**
 * Makes a conforming token response of what servers really send: members of other types are left
 * out, and so is an ID token, which nobody asked for. As text: why it can't be used.
 */
export function readTokenResponse(fields: Fields): TokenResponse | string {
  const { access_token: token, token_type: type = 'bearer' } = fields;
  if (typeof token !== 'string' || token === '') return 'there is no access_token in it';
  if (!TOKEN.test(token)) return 'its access_token has characters that can not be sent';
  if (typeof type !== 'string' || !['', 'bearer'].includes(type.toLowerCase())) {
    const named = typeof type === 'string' ? type : 'that is no text';
    return `its token is of the type ${named}, and only Bearer tokens can be used`;
  }
  const { refresh_token: refreshToken } = fields;
  const expiresIn = readSeconds(fields['expires_in']);
  const scope = readScope(fields['scope']);
  return {
    access_token: token,
    token_type: 'bearer',
    ...(typeof refreshToken === 'string' && refreshToken !== '' && { refresh_token: refreshToken }),
    ...(expiresIn !== undefined && { expires_in: expiresIn }),
    ...(scope !== undefined && { scope }),
  };
}

/**
 * A length of time, which some servers send as text. Zero and the like stand for "unknown": what were
 * over at once would be of no use.
 */
export function readSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= LONGEST_LIFE_S)) return undefined;
  return seconds;
}

/** GitHub separates scopes with commas; some send a list. */
function readScope(value: unknown): string | undefined {
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  const texts = parts.filter((part) => typeof part === 'string');
  if (texts.length === 0) return undefined;
  return texts.flatMap((text) => text.split(/[\s,]+/).filter(Boolean)).join(' ');
}
