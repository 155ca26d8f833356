import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { LoginKey } from './store/login-key.ts';
import type { HeldLogin, Logins, NewLogin } from './store/logins.ts';
import type { StoredLogin } from './store/stored-login.ts';
import { isDue, isRenewable } from './token-life.ts';
import type { TokenSet } from './tokens/token-set.ts';

/** After a save that failed, the next one is not tried before. */
const SAVE_PAUSE_MS = 5000;

/** What a {@link Renewer} works with. */
export interface RenewalDeps {
  logins: Logins;
  /** Asks the authorization server for new tokens (RFC 6749 §6). */
  renew(login: StoredLogin): Promise<TokenSet>;
  /** Gets a login without a person; undefined where only a person can log in. */
  obtain?: (() => Promise<NewLogin>) | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
  onRenewed(): void;
  /** There was no login, and now there is one. */
  onObtained(): void;
  /** Takes back tokens that came after somebody had logged out. */
  revoke(login: StoredLogin): Promise<unknown>;
  /** Hears why there is no renewed token. */
  onFailed(error: McpMasterError): void;
}

/**
 * Renews one login under its lock: reads it again, and only if nobody else has renewed it meanwhile asks
 * the server, saves what came, and then hands it out. So a rotating refresh token is spent once, by
 * whichever process was first.
 */
export class Renewer {
  readonly #key: LoginKey;
  readonly #deps: RenewalDeps;
  /** Renewed tokens that could not be saved: the stored ones, of that revision, are spent. */
  #unsaved: { login: StoredLogin; error: McpMasterError; since: number } | undefined;
  #underway: Promise<unknown> = Promise.resolve();

  constructor(key: LoginKey, deps: RenewalDeps) {
    this.#key = key;
    this.#deps = deps;
  }

  /** Whether {@link saveLater} has something to do now. */
  get isSaveDue(): boolean {
    if (this.#unsaved === undefined) return false;
    const passed = this.#deps.now() - this.#unsaved.since;
    // A clock that was set back must not put it off.
    return passed >= SAVE_PAUSE_MS || passed < 0;
  }

  /** Why renewed tokens are not saved. */
  get notSavedBecause(): McpMasterError | undefined {
    return this.#unsaved?.error;
  }

  /** A login as it was read, or what has become of it here. */
  newest(stored: StoredLogin): StoredLogin {
    const { login } = this.#unsaved ?? {};
    return login?.revision === stored.revision ? login : stored;
  }

  /** There is no login any more. */
  forget(): void {
    this.#unsaved = undefined;
  }

  /**
   * The login that counts now; undefined when somebody has logged out. Rejects with `REFRESH_REJECTED`
   * when the server says that the stored refresh token is good for nothing any more, and else with what the
   * server, the store or the lock rejects with: then what is stored is as it was.
   *
   * @param known the login as it is known here; undefined = there was none
   */
  renew(known: StoredLogin | undefined): Promise<StoredLogin | undefined> {
    const { logins, log } = this.#deps;
    return logins.exclusively(this.#key, async (held) => {
      const stored = await this.#read(held);
      if (stored === undefined) return this.#obtain(held);
      const current = this.newest(stored);
      if (this.#isRenewedElsewhere(current, known)) {
        log.debug('another process has renewed the login');
        return current;
      }
      if (!isRenewable(current, this.#deps)) throw rejectedBefore();
      await held.rehearse(stored);
      // Suspended before anything was sent: somebody else may be at it now.
      if (!held.isHeld()) return this.renew(known);
      const asking = this.#ask(current, held);
      this.#underway = asking.catch(() => undefined);
      return asking;
    });
  }

  /** Settles when no tokens are on their way that are not saved yet, or can't be. */
  async settled(): Promise<void> {
    await this.#underway;
    await this.saveLater();
  }

  /** Tries again to save what could not be saved. Resolves with the login that counts; never rejects. */
  async saveLater(): Promise<StoredLogin | undefined> {
    const { login } = this.#unsaved ?? {};
    if (login === undefined) return undefined;
    try {
      return await this.#deps.logins.exclusively(this.#key, (held) => this.#save(login, held));
    } catch (error) {
      return this.#notSaved(login, error);
    }
  }

  /** What is damaged is as good as none where no person is needed. */
  #read(held: HeldLogin): Promise<StoredLogin | undefined> {
    return held.read().catch((error: unknown) => {
      const { code } = toMcpMasterError(error);
      if (this.#deps.obtain !== undefined && code === 'LOGIN_REQUIRED') return undefined;
      throw error;
    });
  }

  async #obtain(held: HeldLogin): Promise<StoredLogin | undefined> {
    const { obtain, onObtained } = this.#deps;
    if (obtain === undefined) return undefined;
    const saved = await held.save(await obtain());
    onObtained();
    return saved;
  }

  #isRenewedElsewhere(current: StoredLogin, known: StoredLogin | undefined): boolean {
    return current.revision !== known?.revision && !isDue(current.tokens, this.#deps.now());
  }

  async #ask(current: StoredLogin, held: HeldLogin): Promise<StoredLogin | undefined> {
    const { renew, onRenewed, log } = this.#deps;
    let tokens: TokenSet;
    try {
      tokens = await renew(current);
    } catch (error) {
      if (toMcpMasterError(error).code === 'REFRESH_REJECTED') {
        return this.#rejected(current, held, error);
      }
      if (held.isHeld()) throw error;
      // Suspended meanwhile: another process may have had more luck.
      return this.renew(current);
    }
    log.info('the login is renewed');
    onRenewed();
    return this.#save({ ...current, tokens }, held);
  }

  /** Only the very token that is stored is dropped, and nothing beside it. */
  async #rejected(
    current: StoredLogin,
    held: HeldLogin,
    error: unknown,
  ): Promise<StoredLogin | undefined> {
    const counts = await held.withoutRefreshToken(current).catch((failure: unknown) => {
      const why = toMcpMasterError(failure).message;
      this.#deps.log.warn(`the rejected refresh token is still stored: ${why}`);
      throw error;
    });
    this.forget();
    // Another process has saved a newer login: that one is used.
    if (counts?.revision !== current.revision) return counts;
    throw error;
  }

  /** Tokens that are not saved are used all the same: those that are stored are spent. */
  async #save(login: StoredLogin, held: HeldLogin): Promise<StoredLogin | undefined> {
    try {
      const counts = await held.replace(login);
      this.#unsaved = undefined;
      if (counts === undefined) await this.#discard(login);
      return counts;
    } catch (error) {
      return this.#notSaved(login, error);
    }
  }

  /** Who has logged out believes that no token is left. */
  async #discard(login: StoredLogin): Promise<void> {
    const { revoke, log } = this.#deps;
    log.info('somebody has logged out meanwhile: the new tokens are revoked');
    await revoke(login).catch((error: unknown) => {
      log.warn(`tokens that nobody uses were not revoked: ${toMcpMasterError(error).message}`);
    });
  }

  #notSaved(login: StoredLogin, error: unknown): StoredLogin {
    const { log, now, onFailed } = this.#deps;
    const why = toMcpMasterError(error);
    log.warn(`renewed tokens are not saved yet: ${why.message}`);
    onFailed(why);
    this.#unsaved = { login, error: why, since: now() };
    return login;
  }
}

/** Another process has shown the refresh token, and dropped it. */
function rejectedBefore(): McpMasterError {
  return new McpMasterError('REFRESH_REJECTED', 'the server has rejected its refresh token');
}
