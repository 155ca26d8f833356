import { randomUUID } from 'node:crypto';
import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import { loginRequired } from '../login-command.ts';
import type { HeldLock, Locks } from './locks.ts';
import type { LoginIndex } from './login-index.ts';
import type { LoginKey } from './login-key.ts';
import { parseLogin, type StoredLogin, serialiseLogin } from './stored-login.ts';
import type { Stores } from './stores.ts';

/** A login that is not saved yet. */
export type NewLogin = Omit<StoredLogin, 'revision'>;

/** A login that nobody else changes. */
export interface HeldLogin {
  /** As {@link Logins.read}. */
  read(): Promise<StoredLogin | undefined>;
  /** Makes sure, before the tokens of a login are spent, that the store will take its new ones. */
  rehearse(login: StoredLogin): Promise<void>;
  /** Whether that is still so: see {@link HeldLock}. */
  isHeld(): boolean;
  /** Saves it, whatever there is. */
  save(login: NewLogin): Promise<StoredLogin>;
  /**
   * Saves a changed login in place of the one of the same revision, and resolves with the login that
   * counts from now on: another one that somebody has made meanwhile is left alone, and after a logout
   * there is none, and none is made.
   */
  replace(renewed: StoredLogin): Promise<StoredLogin | undefined>;
  /** The same without its refresh token; the revision stays, so that its successor can still be saved. */
  withoutRefreshToken(login: StoredLogin): Promise<StoredLogin | undefined>;
}

/** A changed login, still of the revision that it replaces, and its new one. */
interface Change {
  login: StoredLogin;
  revision: string;
}

/** A login or a logout does not wait for a refresh that hangs: what comes of that is not saved then. */
const BY_A_PERSON = { patienceMs: 3000, insist: true };

/** What {@link Logins} works with. */
export interface LoginsDeps {
  locks: Locks;
  /** Registers a value that must never be shown. */
  secret(value: string): void;
  warn(message: string): void;
}

/**
 * The logins of this user: each one an item of the token store, and a record without secrets in the
 * index. What the store rejects with passes through.
 */
export class Logins {
  readonly index: LoginIndex;
  readonly #stores: Stores;
  readonly #locks: Locks;
  readonly #secret: (value: string) => void;
  readonly #warn: (message: string) => void;

  constructor(index: LoginIndex, stores: Stores, { locks, secret, warn }: LoginsDeps) {
    this.index = index;
    this.#stores = stores;
    this.#locks = locks;
    this.#secret = secret;
    this.#warn = warn;
  }

  /**
   * The login; undefined when there is none, which costs no look into the store. Rejects with
   * `LOGIN_REQUIRED` when the item is damaged, and `INTERNAL` when a newer version has written it.
   */
  async read(key: LoginKey): Promise<StoredLogin | undefined> {
    if (this.index.version(key.file) === undefined) return undefined;
    const store = this.#stores.current();
    const value = (await store.read([key.account])).get(key.account);
    if (value === undefined) return undefined;
    if (value instanceof McpMasterError) throw this.#unreadable(value, key);
    const login = parseLogin(value, key);
    this.#hide(login);
    // A record that can't be read any more is made anew from the item that it stood for.
    if (this.index.isDamaged(key.file)) await this.index.put(key, login, store.name);
    return login;
  }

  /** Saves a login in place of the one that there is. */
  save(key: LoginKey, login: NewLogin): Promise<StoredLogin> {
    return this.#locks.hold(lockName(key), () => this.#save(key, login), BY_A_PERSON);
  }

