import type { OAuthSettings, RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { isRemoteHttp } from '../config/urls.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { parseChallenges } from '../oauth/discovery/challenge.ts';
import { loginCommand, loginRequired } from '../oauth/login-command.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import { type LoginKey, loginKey, type Owner } from '../oauth/store/login-key.ts';
import type { Logins } from '../oauth/store/logins.ts';
import type { StoredLogin } from '../oauth/store/stored-login.ts';
import { TokenSource } from '../oauth/token-source.ts';
import type { TokenSet } from '../oauth/tokens/token-set.ts';
import { requestHeaders, sendsCredential } from './request-headers.ts';

/** What an {@link Authenticator} works with. */
export interface AuthenticatorDeps {
  logins: Logins;
  challenges: ChallengeRecords;
  /** Asks for new tokens, with the client's credentials from these settings. */
  refresh(login: StoredLogin, settings: OAuthSettings): Promise<TokenSet>;
  now(): number;
  log: Logger;
  owner: Owner;
}

/** The authentication of the requests to one server. */
export interface RequestAuth {
  /**
   * The headers of the next request. Rejects with `LOGIN_REQUIRED` where a login is needed and there
   * is none, and with what the token store or a refresh rejects with.
   */
  headers(): Promise<Record<string, string>>;
  /** Hears each refusal: what a 401 or 403 demands is remembered for the next login. */
  onRefusal(status: number, headers: Record<string, string>): void;
  /** Hears that the server has shaken hands: a 401 from before does not count any more. */
  onConnected(): void;
}

interface KnownSource {
  source: TokenSource;
  settings: OAuthSettings;
}

/** What connections need of an {@link Authenticator}. */
export type Authentication = Pick<Authenticator, 'forServer' | 'explain'>;

/** A server's strategy -> the headers of its requests, or "login required". */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  /** By account; each with the settings as they were filled in last. */
  readonly #sources = new Map<string, KnownSource>();

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  /** The names of a server's login; undefined for one that has no use for a login of its own. */
  loginKey({ name, endpoint }: ServerConfig): LoginKey | undefined {
    if (endpoint.kind === 'stdio') return undefined;
    const settings = loginSettings(endpoint);
    if (settings === undefined) return undefined;
    const { owner } = this.#deps;
    return loginKey({ owner, server: name, url: endpoint.url, settings });
  }

  /** @param endpoint that of `server`, with its stored secrets filled in */
  forServer(server: ServerConfig, endpoint: RemoteEndpoint): RequestAuth {
    const own = requestHeaders(endpoint);
    const key = this.loginKey(server);
    if (key === undefined)
      return { headers: async () => own, onRefusal: () => undefined, onConnected: () => undefined };
    const source = this.#sourceOf(key, loginSettings(endpoint) ?? {});
    return {
      headers: async () => {
        const token = await source.accessToken().catch((error: unknown) => {
          // What only a person can mend is to be seen in `auth status`.
          if (toMcpMasterError(error).code === 'LOGIN_REQUIRED') this.#noteNeed(key);
          throw error;
        });
        if (token !== undefined) return { ...own, Authorization: bearer(token, endpoint) };
        if (endpoint.auth.strategy === 'detect') return own;
        throw loginRequired(server.name, 'nobody has logged in to it yet', key);
      },
      onRefusal: (status, headers) => {
        if (status !== 401 && status !== 403) return;
        const challenge = parseChallenges(headers['www-authenticate'] ?? '');
        if (status === 403 && challenge?.error !== 'insufficient_scope') return;
        this.#deps.challenges.note(key.file, challenge ?? {});
      },
      onConnected: () => {
        const { logins, challenges } = this.#deps;
        if (logins.index.version(key.file) !== undefined) challenges.clearMet(key.file);
      },
    };
  }

  /** A refusal in terms of logins: what it means for a person, and the command that helps. */
  explain(server: ServerConfig, error: McpMasterError): McpMasterError {
    const key = this.loginKey(server);
    if (key === undefined) return error;
    const { message, cause, code } = error;
    const { commandFlags } = key;
    const { logins } = this.#deps;
    if (code === 'UNAUTHORIZED' && error.status === 401) {
      const loggedIn = logins.index.version(key.file) !== undefined;
      const what = loggedIn ? 'it refused the login that is stored' : 'it needs a login';
      return loginRequired(server.name, `${what}: ${message}`, { cause, commandFlags });
    }
    if (code !== 'INSUFFICIENT_SCOPE') return error;
    return new McpMasterError(code, message, {
      hint: `Log in again for the scopes that it asks for: ${loginCommand(server.name, commandFlags)}`,
      cause,
    });
  }

  #noteNeed({ file }: LoginKey): void {
    const { challenges } = this.#deps;
    if (!challenges.has(file)) challenges.note(file, {});
  }

  #sourceOf(key: LoginKey, settings: OAuthSettings): TokenSource {
    const known = this.#sources.get(key.account);
    if (known !== undefined) {
      known.settings = settings;
      return known.source;
    }
    const { logins, now, refresh, log } = this.#deps;
    const entry: KnownSource = {
      settings,
      source: new TokenSource(key, {
        ...{ logins, now, log: log.named(key.server) },
        refresh: (login) => refresh(login, entry.settings),
      }),
    };
    this.#sources.set(key.account, entry);
    return entry.source;
  }
}

/** The settings of a server's own login; undefined where its strategy has none. */
export function loginSettings(endpoint: RemoteEndpoint): OAuthSettings | undefined {
  const { auth } = endpoint;
  if (auth.strategy === 'delegate_oauth') return auth.oauth;
  return auth.strategy === 'detect' && !sendsCredential(endpoint) ? {} : undefined;
}

/** A stored token never crosses the network in clear (row A9). */
function bearer(token: string, { url }: RemoteEndpoint): string {
  if (!isRemoteHttp(url)) return `Bearer ${token}`;
  throw new McpMasterError('INSECURE_URL', 'its token is not sent over http to another computer', {
    hint: 'Write https:// in its `url`.',
  });
}
