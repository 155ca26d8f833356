import { McpMasterError } from '../errors.ts';
import type { LoginKey } from './store/login-key.ts';
import { type Logins, loginRequired } from './store/logins.ts';
import type { StoredLogin } from './store/stored-login.ts';
import type { TokenSet } from './tokens/token-set.ts';

/** A token is renewed this long before its end, or a fifth of its life before, if that is less. */
const LONGEST_MARGIN_MS = 60_000;
const SHARE_OF_LIFE = 0.2;

/** What a {@link TokenSource} works with. */
export interface TokenSourceDeps {
  logins: Logins;
  /** Asks the authorization server for new tokens (RFC 6749 §6). */
  refresh(login: StoredLogin): Promise<TokenSet>;
  now(): number;
}

/**
 * The tokens of one login, read from the store when they are first needed and when another process
 * has changed them, and renewed before they expire. A token that is valid costs one `stat`.
 */
export class TokenSource {
  readonly #key: LoginKey;
  readonly #deps: TokenSourceDeps;
  /** The login as of a version of its record. */
  #known: { version: string; login: StoredLogin } | undefined;
  #reading: Promise<StoredLogin> | undefined;
  #refreshing: Promise<StoredLogin> | undefined;

  constructor(key: LoginKey, deps: TokenSourceDeps) {
    this.#key = key;
    this.#deps = deps;
  }

  /**
   * The access token to send now; undefined when there is no login. Rejects with `LOGIN_REQUIRED`
   * when it has expired for good, `REFRESH_FAILED` when it could not be renewed now, and with what
   * the store rejects with.
   */
  async accessToken(): Promise<string | undefined> {
    const login = await this.#login();
    if (login === undefined) return undefined;
    const { expiresAt, refreshToken, accessToken } = login.tokens;
    const left = (expiresAt ?? Number.POSITIVE_INFINITY) - this.#deps.now();
    if (left > margin(login.tokens)) return accessToken;
    if (refreshToken === undefined) {
      if (left > 0) return accessToken;
      throw this.#expired('has expired, and the server gave no refresh token');
    }
    try {
      return (await this.#refresh(login)).tokens.accessToken;
    } catch (error) {
      if (error instanceof McpMasterError && error.code === 'REFRESH_REJECTED') {
        throw this.#expired(`has expired, and is not renewed: ${error.message}`, error);
      }
      if (left > 0) return accessToken;
      throw error;
    }
  }

  async #login(): Promise<StoredLogin | undefined> {
    const version = this.#deps.logins.index.version(this.#key.file);
    if (version === undefined) {
      this.#known = undefined;
      return undefined;
    }
    if (this.#known?.version === version) return this.#known.login;
    this.#reading ??= this.#read(version).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(version: string): Promise<StoredLogin> {
    const login = await this.#deps.logins.read(this.#key);
    if (login === undefined) throw this.#lost();
    this.#known = { version, login };
    return login;
  }

  #refresh(login: StoredLogin): Promise<StoredLogin> {
    this.#refreshing ??= this.#renew(login).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #renew(login: StoredLogin): Promise<StoredLogin> {
    const tokens = await this.#deps.refresh(login);
    const saved = await this.#deps.logins.save(this.#key, { ...login, tokens });
    const version = this.#deps.logins.index.version(this.#key.file);
    if (version !== undefined) this.#known = { version, login: saved };
    return saved;
  }

  /** There is a record of a login, but no item: somebody has deleted it in the keychain itself. */
  #lost(): McpMasterError {
    const { server, profile } = this.#key;
    return loginRequired(server, 'its login is not in the token store any more', { profile });
  }

  #expired(what: string, cause?: unknown): McpMasterError {
    const { server, profile } = this.#key;
    return loginRequired(server, `the login ${what}`, { cause, profile });
  }
}

function margin({ expiresAt, obtainedAt }: TokenSet): number {
  if (expiresAt === undefined) return 0;
  return Math.min(LONGEST_MARGIN_MS, Math.max(expiresAt - obtainedAt, 0) * SHARE_OF_LIFE);
}
