import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { loginRequired } from './login-command.ts';
import type { LoginKey } from './store/login-key.ts';
import type { Logins } from './store/logins.ts';
import type { StoredLogin } from './store/stored-login.ts';
import type { TokenSet } from './tokens/token-set.ts';

/** A token is renewed this long before its end, or a fifth of its life before, if that is less. */
const LONGEST_MARGIN_MS = 60_000;
const SHARE_OF_LIFE = 0.2;

/** After a renewal or a save that failed, the next one is not tried before. */
const PAUSE_MS = 5000;

/** What a {@link TokenSource} works with. */
export interface TokenSourceDeps {
  logins: Logins;
  /** Asks the authorization server for new tokens (RFC 6749 §6). */
  refresh(login: StoredLogin): Promise<TokenSet>;
  now(): number;
  log: Logger;
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
  #refreshing: Promise<StoredLogin | undefined> | undefined;
  /** The renewal that failed last: of which login, and how long that counts. */
  #failed: { revision: string; error: unknown; until: number } | undefined;
  /** Renewed tokens that could not be saved: the stored ones, of that revision, are spent. */
  #unsaved: { login: StoredLogin; until: number } | undefined;

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
      return (await this.#refresh(login))?.tokens.accessToken;
    } catch (error) {
      // What can't be renewed now is used to its very end.
      if (left > 0) return accessToken;
      const { code, message } = toMcpMasterError(error);
      if (code !== 'REFRESH_REJECTED') throw error;
      throw this.#expired(`has expired, and is not renewed: ${message}`, error);
    }
  }

  async #login(): Promise<StoredLogin | undefined> {
    const version = this.#deps.logins.index.version(this.#key.file);
    if (version === undefined) {
      this.#known = undefined;
      this.#unsaved = undefined;
      return undefined;
    }
    await this.#saveLater();
    if (this.#known?.version === version) return this.#known.login;
    this.#reading ??= this.#read(version).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(version: string): Promise<StoredLogin> {
    const stored = await this.#deps.logins.read(this.#key);
    if (stored === undefined) throw this.#lost();
    const { login: unsaved } = this.#unsaved ?? {};
    const login = unsaved?.revision === stored.revision ? unsaved : stored;
    this.#known = { version, login };
    return login;
  }

  #refresh(login: StoredLogin): Promise<StoredLogin | undefined> {
    const { revision, until = 0, error } = this.#failed ?? {};
    if (revision === login.revision && this.#deps.now() < until) return Promise.reject(error);
    this.#refreshing ??= this.#renew(login).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #renew(login: StoredLogin): Promise<StoredLogin | undefined> {
    const { refresh, now } = this.#deps;
    const tokens = await refresh(login).catch((error: unknown) => {
      const rejected = error instanceof McpMasterError && error.code === 'REFRESH_REJECTED';
      const pause = Math.max(toMcpMasterError(error).retryAfterMs ?? 0, PAUSE_MS);
      const until = rejected ? Number.POSITIVE_INFINITY : now() + pause;
      this.#failed = { revision: login.revision, error, until };
      throw error;
    });
    this.#unsaved = { login: { ...login, tokens }, until: 0 };
    return this.#save(this.#unsaved.login);
  }

  /** Tokens that are not saved are used all the same: those that are stored are spent. */
  async #save(login: StoredLogin): Promise<StoredLogin | undefined> {
    const { logins, now, log } = this.#deps;
    try {
      const current = await logins.replace(this.#key, login);
      this.#unsaved = undefined;
      return this.#remember(current);
    } catch (error) {
      log.warn(`renewed tokens are not saved yet: ${toMcpMasterError(error).message}`);
      this.#unsaved = { login, until: now() + PAUSE_MS };
      return this.#remember(login);
    }
  }

  async #saveLater(): Promise<void> {
    const { login, until = 0 } = this.#unsaved ?? {};
    if (login === undefined || this.#refreshing !== undefined || this.#deps.now() < until) return;
    this.#refreshing = this.#save(login).finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  #remember(login: StoredLogin | undefined): StoredLogin | undefined {
    const version = this.#deps.logins.index.version(this.#key.file);
    this.#known = version === undefined || login === undefined ? undefined : { version, login };
    return login;
  }

  /** There is a record of a login, but no item: somebody has deleted it in the keychain itself. */
  #lost(): McpMasterError {
    const { server, commandFlags } = this.#key;
    return loginRequired(server, 'its login is not in the token store any more', { commandFlags });
  }

  #expired(what: string, cause?: unknown): McpMasterError {
    const { server, commandFlags } = this.#key;
    return loginRequired(server, `the login ${what}`, { cause, commandFlags });
  }
}

function margin({ expiresAt, obtainedAt }: TokenSet): number {
  if (expiresAt === undefined) return 0;
  return Math.min(LONGEST_MARGIN_MS, Math.max(expiresAt - obtainedAt, 0) * SHARE_OF_LIFE);
}
