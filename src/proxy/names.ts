import { createHash } from 'node:crypto';

/** Stands between a server's prefix and the name of its tool. */
export const SEPARATOR = '__';

const HASH_LENGTH = 8;

/** What a tool is called towards the client. */
export interface ToolIdentity {
  server: string;
  prefix: string;
  /** The name that the server gave it. */
  tool: string;
}

/**
 * The name under which a client sees a tool: `prefix__tool`, or the tool's own without a prefix, if
 * that has only letters, digits, `_` and `-` and fits into `limit` characters. Otherwise a readable
 * beginning and a hash of server and tool: it depends on nothing else, so that it stays the same
 * whatever the other servers offer.
 */
export function qualifiedName(identity: ToolIdentity, limit: number): string {
  const name = plainName(identity);
  const clean = name.replace(/[^A-Za-z0-9_-]/gu, '_');
  return clean === name && name.length <= limit ? name : hashedName(identity, clean, limit);
}

/** The name for a tool whose {@link qualifiedName} is taken by a server earlier in the file. */
export function alternativeName(identity: ToolIdentity, limit: number): string {
  if (identity.prefix === '') return qualifiedName({ ...identity, prefix: identity.server }, limit);
  return hashedName(identity, qualifiedName(identity, limit), limit);
}

function plainName({ prefix, tool }: ToolIdentity): string {
  return prefix === '' ? tool : `${prefix}${SEPARATOR}${tool}`;
}

function hashedName({ server, tool }: ToolIdentity, readable: string, limit: number): string {
  const hash = createHash('sha256').update(`${server}\0${tool}`).digest('hex');
  return `${readable.slice(0, limit - HASH_LENGTH - 1)}_${hash.slice(0, HASH_LENGTH)}`;
}
