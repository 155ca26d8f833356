import { McpMasterError } from '../../errors.ts';
import { againCommand, responseError } from './flow-response.ts';

/** What a login is recognised by, known before the browser opens. */
export interface LoginAttempt {
  /** The name of the configured server. */
  server: string;
  /** What stands behind the commands that are shown, such as ` --profile=work`. */
  commandFlags?: string;
  /** Exactly as registered; its path is the path of the callback. */
  redirectUri: string;
  /** The provider's authorization endpoint with all parameters. */
  authorizationUrl: string;
  /** Random, of this login alone. */
  state: string;
  /** The authorization server, recorded before the redirect (RFC 9207 §2.4). */
  issuer: string;
  /** Nobody has named the issuer, so that there is nothing to compare `iss` with. */
  issuerGuessed?: boolean;
  /** Whether the server advertised that each of its responses has `iss` (RFC 9207 §3). */
  issRequired: boolean;
}

/** A login that waits for its person. */
export interface PendingLogin {
  /** Path and query of the page that leads to the provider: `/oauth/authorize?server_id=…&nonce=…`. */
  readonly authorizePath: string;
  /**
   * The parameters of the callback, once. Rejects with `ACCESS_DENIED`, `INVALID_SCOPE`,
   * `TOKEN_REQUEST_FAILED` (another `error`, or a response that is none), `ISSUER_MISMATCH`,
   * `LOGIN_TIMEOUT` after ten minutes, or with what `cancel` was given (`INTERRUPTED` when `finish`
   * came before any response).
   */
  readonly response: Promise<URLSearchParams>;
  /**
   * Takes the address that the person pasted, with the same checks as the callback. Throws
   * `STATE_MISMATCH`, and goes on waiting, when it is not an address of this login.
   */
  submit(address: string): void;
  /** Tells the page that waits how the login ended: without an error, the person is logged in. */
  finish(error?: McpMasterError): void;
  /** Ends it from this side; once it has ended, nothing changes any more. */
  cancel(error: McpMasterError): void;
}

const LIFETIME_MINUTES = 10;

const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])$/;

/** One login with its state: it waits, was answered, has ended. */
export class FlowLogin implements PendingLogin {
  readonly attempt: LoginAttempt;
  readonly authorizePath: string;
  readonly response: Promise<URLSearchParams>;
  /** Resolves when the login has ended, however it did. */
  readonly ended: Promise<void>;
  /** Names the login in the addresses of its result pages; the provider never sees it. */
  readonly flow: string = crypto.randomUUID();
  readonly #nonce: string = crypto.randomUUID();
  readonly #redirect: URL;
  readonly #now: () => number;
  readonly #expiresAt: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  #resolve: (response: URLSearchParams) => void = () => {};
  #reject: (error: McpMasterError) => void = () => {};
  #end: () => void = () => {};
  #answered = false;
  #outcome: { error: McpMasterError | undefined } | undefined;

  constructor(attempt: LoginAttempt, now: () => number) {
    this.attempt = attempt;
    this.authorizePath = `/oauth/authorize?server_id=${encodeURIComponent(attempt.server)}&nonce=${this.#nonce}`;
    this.#redirect = new URL(attempt.redirectUri);
    this.#now = now;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Its owner may have stopped listening: it is told by other ways, too (a token of another process).
    this.response.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const lifetime = LIFETIME_MINUTES * 60_000;
    this.#expiresAt = now() + lifetime;
    this.#timer = setTimeout(() => this.cancel(timedOut(attempt)), lifetime);
  }

  /** Whether a response was taken: each login takes one. */
  get answered(): boolean {
    return this.#answered;
  }

  /** How it ended; undefined while it is under way. */
  get outcome(): { error: McpMasterError | undefined } | undefined {
    return this.#outcome;
  }

  /** Whether it still takes a response. */
  get waiting(): boolean {
    return !this.#answered && this.#outcome === undefined;
  }

