import { McpMasterError } from '../../errors.ts';
import { FlowLogin, type LoginAttempt, type PendingLogin } from './flow-login.ts';
import {
  failedPage,
  loggedInPage,
  NO_RESULT,
  NO_SUCH_LOGIN,
  NOT_FOUND,
  UNKNOWN_ANSWER,
  USED_ANSWER,
  unfinishedPage,
} from './flow-pages.ts';
import { PRIVATE_HEADERS, renderPage } from './pages.ts';

export type { LoginAttempt, PendingLogin } from './flow-login.ts';

/** What an {@link OAuthFlowController} takes from the world. */
export interface FlowControllerOptions {
  /** Origins at which pages are shown although no login has its redirect URI there. */
  origins?: readonly string[];
  /** Milliseconds since the epoch. */
  now?: () => number;
}

const AUTHORIZE = '/oauth/authorize';
const CALLBACK = '/oauth/callback';
const SUCCESS = '/oauth/success';
const FAILURE = '/oauth/error';

/** How long the browser waits at the callback for the exchange of the code. */
const OUTCOME_WAIT_MS = 60_000;

/** How long {@link OAuthFlowController.settled} waits for a browser to follow a redirect. */
const PAGE_WAIT_MS = 2000;

/** Logins that are remembered, so that a reloaded page still tells how one ended. */
const MOST_LOGINS = 100;

/**
 * The pages of the logins that are under way, as a function from request to response: on a loopback
 * listener (RFC 8252 §7.3) or in any runtime with Fetch and Web Crypto.
 *
 * `/oauth/authorize?server_id=…&nonce=…` leads to the provider, the path of the redirect URI takes its
 * answer (`state` first, then `iss`, `error`, `code`), `/oauth/success` and `/oauth/error` tell how the
 * login ended. Requests by another host name than those of the redirect URIs get 421 (DNS rebinding).
 */
export class OAuthFlowController {
  readonly #logins = new Set<FlowLogin>();
  /** Browsers that were sent to a result page and have not fetched it yet. */
  readonly #expected = new Map<FlowLogin, ResultPage>();
  readonly #origins: readonly string[];
  readonly #now: () => number;

  constructor({ origins = [], now = Date.now }: FlowControllerOptions = {}) {
    this.#origins = origins;
    this.#now = now;
  }

  /**
   * Waits for the answer to an authorization request. Throws `CONFIG_INVALID` when the path of the
   * redirect URI is that of another page.
   */
  begin(attempt: LoginAttempt): PendingLogin {
    const { pathname } = new URL(attempt.redirectUri);
    if ([AUTHORIZE, SUCCESS, FAILURE].includes(pathname)) {
      const message = `the redirect URI of ${attempt.server} can't have the path ${pathname}`;
      const hint = `Choose another path in \`redirect_uri\`, such as ${CALLBACK}.`;
      throw new McpMasterError('CONFIG_INVALID', message, { hint });
    }
    const login = new FlowLogin(attempt, this.#now);
    this.#forgetOldest();
    this.#logins.add(login);
    return login;
  }

  /** Answers a request. A callback is answered when its login has ended, or after a minute. */
  async handleRequest(request: Request): Promise<Response> {
    for (const login of this.#logins) login.expireIfLate();
    const url = new URL(request.url);
    if (!this.#isOwn(url)) return new Response(null, { status: 421 });
    const page = this.#pageAt(url);
    switch (request.method) {
      case 'GET':
        return page === undefined ? renderPage(NOT_FOUND) : page(url);
      case 'HEAD': {
        const status = page === undefined ? 404 : 200;
        return new Response(null, { status, headers: PRIVATE_HEADERS });
      }
      default:
        return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    }
  }

  /**
   * Resolves when each browser whose login has ended has fetched the page that says so, 2 s later at
   * most: until then the listener should stay.
   */
  async settled(): Promise<void> {
    const pages = [...this.#expected].filter(([login]) => login.outcome !== undefined);
    const fetched = pages.map(([, page]) => page.fetched);
    if (fetched.length > 0) await within(PAGE_WAIT_MS, Promise.all(fetched));
  }

  #pageAt(url: URL): ((url: URL) => Response | Promise<Response>) | undefined {
    if (url.pathname === AUTHORIZE) return (at) => this.#authorize(at);
    if (url.pathname === SUCCESS || url.pathname === FAILURE) return (at) => this.#result(at);
    const isCallback = this.#find((login) => login.isCallback(url)) !== undefined;
    return isCallback || url.pathname === CALLBACK ? (at) => this.#callback(at) : undefined;
  }

  #authorize(url: URL): Response {
    const login = this.#find((one) => one.isAuthorize(url));
    if (login === undefined) return renderPage(NO_SUCH_LOGIN);
    return login.waiting
      ? redirect(302, login.attempt.authorizationUrl)
      : redirect(303, resultAddress(login));
  }

  async #callback(url: URL): Promise<Response> {
    const login = this.#find((one) => one.isResponse(url));
    if (login === undefined) return renderPage(UNKNOWN_ANSWER);
    if (login.answered) return renderPage(USED_ANSWER);
    login.answer(url.searchParams);
    this.#expectPage(login);
    await within(OUTCOME_WAIT_MS, login.ended);
    // To another address, so that the code leaves the address bar.
    return redirect(303, resultAddress(login));
  }

  #result(url: URL): Response {
    const login = this.#find((one) => one.isResult(url));
    if (login === undefined) return renderPage(NO_RESULT);
    const { outcome, attempt } = login;
    const address = resultAddress(login);
    if (!address.startsWith(`${url.pathname}?`)) return redirect(303, address);
    this.#expected.get(login)?.markFetched();
    this.#expected.delete(login);
    if (outcome === undefined) return renderPage(unfinishedPage(attempt.server));
    return renderPage(
      outcome.error === undefined
        ? loggedInPage(attempt.server)
        : failedPage(attempt.server, outcome.error),
    );
  }

  #expectPage(login: FlowLogin): void {
    let markFetched = () => {};
    const fetched = new Promise<void>((resolve) => {
      markFetched = resolve;
    });
    this.#expected.set(login, { fetched, markFetched });
  }

  #forgetOldest(): void {
    for (const login of this.#logins) {
      if (this.#logins.size < MOST_LOGINS) return;
      if (login.outcome === undefined) continue;
      this.#logins.delete(login);
      this.#expected.delete(login);
    }
  }

  #isOwn(url: URL): boolean {
    return this.#origins.includes(url.origin) || this.#find((one) => one.isAt(url)) !== undefined;
  }

  #find(is: (login: FlowLogin) => boolean): FlowLogin | undefined {
    return [...this.#logins].find(is);
  }
}

/** A result page that a browser was sent to. */
interface ResultPage {
  fetched: Promise<void>;
  markFetched(): void;
}

/** The page that tells the truth about a login: what is not known to be a success is not called one. */
function resultAddress({ outcome, flow }: FlowLogin): string {
  const succeeded = outcome !== undefined && outcome.error === undefined;
  return `${succeeded ? SUCCESS : FAILURE}?flow=${flow}`;
}

function redirect(status: 302 | 303, location: string): Response {
  return new Response(null, { status, headers: { ...PRIVATE_HEADERS, location } });
}

/** Waits for something, but no longer than so many milliseconds. */
async function within(milliseconds: number, awaited: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([awaited, limit]);
  clearTimeout(timer);
}
