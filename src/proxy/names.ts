import { hash } from 'node:crypto';

/** Stands between a server's prefix and the name of its tool or prompt. */
export const SEPARATOR = '__';

const HASH_LENGTH = 8;

/** Whose tool or prompt it is, and what it is called there. */
export interface Identity {
  server: string;
  prefix: string;
  /** The name that the server gave it. */
  name: string;
}

/**
 * The name under which a client sees a tool: `prefix__name`, or its own name without a prefix, if
 * that has only letters, digits, `_` and `-` and fits into `limit` characters. Otherwise a readable
 * beginning and a hash of server and name: it depends on nothing else, so that it stays the same
 * whatever the other servers offer.
 */
export function qualifiedName(identity: Identity, limit: number): string {
  const plain = plainName(identity);
  const clean = plain.replace(/[^A-Za-z0-9_-]/gu, '_');
  return clean === plain && plain.length <= limit ? plain : hashedName(identity, clean, limit);
}

/** The name for one whose {@link qualifiedName} is taken by a server earlier in the file. */
export function alternativeName(identity: Identity, limit: number): string {
  if (identity.prefix === '') return qualifiedName({ ...identity, prefix: identity.server }, limit);
  return hashedName(identity, qualifiedName(identity, limit), limit);
}

function plainName({ prefix, name }: Identity): string {
  return prefix === '' ? name : `${prefix}${SEPARATOR}${name}`;
}

function hashedName({ server, name }: Identity, readable: string, limit: number): string {
  const suffix = hash('sha256', `${server}\0${name}`).slice(0, HASH_LENGTH);
  return `${readable.slice(0, limit - HASH_LENGTH - 1)}_${suffix}`;
}
