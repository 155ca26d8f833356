import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import type { Environment } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { readRegularFile, statFile } from './regular-file.ts';

/** A command that makes a key, for messages. */
export const MAKE_KEY = 'openssl rand -hex 32';

const SHORTEST = 32;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const CHECK_BYTES = 16;

/** 128 MiB and a third of a second for each guess (RFC 7914; OWASP's first choice of parameters). */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/** How a key's text becomes a key: `hkdf` for 32 random bytes or more, `scrypt` for a passphrase. */
export type Derivation = 'hkdf' | 'scrypt';

/** What a key's text and a salt make. */
export interface DerivedKeys {
  derivation: Derivation;
  salt: Buffer;
  /** For AES-256. */
  encryption: Buffer;
  /** Tells a wrong key from a damaged file; says nothing of the other one. */
  check: Buffer;
}

/** The user's key. Each salt costs one derivation, however often it is asked for. */
export class EncryptionKey {
  readonly derivation: Derivation;
  readonly #text: string;
  readonly #raw: Buffer | undefined;
  readonly #derived = new Map<string, Promise<DerivedKeys>>();

  constructor(text: string) {
    this.#text = text;
    this.#raw = decodeKey(text);
    this.derivation = this.#raw === undefined ? 'scrypt' : 'hkdf';
  }

  derive(salt: Buffer): Promise<DerivedKeys> {
    const name = salt.toString('base64');
    let derived = this.#derived.get(name);
    if (derived === undefined) {
      derived = this.#compute(salt);
      this.#derived.set(name, derived);
      // For want of memory, say: the next one may have more of it.
      derived.catch(() => this.#derived.delete(name));
    }
    return derived;
  }

  async #compute(salt: Buffer): Promise<DerivedKeys> {
    const root = this.#raw ?? (await stretch(this.#text, salt));
    const expand = (purpose: string, length: number) =>
      Buffer.from(hkdfSync('sha256', root, salt, `mcp-master tokens 1 ${purpose}`, length));
    const encryption = expand('encryption', KEY_BYTES);
    return { derivation: this.derivation, salt, encryption, check: expand('check', CHECK_BYTES) };
  }
}

export function newSalt(): Buffer {
  return randomBytes(SALT_BYTES);
}

/**
 * The key of `OAUTH_ENCRYPTION_KEY` or of the file that `OAUTH_ENCRYPTION_KEY_FILE` names, without
 * white space around it. Throws `ENCRYPTION_KEY_INVALID` when there is none, when both are set and
 * differ, and for one of less than 32 characters.
 */
export function findEncryptionKey(env: Environment, log: Logger): EncryptionKey {
  const direct = env['OAUTH_ENCRYPTION_KEY']?.trim() || undefined;
  const path = env['OAUTH_ENCRYPTION_KEY_FILE'] || undefined;
  const filed = path === undefined ? undefined : readKeyFile(path, log);
  if (direct !== undefined && filed !== undefined && direct !== filed) {
    throw invalid('OAUTH_ENCRYPTION_KEY and OAUTH_ENCRYPTION_KEY_FILE hold different keys');
  }
  const text = direct ?? filed;
  if (text === undefined) {
    throw invalid('there is no key for the encrypted files: OAUTH_ENCRYPTION_KEY is not set');
  }
  const source = direct === undefined ? `the key in ${path}` : 'OAUTH_ENCRYPTION_KEY';
  if (text.length < SHORTEST) {
    throw invalid(`${source} has ${text.length} characters; ${SHORTEST} are the least`);
  }
  return new EncryptionKey(text);
}

function readKeyFile(path: string, log: Logger): string {
  try {
    const text = readRegularFile(path).trim();
    // On Windows the mode says nothing of who may read it.
    const open = process.platform !== 'win32' && ((statFile(path)?.mode ?? 0) & 0o077) !== 0;
    if (open) log.warn(`others can read the key in ${path}: run chmod 600 ${path}`);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`OAUTH_ENCRYPTION_KEY_FILE can't be read: ${reason}`, error);
  }
}

function invalid(message: string, cause?: unknown): McpMasterError {
  return new McpMasterError('ENCRYPTION_KEY_INVALID', message, {
    hint: `Make a key with \`${MAKE_KEY}\`, keep it, and set OAUTH_ENCRYPTION_KEY to it, or OAUTH_ENCRYPTION_KEY_FILE to a file that holds it.`,
    cause,
  });
}

/**
 * The bytes of a text that is a random key in hex or base64; undefined for any other text. Words in
 * a row are base64, too, but no random key: those lack digits or one of the cases.
 */
function decodeKey(text: string): Buffer | undefined {
  if (/^([0-9a-f]{2}){32,}$/i.test(text)) return Buffer.from(text, 'hex');
  const looksRandom = /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
  if (!looksRandom || !/^[\w+/-]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  const plain = (base64: string) =>
    base64.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
  const canonical = plain(bytes.toString('base64')) === plain(text);
  return canonical && bytes.length >= KEY_BYTES ? bytes : undefined;
}

function stretch(text: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(text.normalize('NFC'), salt, KEY_BYTES, SCRYPT, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
