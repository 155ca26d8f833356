import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { BackOff } from './back-off.ts';
import { loginRequired } from './login-command.ts';
import { RefusalRest } from './refusal-rest.ts';
import { type RenewalDeps, Renewer } from './renewer.ts';
import type { LoginKey } from './store/login-key.ts';
import type { StoredLogin } from './store/stored-login.ts';
import { isDue, isRenewable } from './token-life.ts';
import { soon } from './unless-aborted.ts';

/** A token that is still good is not kept waiting longer for its successor. */
const SHORT_PATIENCE_MS = 2000;

/**
 * Nor does a call for a token: less than the `startup_timeout` of a server, whose error would blame
 * the wrong one. The renewal goes on, and its outcome is there for the next call.
 */
const PATIENCE_MS = 20_000;

/**
 * The tokens of one login, read from the store when they are first needed and when another process
 * has changed them, and renewed ahead of their expiry, when somebody asks for one: no timer does. A
 * token that is valid costs one `stat`.
 */
export class TokenSource {
  readonly #key: LoginKey;
  readonly #deps: RenewalDeps;
  readonly #renewer: Renewer;
  /** The login as of a version of its record. */
  #known: { version: string; login: StoredLogin } | undefined;
  #reading: Promise<StoredLogin | undefined> | undefined;
  #renewing: Promise<StoredLogin | undefined> | undefined;
  #renewingSince = 0;
  #isSaving = false;
  readonly #backOff: BackOff;
  /** Why a token that was refused could not be renewed, until it is. */
  #setback: { token: string; error: McpMasterError } | undefined;
  readonly #rest: RefusalRest;

  constructor(key: LoginKey, deps: RenewalDeps) {
    this.#key = key;
    this.#deps = deps;
    this.#renewer = new Renewer(key, deps);
    this.#backOff = new BackOff(deps.now);
    this.#rest = new RefusalRest(deps.now);
  }