  /**
   * Lets `work` change a login while nobody else does, in any process. Rejects as `work` does, and
   * when the lock can't be had.
   */
  exclusively<T>(key: LoginKey, work: (login: HeldLogin) => Promise<T>): Promise<T> {
    return this.#locks.hold(lockName(key), (lock) =>
      work({
        read: () => this.read(key),
        rehearse: (login) => this.#stores.current().rehearse(serialiseLogin(login).length),
        isHeld: () => lock.isHeld(),
        save: (login) => this.#save(key, login),
        replace: (login) => this.#replace(key, { login, revision: randomUUID() }, lock),
        withoutRefreshToken: ({ tokens: { refreshToken: _, ...tokens }, ...rest }) =>
          this.#replace(key, { login: { ...rest, tokens }, revision: rest.revision }, lock),
      }),
    );
  }

  /** First the item, then the record that makes it seen. */
  async #save(key: LoginKey, login: NewLogin): Promise<StoredLogin> {
    const saved: StoredLogin = { ...login, revision: randomUUID() };
    this.#hide(saved);
    const store = this.#stores.current();
    const isNew = this.index.version(key.file) === undefined;
    await store.write(key.account, serialiseLogin(saved));
    try {
      await this.index.put(key, saved, store.name);
    } catch (error) {
      // Without a record nobody would ever see it; an old one is better than none.
      if (!isNew) return this.#saidOutdated(saved, error);
      await store.delete(key.account);
      throw error;
    }
    return saved;
  }

  async #replace(key: LoginKey, change: Change, lock: HeldLock): Promise<StoredLogin | undefined> {
    // A process that was suspended meanwhile has to queue up again.
    if (!lock.isHeld()) return this.#replaceAgain(key, change);
    const { login, revision } = change;
    this.#hide(login);
    const stored = await this.read(key);
    if (stored === undefined || stored.revision !== login.revision) return stored;
    const saved: StoredLogin = { ...login, revision };
    const store = this.#stores.current();
    // The look into the store may have taken long.
    if (!lock.isHeld()) return this.#replaceAgain(key, change);
    await store.write(key.account, serialiseLogin(saved));
    if (!lock.isHeld() && this.index.version(key.file) === undefined) {
      // Somebody has logged out while it was written.
      await store.delete(key.account);
      return undefined;
    }
    await this.index
      .put(key, saved, store.name)
      .catch((error: unknown) => this.#saidOutdated(saved, error));
    return saved;
  }

  #replaceAgain(key: LoginKey, change: Change): Promise<StoredLogin | undefined> {
    return this.#locks.hold(lockName(key), (lock) => this.#replace(key, change, lock));
  }

  /** Deletes a login where it is. When that store refuses, the record stays: it can be tried again. */
  async remove(key: Pick<LoginKey, 'account' | 'file'>): Promise<boolean> {
    if (this.index.version(key.file) === undefined) return false;
    return this.#locks.hold(lockName(key), () => this.#remove(key), BY_A_PERSON);
  }

  async #remove({ account, file }: Pick<LoginKey, 'account' | 'file'>): Promise<boolean> {
    if (this.index.version(file) === undefined) return false;
    const entry = this.index.get(file);
    const store = entry === undefined ? this.#stores.current() : this.#stores.get(entry.store);
    await store.delete(account);
    await this.index.remove(file);
    return true;
  }

  /** The item has what counts; the record only shows an old expiry. */
  #saidOutdated(saved: StoredLogin, error: unknown): StoredLogin {
    this.#warn(`the record of a login is not up to date: ${toMcpMasterError(error).message}`);
    return saved;
  }

  /** An item that is damaged in the store itself is a login that has to be made again, too. */
  #unreadable(error: McpMasterError, { server, commandFlags }: LoginKey): McpMasterError {
    if (error.code !== 'INTERNAL') return error;
    const message = `its stored login can't be read: ${error.message}`;
    return loginRequired(server, message, { cause: error, commandFlags });
  }

  #hide({ tokens, client }: StoredLogin): void {
    for (const value of [tokens.accessToken, tokens.refreshToken, client.clientSecret]) {
      if (value !== undefined) this.#secret(value);
    }
  }
}

function lockName({ file }: Pick<LoginKey, 'file'>): string {
  return `login-${file}`;
}