  /** Ends it by the clock: timers stand still while a computer sleeps. */
  expireIfLate(): void {
    if (this.waiting && this.#now() >= this.#expiresAt) this.cancel(timedOut(this.attempt));
  }

  /** Whether an address is on the listener of this login, by any name of this computer. */
  isAt(url: URL): boolean {
    const own = this.#redirect;
    if (url.origin === own.origin) return true;
    if (url.protocol !== own.protocol || url.port !== own.port) return false;
    return LOOPBACK_HOST.test(url.hostname) && LOOPBACK_HOST.test(own.hostname);
  }

  /** Whether an address is that of the callback, whatever its parameters are. */
  isCallback(url: URL): boolean {
    return this.isAt(url) && url.pathname === this.#redirect.pathname;
  }

  /** Whether an address is the callback with the `state` of this login, once. */
  isResponse(url: URL): boolean {
    const [state = '', ...more] = url.searchParams.getAll('state');
    return this.isCallback(url) && more.length === 0 && isSame(state, this.attempt.state);
  }

  /** Whether an address is the page that leads to the provider, with the nonce of this login. */
  isAuthorize(url: URL): boolean {
    const nonce = url.searchParams.get('nonce') ?? '';
    const server = url.searchParams.get('server_id');
    return this.isAt(url) && server === this.attempt.server && isSame(nonce, this.#nonce);
  }

  /** Whether an address is a result page with the id of this login. */
  isResult(url: URL): boolean {
    return this.isAt(url) && isSame(url.searchParams.get('flow') ?? '', this.flow);
  }

  /** Takes the response, for which {@link isResponse} holds; only the first one counts. */
  answer(response: URLSearchParams): void {
    if (!this.waiting) return;
    this.#answered = true;
    clearTimeout(this.#timer);
    const error = responseError(this.attempt, response);
    if (error === undefined) this.#resolve(new URLSearchParams(response));
    else this.cancel(error);
  }

  submit(address: string): void {
    const url = parsePasted(address);
    if (url === undefined || !this.isResponse(url)) {
      throw notOurs(this.attempt, 'does not belong to this login');
    }
    this.expireIfLate();
    if (!this.waiting) throw notOurs(this.attempt, 'belongs to a login that waits no more');
    this.answer(url.searchParams);
  }

  finish(error?: McpMasterError): void {
    if (this.#outcome !== undefined) return;
    clearTimeout(this.#timer);
    this.#outcome = { error };
    this.#reject(error ?? endedElsewhere(this.attempt.server));
    this.#end();
  }

  cancel(error: McpMasterError): void {
    this.finish(error);
  }
}

/** Compares in a time that does not tell how much of a guess was right. */
function isSame(guess: string, secret: string): boolean {
  if (guess.length !== secret.length) return false;
  let difference = 0;
  for (let at = 0; at < secret.length; at++) {
    difference |= guess.charCodeAt(at) ^ secret.charCodeAt(at);
  }
  return difference === 0;
}

/** Terminals break long lines, and browsers hide the scheme. */
function parsePasted(address: string): URL | undefined {
  const joined = address.replace(/\s+/g, '');
  const whole = /^https?:\/\//i.test(joined) ? joined : `http://${joined}`;
  return URL.canParse(whole) ? new URL(whole) : undefined;
}

function notOurs({ server, redirectUri }: LoginAttempt, problem: string): McpMasterError {
  const message = `that address ${problem} to ${server}`;
  const hint = `Paste the whole address that the browser shows at the end, beginning with ${redirectUri}`;
  return new McpMasterError('STATE_MISMATCH', message, { hint });
}

function timedOut(attempt: LoginAttempt): McpMasterError {
  const message = `nobody finished the login to ${attempt.server} within ${LIFETIME_MINUTES} minutes`;
  const hint = `Start it again: ${againCommand(attempt)}.`;
  return new McpMasterError('LOGIN_TIMEOUT', message, { hint });
}

function endedElsewhere(server: string): McpMasterError {
  const message = `the login to ${server} was finished in another way`;
  const hint = 'See where it stands with `mcp-master auth status`.';
  return new McpMasterError('INTERRUPTED', message, { hint });
}
