import { randomUUID } from 'node:crypto';
import { McpMasterError } from '../../errors.ts';
import { loginCommand } from '../login-command.ts';
import type { LoginIndex } from './login-index.ts';
import type { LoginKey } from './login-key.ts';
import { parseLogin, type StoredLogin, serialiseLogin } from './stored-login.ts';
import type { Stores } from './stores.ts';

/**
 * The logins of this user: each one an item of the token store, and a record without secrets in the
 * index. What the store rejects with passes through.
 */
export class Logins {
  readonly index: LoginIndex;
  readonly #stores: Stores;
  readonly #secret: (value: string) => void;

  /** @param secret registers a value that must never be shown */
  constructor(index: LoginIndex, stores: Stores, secret: (value: string) => void) {
    this.index = index;
    this.#stores = stores;
    this.#secret = secret;
  }

  /**
   * The login; undefined when there is none, which costs no look into the store. Rejects with
   * `INTERNAL` when the item is damaged.
   */
  async read(key: LoginKey): Promise<StoredLogin | undefined> {
    if (this.index.version(key.file) === undefined) return undefined;
    const store = this.#stores.current();
    const value = (await store.read([key.account])).get(key.account);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw value;
    const login = parseLogin(value, key.server);
    this.#hide(login);
    // A record that can't be read any more is made anew from the item that it stood for.
    if (this.index.get(key.file) === undefined) await this.index.put(key, login, store.name);
    return login;
  }

  /** Saves a login: first the item, then the record that makes it seen. */
  async save(key: LoginKey, login: Omit<StoredLogin, 'revision'>): Promise<StoredLogin> {
    const saved: StoredLogin = { ...login, revision: randomUUID() };
    this.#hide(saved);
    const store = this.#stores.current();
    await store.write(key.account, serialiseLogin(saved));
    await this.index.put(key, saved, store.name);
    return saved;
  }

  /** Deletes a login. When the store refuses, the record stays, so that it can be tried again. */
  async remove({ account, file }: Pick<LoginKey, 'account' | 'file'>): Promise<boolean> {
    const deleted = await this.#stores.current().delete(account);
    const recorded = await this.index.remove(file);
    return deleted || recorded;
  }

  #hide({ tokens, client }: StoredLogin): void {
    for (const value of [tokens.accessToken, tokens.refreshToken, client.clientSecret]) {
      if (value !== undefined) this.#secret(value);
    }
  }
}

/** The error for a server whose calls need a login, with the command that makes one. */
export function loginRequired(
  server: string,
  message: string,
  more: { cause?: unknown; profile?: string } = {},
): McpMasterError {
  return new McpMasterError('LOGIN_REQUIRED', message, {
    hint: `Log in: ${loginCommand(server, more.profile)}`,
    cause: more.cause,
  });
}
