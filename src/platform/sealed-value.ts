import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Derivation, DerivedKeys } from './encryption-key.ts';

const VERSION = 1;
const CIPHER = 'aes-256-gcm';
/** NIST SP 800-38D §8.2.2: random, and far from the number of uses at which two would meet. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A value as it is in its file, not yet decrypted. */
export interface SealedValue {
  derivation: Derivation;
  salt: Buffer;
  /** Of the key that it was sealed with. */
  check: Buffer;
  iv: Buffer;
  tag: Buffer;
  data: Buffer;
}

/** The text of the file that holds `value` for `account`. */
export function seal(keys: DerivedKeys, account: string, value: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, keys.encryption, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(contextOf(keys, account));
  const data = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  const parts = { salt: keys.salt, check: keys.check, iv, tag: cipher.getAuthTag(), data };
  const encoded = Object.entries(parts).map(([name, bytes]) => [name, bytes.toString('base64')]);
  const header = { version: VERSION, cipher: CIPHER, derivation: keys.derivation };
  return `${JSON.stringify({ ...header, ...Object.fromEntries(encoded) })}\n`;
}

/** The value; undefined when the file was changed, or is another account's. */
export function unseal(
  keys: DerivedKeys,
  account: string,
  { iv, tag, data }: SealedValue,
): string | undefined {
  try {
    const decipher = createDecipheriv(CIPHER, keys.encryption, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(contextOf(keys, account));
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8');
  } catch {
    // The one thing that can go wrong here: the tag does not fit.
    return undefined;
  }
}

/** Undefined for what is no such file, or one of a newer version. */
export function parseSealed(text: string): SealedValue | undefined {
  const file = parseObject(text);
  const derivation = (['hkdf', 'scrypt'] as const).find((known) => known === file['derivation']);
  const bytes = (name: string) => Buffer.from(String(file[name] ?? ''), 'base64');
  if (file['version'] !== VERSION || file['cipher'] !== CIPHER || !derivation) return undefined;
  const sealed = { salt: bytes('salt'), check: bytes('check'), iv: bytes('iv'), tag: bytes('tag') };
  // Node.js would take a tag of 4 bytes, too, which is soon guessed.
  if (sealed.iv.length !== IV_BYTES || sealed.tag.length !== TAG_BYTES) return undefined;
  if (sealed.salt.length === 0 || sealed.check.length === 0) return undefined;
  return { derivation, ...sealed, data: bytes('data') };
}

/** Authenticated with the data, so that neither the header nor the file of an account can be changed. */
function contextOf({ derivation, salt }: DerivedKeys, account: string): Buffer {
  return Buffer.from(
    JSON.stringify([VERSION, CIPHER, derivation, salt.toString('base64'), account]),
  );
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