  /**
   * The access token to send now; undefined when there is no login, and only a person can make one.
   * Rejects with `LOGIN_REQUIRED` when it has expired for good, `REFRESH_FAILED` when it could not be
   * renewed now, and with what the store or the lock rejects with.
   */
  async accessToken(): Promise<string | undefined> {
    const login = await this.#login();
    if (login === undefined) {
      if (this.#deps.obtain === undefined) return undefined;
      const obtaining = this.#renew(undefined);
      return (await this.#inTime(obtaining))?.tokens.accessToken;
    }
    const { expiresAt = Number.POSITIVE_INFINITY, accessToken } = login.tokens;
    const { now } = this.#deps;
    if (!isDue(login.tokens, now())) return accessToken;
    const left = expiresAt - now();
    if (!isRenewable(login, this.#deps)) {
      if (left > 0) return accessToken;
      throw this.#expired('has expired and can not be renewed');
    }
    const renewing = this.#renew(login);
    if (left <= 0) return (await this.#inTime(renewing))?.tokens.accessToken;
    // What can't be renewed now, or not fast, is used to its very end; after a logout it is not.
    const patience = Math.min(left / 2, this.#left(SHORT_PATIENCE_MS));
    const renewed = await soon(
      renewing.catch(() => 'later' as const),
      patience,
    );
    return renewed === 'later' ? accessToken : renewed?.tokens.accessToken;
  }

  /**
   * Hears that the server has refused this token, and resolves with whether there is another one to
   * send now: that of another process, or a renewed one. Never rejects; {@link setback} tells why not.
   */
  async afterRefusal(refused: string): Promise<boolean> {
    try {
      const login = await this.#login();
      if (login === undefined) return false;
      if (login.tokens.accessToken !== refused) return true;
      if (!isRenewable(login, this.#deps) || this.#rest.isFor(refused)) return false;
      const renewed = await this.#inTime(this.#renew(login));
      this.#setback = undefined;
      if (renewed === undefined || renewed.tokens.accessToken === refused) return false;
      this.#rest.begin(refused, renewed.tokens);
      return true;
    } catch (error) {
      const failure = toMcpMasterError(error);
      this.#deps.log.debug(`no other token: ${failure.message}`);
      const { cause } = failure;
      const isRejected = cause instanceof McpMasterError && cause.code === 'REFRESH_REJECTED';
      this.#setback = isRejected ? undefined : { token: refused, error: failure };
      return false;
    }
  }

  /** Why a refused token can't be renewed at the moment, though later it may; else undefined. */
  get setback(): McpMasterError | undefined {
    const { token, error } = this.#setback ?? {};
    return token === this.#known?.login.tokens.accessToken ? error : undefined;
  }

  /**
   * Renews now, whatever the expiry and however often it has failed. Rejects with `LOGIN_REQUIRED` when
   * only a person can help, with what the store has rejected new tokens with, and else as
   * {@link accessToken} does.
   */
  async renewNow(): Promise<void> {
    const known = await this.#login();
    const { obtain } = this.#deps;
    if (known === undefined && obtain === undefined)
      throw this.#loginRequired('nobody has logged in to it yet');
    if (known !== undefined && !isRenewable(known, this.#deps)) {
      throw this.#expired('can not be renewed: it has no refresh token');
    }
    this.#backOff.clear();
    const renewed = await this.#orLoginRequired(this.#renew(known));
    const notSaved = this.#renewer.notSavedBecause;
    if (notSaved !== undefined) throw notSaved;
    if (renewed === undefined) throw this.#loginRequired('somebody has just logged out of it');
  }

  /** Settles when no tokens are on their way that are not saved yet. */
  settled(): Promise<void> {
    return this.#renewer.settled();
  }

  async #login(): Promise<StoredLogin | undefined> {
    const version = this.#version();
    if (version === undefined) {
      this.#known = undefined;
      this.#renewer.forget();
      return undefined;
    }
    if (this.#renewer.isSaveDue) this.#saveLater();
    if (this.#known?.version === version) return this.#known.login;
    this.#reading ??= this.#read(version).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(version: string): Promise<StoredLogin | undefined> {
    const stored = await this.#deps.logins.read(this.#key).catch((error: unknown) => {
      if (toMcpMasterError(error).code === 'LOGIN_REQUIRED') return this.#lost(error);
      throw error;
    });
    if (stored === undefined) return this.#lost();
    const login = this.#renewer.newest(stored);
    this.#known = { version, login };
    return login;
  }

  /** There is a record, but no item, or a damaged one; where no person is needed that is no login. */
  #lost(error?: unknown): undefined {
    if (this.#deps.obtain !== undefined) return undefined;
    throw error ?? this.#loginRequired('its login is not in the token store any more');
  }

  #renew(known: StoredLogin | undefined): Promise<StoredLogin | undefined> {
    const failure = this.#backOff.failure(known?.revision);
    if (failure !== undefined) return Promise.reject(failure);
    if (this.#renewing === undefined) this.#renewingSince = this.#deps.now();
    this.#renewing ??= this.#renewOnce(known).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** What is left of a patience that began with the renewal: not each request waits anew. */
  #left(patience: number): number {
    return Math.max(this.#renewingSince + patience - this.#deps.now(), 0);
  }

  async #inTime<T>(renewing: Promise<T>): Promise<T> {
    const outcome = await soon(this.#orLoginRequired(renewing), this.#left(PATIENCE_MS));
    if (outcome !== 'later') return outcome;
    const message = `renewing the login takes longer than ${PATIENCE_MS / 1000} s`;
    throw new McpMasterError('REFRESH_FAILED', message, {
      hint: 'It goes on: try again in a moment. If it stays so, look at the authorization server.',
    });
  }

  async #renewOnce(known: StoredLogin | undefined): Promise<StoredLogin | undefined> {
    try {
      const login = this.#remember(await this.#renewer.renew(known));
      this.#backOff.clear();
      return login;
    } catch (error) {
      this.#backOff.note(known?.revision, toMcpMasterError(error));
      this.#deps.onFailed(toMcpMasterError(error));
      throw error;
    }
  }

  /** In the background: a good token does not wait for that. */
  #saveLater(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    void this.#renewer.saveLater().then((login) => {
      this.#isSaving = false;
      if (login !== undefined) this.#remember(login);
    });
  }

  #remember(login: StoredLogin | undefined): StoredLogin | undefined {
    const version = this.#version();
    this.#known = version === undefined || login === undefined ? undefined : { version, login };
    return login;
  }

  #version(): string | undefined {
    return this.#deps.logins.index.version(this.#key.file);
  }

  async #orLoginRequired<T>(renewing: Promise<T>): Promise<T> {
    try {
      return await renewing;
    } catch (error) {
      const { code, message } = toMcpMasterError(error);
      if (code !== 'REFRESH_REJECTED') throw error;
      throw this.#expired(`has ended: ${message}`, error);
    }
  }

  #expired(what: string, cause?: unknown) {
    return this.#loginRequired(`the login ${what}`, cause);
  }

  #loginRequired(why: string, cause?: unknown) {
    const { server, commandFlags } = this.#key;
    return loginRequired(server, why, { cause, commandFlags });
  }
}
