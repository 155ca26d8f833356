import { randomUUID } from 'node:crypto';
import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import { loginRequired } from '../login-command.ts';
import type { LoginIndex } from './login-index.ts';
import type { LoginKey } from './login-key.ts';
import { parseLogin, type StoredLogin, serialiseLogin } from './stored-login.ts';
import type { Stores } from './stores.ts';

/** What {@link Logins} tells. */
export interface LoginsDeps {
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
  readonly #secret: (value: string) => void;
  readonly #warn: (message: string) => void;

  constructor(index: LoginIndex, stores: Stores, { secret, warn }: LoginsDeps) {
    this.index = index;
    this.#stores = stores;
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

  /** Saves a login: first the item, then the record that makes it seen. */
  async save(key: LoginKey, login: Omit<StoredLogin, 'revision'>): Promise<StoredLogin> {
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

  /**
   * Saves renewed tokens in place of those of the same revision, and resolves with the login that
   * counts from now on: another one that somebody has made meanwhile is left alone, and after a logout
   * there is none, and none is made.
   */
  async replace(key: LoginKey, renewed: StoredLogin): Promise<StoredLogin | undefined> {
    this.#hide(renewed);
    const stored = await this.read(key);
    if (stored === undefined || stored.revision !== renewed.revision) return stored;
    const saved: StoredLogin = { ...renewed, revision: randomUUID() };
    const store = this.#stores.current();
    await store.write(key.account, serialiseLogin(saved));
    await this.index
      .put(key, saved, store.name)
      .catch((error: unknown) => this.#saidOutdated(saved, error));
    return saved;
  }

  /** Deletes a login where it is. When that store refuses, the record stays: it can be tried again. */
  async remove({ account, file }: Pick<LoginKey, 'account' | 'file'>): Promise<boolean> {
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
