import { hash } from 'node:crypto';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SecretStore } from '../oauth/store/secret-store.ts';
import {
  type DerivedKeys,
  type EncryptionKey,
  findEncryptionKey,
  MAKE_KEY,
  newSalt,
} from './encryption-key.ts';
import { probeStore } from './probe-store.ts';
import { errorCode, fileError, removeAbandoned, removeFile, replaceFile } from './replace-file.ts';
import { parseSealed, type SealedValue, seal, unseal } from './sealed-value.ts';

/** What the encrypted files take from the world. */
export interface EncryptedFilesOptions {
  /** The state folder; the files are in `tokens` within. */
  folder: string;
  /** Where `OAUTH_ENCRYPTION_KEY` or `OAUTH_ENCRYPTION_KEY_FILE` is. */
  env: Environment;
  log: Logger;
}

const EXTENSION = '.json';
const LARGEST_BYTES = 64 * 1024 * 1024;
const PROBE = 'probe-';
const SAME_KEY = `Set OAUTH_ENCRYPTION_KEY to the key that the files were saved with, for example in \`.env\` beside the configuration, where every program that starts mcp-master finds it. A new key (\`${MAKE_KEY}\`) can not read them.`;
const READABLE_CHARACTERS = 40;
const HASH_DIGITS = 32;

/**
 * Secrets as files, one for each account, encrypted with AES-256-GCM under the user's key, for
 * computers without a keychain. Processes may share the folder: each file is replaced as a whole.
 */
export function createEncryptedFiles(options: EncryptedFilesOptions): SecretStore {
  return new EncryptedFiles(options);
}

class EncryptedFiles implements SecretStore {
  readonly name = 'file';
  readonly #folder: string;
  readonly #env: Environment;
  readonly #log: Logger;
  #key: EncryptionKey | undefined;
  /** For the first file of a folder. */
  #newSalt: Buffer | undefined;

  constructor({ folder, env, log }: EncryptedFilesOptions) {
    this.#folder = join(folder, 'tokens');
    this.#env = env;
    this.#log = log;
  }

  async read(accounts: readonly string[]): Promise<Map<string, string | McpMasterError>> {
    const key = await this.#findKey();
    const found = new Map<string, string | McpMasterError>();
    for (const account of accounts) {
      const value = await this.#readOne(key, account).catch((error: unknown) => {
        if (error instanceof McpMasterError) return error;
        throw error;
      });
      if (value !== undefined) found.set(account, value);
    }
    return found;
  }

  async write(account: string, value: string): Promise<void> {
    const key = await this.#findKey();
    const keys = await this.#keysForWriting(key);
    await removeAbandoned(this.#folder);
    await replaceFile(this.#fileOf(account), seal(keys, account, value));
    // What is there now may be a later writer's: readable it must be.
    await this.#readOne(key, account);
  }

  delete(account: string): Promise<boolean> {
    return removeFile(this.#fileOf(account));
  }

  /** By a file that is written and removed. */
  rehearse(): Promise<void> {
    return this.probe();
  }

  probe(): Promise<void> {
    return probeStore(this);
  }

  close(): void {
    this.#key = undefined;
  }

  async #findKey(): Promise<EncryptionKey> {
    try {
      this.#key ??= findEncryptionKey(this.#env, this.#log);
      return this.#key;
    } catch (error) {
      const { code, message, hint, cause } = toMcpMasterError(error);
      // A new key would be of no use for what there is.
      const own = (await this.#files()).length > 0 ? SAME_KEY : hint;
      throw new McpMasterError(code, message, { hint: own, cause });
    }
  }

  async #readOne(key: EncryptionKey, account: string): Promise<string | undefined> {
    const path = this.#fileOf(account);
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    const sealed = parseSealed(text);
    if (sealed === undefined) throw damaged(path);
    const keys = await keysOf(key, sealed);
    if (keys === undefined) throw this.#wrongKey(path);
    const value = unseal(keys, account, sealed);
    if (value === undefined) throw damaged(path);
    return value;
  }

  /**
   * Under the salt of the files that there are, so that a passphrase is stretched once a process.
   * Where any of them has another key, nothing is written: it would lock out its owner, or its reader.
   */
  async #keysForWriting(key: EncryptionKey): Promise<DerivedKeys> {
    let first: DerivedKeys | undefined;
    for (const path of await this.#files()) {
      const sealed = parseSealed((await readIfThere(path)) ?? '');
      if (sealed === undefined) continue;
      const keys = await keysOf(key, sealed);
      if (keys === undefined) throw this.#wrongKey(path);
      first ??= keys;
    }
    this.#newSalt ??= newSalt();
    return first ?? key.derive(this.#newSalt);
  }

  async #files(): Promise<string[]> {
    try {
      const names = (await readdir(this.#folder)).filter(
        // What a killed probe has left behind is nobody's secret.
        (name) => name.endsWith(EXTENSION) && !name.startsWith(PROBE),
      );
      // A backup that was put back may have left it open to others.
      if (((await stat(this.#folder)).mode & 0o077) !== 0) await chmod(this.#folder, 0o700);
      return names.sort().map((name) => join(this.#folder, name));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw fileError(this.#folder, 'read', error);
    }
  }

  /** Of a readable part and a hash, since accounts may differ in what no file name can hold. */
  #fileOf(account: string): string {
    const readable = account.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, READABLE_CHARACTERS);
    const suffix = hash('sha256', account).slice(0, HASH_DIGITS);
    return join(this.#folder, `${readable}-${suffix}${EXTENSION}`);
  }

  #wrongKey(path: string): McpMasterError {
    return new McpMasterError(
      'ENCRYPTION_KEY_WRONG',
      `${path} was encrypted with another key than the one that is set`,
      {
        hint: `Set OAUTH_ENCRYPTION_KEY to the key that it was saved with. If that is lost, remove the folder ${this.#folder}, log in again with --force, and store your secrets again.`,
      },
    );
  }
}

/** The keys under the salt of a file; undefined when it was sealed with another key. */
async function keysOf(key: EncryptionKey, sealed: SealedValue): Promise<DerivedKeys | undefined> {
  if (sealed.derivation !== key.derivation) return undefined;
  const keys = await key.derive(sealed.salt);
  return keys.check.equals(sealed.check) ? keys : undefined;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const about = await stat(path);
    // A pipe in its place would be waited for without end.
    if (!about.isFile() || about.size > LARGEST_BYTES) return '';
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError(path, 'read', error);
  }
}

function damaged(path: string): McpMasterError {
  return new McpMasterError('INTERNAL', `the encrypted file ${path} is damaged`, {
    hint: 'Save it again: mcp-master auth login, or mcp-master secret set for a secret of your own.',
  });
}
