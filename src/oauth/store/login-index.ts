import * as json from './json.ts';
import type { LoginKey } from './login-key.ts';
import type { StoreName } from './secret-store.ts';
import type { StateFiles } from './state-files.ts';
import type { StoredLogin } from './stored-login.ts';

const FOLDER = 'logins';
const VERSION = 1;

/** What `auth status` shows of a login without touching the store: nothing secret. */
export interface LoginEntry {
  revision: string;
  server: string;
  account: string;
  store: StoreName;
  /** Milliseconds since the epoch; renewing the tokens changes nothing of it. */
  loggedInAt: number;
  issuer: string;
  scopes: string[];
  /** Milliseconds since the epoch; undefined = unknown. */
  expiresAt?: number | undefined;
  hasRefreshToken: boolean;
}

const schema = json.record({
  version: json.oneOf(VERSION),
  revision: json.text,
  server: json.text,
  account: json.text,
  store: json.oneOf('keychain', 'file'),
  loggedInAt: json.number,
  issuer: json.text,
  scopes: json.listOf(json.text),
  expiresAt: json.optional(json.number),
  hasRefreshToken: json.flag,
});

const anyVersion = json.record({ version: json.number });

/** The index of the logins: a file for each. One that can't be read counts as none, and is told. */
export class LoginIndex {
  readonly #files: StateFiles;
  readonly #warn: (message: string) => void;

  constructor(files: StateFiles, warn: (message: string) => void) {
    this.#files = files;
    this.#warn = warn;
  }

  get(file: string): LoginEntry | undefined {
    const text = this.#files.read(FOLDER, file);
    if (text === undefined) return undefined;
    const data = json.parse(schema, text);
    if (data === undefined) {
      this.#warn(`the record of a login, ${file}, is damaged or of a newer version`);
      return undefined;
    }
    const { version: _, ...entry } = data;
    return entry;
  }

  /** The names of all files, also of those that can't be read. */
  files(): string[] {
    return this.#files.list(FOLDER);
  }

  /** All that can be read, by their file. */
  all(): Map<string, LoginEntry> {
    const found = this.files().map((file) => [file, this.get(file)] as const);
    return new Map(found.flatMap(([file, entry]) => (entry === undefined ? [] : [[file, entry]])));
  }

  /** The files that can't be read: damaged, or of a newer version. */
  unreadable(): string[] {
    return this.files().filter((file) => this.get(file) === undefined);
  }

  /** Whether there is a record that is of no version: not even that of a newer program. */
  isDamaged(file: string): boolean {
    const text = this.#files.read(FOLDER, file);
    return text !== undefined && json.parse(anyVersion, text) === undefined;
  }

  async put(key: LoginKey, login: StoredLogin, store: StoreName): Promise<void> {
    const { revision, server, loggedInAt, authorizationServer, tokens } = login;
    const entry: LoginEntry = {
      ...{ revision, server, account: key.account, store, loggedInAt },
      issuer: authorizationServer.metadata.issuer,
      scopes: tokens.scopes,
      expiresAt: tokens.expiresAt,
      hasRefreshToken: tokens.refreshToken !== undefined,
    };
    await this.write(key.file, entry);
  }

  async write(file: string, entry: LoginEntry): Promise<void> {
    await this.#files.write(FOLDER, file, JSON.stringify({ version: VERSION, ...entry }));
  }

  remove(file: string): Promise<boolean> {
    return this.#files.remove(FOLDER, file);
  }

  /** Changes whenever the login does; undefined when there is none. Cheap. */
  version(file: string): string | undefined {
    return this.#files.version(FOLDER, file);
  }

  watch(onChange: () => void): () => void {
    return this.#files.watch(FOLDER, onChange);
  }
}
