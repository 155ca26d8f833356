import * as json from './json.ts';
import { digest, type Owner, secretAccount } from './login-key.ts';
import type { StoreName } from './secret-store.ts';
import type { StateFiles } from './state-files.ts';
import type { Stores } from './stores.ts';

const FOLDER = 'secrets';
const VERSION = 1;
const DIGITS = 8;

/** A secret's record: everything but its value. */
export interface SecretEntry {
  name: string;
  account: string;
  store: StoreName;
  /** Milliseconds since the epoch. */
  changedAt: number;
}

const schema = json.record({
  version: json.oneOf(VERSION),
  name: json.text,
  account: json.text,
  store: json.oneOf('keychain', 'file'),
  changedAt: json.number,
});

/** What {@link UserSecrets} works with. */
export interface UserSecretsDeps {
  files: StateFiles;
  stores: Stores;
  owner: Owner;
  now(): number;
  /** Registers a value that must never be shown. */
  secret(value: string): void;
  warn(message: string): void;
}

/** The secrets that the user stores under a name, for `keyring:NAME` in the configuration. */
export class UserSecrets {
  readonly #deps: UserSecretsDeps;

  constructor(deps: UserSecretsDeps) {
    this.#deps = deps;
  }

  /** Undefined when none of that name is stored, which costs no look into the store. */
  async read(name: string): Promise<string | undefined> {
    const { stores, secret } = this.#deps;
    if (this.version(name) === undefined) return undefined;
    const account = this.#accountOf(name);
    const value = (await stores.current().read([account])).get(account);
    if (value !== undefined && typeof value !== 'string') throw value;
    if (value !== undefined) secret(value);
    return value;
  }

  async set(name: string, value: string): Promise<void> {
    const { stores, secret, now } = this.#deps;
    secret(value);
    const store = stores.current();
    const account = this.#accountOf(name);
    const isNew = this.version(name) === undefined;
    await store.write(account, value);
    try {
      await this.write({ name, account, store: store.name, changedAt: now() });
    } catch (error) {
      // Without a record nobody would ever see it.
      if (isNew) await store.delete(account);
      throw error;
    }
  }

  /** Deletes it where it is, and resolves with whether there was one. */
  async delete(name: string): Promise<boolean> {
    const { files, stores } = this.#deps;
    const file = fileOf(name);
    if (this.version(name) === undefined) return false;
    const entry = this.#parse(file);
    const store = entry === undefined ? stores.current() : stores.get(entry.store);
    await store.delete(this.#accountOf(name));
    await files.remove(FOLDER, file);
    return true;
  }

  /** Drops the record of a secret, and leaves the store alone. */
  forget(name: string): Promise<boolean> {
    return this.#deps.files.remove(FOLDER, fileOf(name));
  }

  /** All that are stored, by name. */
  list(): SecretEntry[] {
    return this.#deps.files.list(FOLDER).flatMap((file) => {
      const entry = this.#parse(file);
      return entry === undefined ? [] : [entry];
    });
  }

  /** Replaces the record of a secret. */
  async write(entry: SecretEntry): Promise<void> {
    const text = JSON.stringify({ version: VERSION, ...entry });
    await this.#deps.files.write(FOLDER, fileOf(entry.name), text);
  }

  /** Changes whenever the secret does; undefined when there is none. Cheap. */
  version(name: string): string | undefined {
    return secretVersion(this.#deps.files, name);
  }

  watch(onChange: () => void): () => void {
    return this.#deps.files.watch(FOLDER, onChange);
  }

  #parse(file: string): SecretEntry | undefined {
    const text = this.#deps.files.read(FOLDER, file);
    if (text === undefined) return undefined;
    const data = json.parse(schema, text);
    if (data === undefined) {
      this.#deps.warn(`the record of a secret, ${file}, is damaged or of a newer version`);
      return undefined;
    }
    const { version: _, ...entry } = data;
    return entry;
  }

  #accountOf(name: string): string {
    return secretAccount(name, this.#deps.owner);
  }
}

/** The version of a secret, as {@link UserSecrets} tell it. */
export function secretVersion(files: StateFiles, name: string): string | undefined {
  return files.version(FOLDER, fileOf(name));
}

/** Names that differ in nothing but case are different also where the file system sees them as one. */
function fileOf(name: string): string {
  return `${name}-${digest(name, DIGITS)}`;
}
