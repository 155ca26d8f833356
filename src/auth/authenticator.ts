import type { OAuthSettings, RemoteEndpoint, ServerConfig } from '../config/config.ts';
import type { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { loginRequired } from '../oauth/login-command.ts';
import type { LoginTarget } from '../oauth/login-target.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import { digest, type LoginKey, loginKey, type Owner } from '../oauth/store/login-key.ts';
import type { Logins, NewLogin } from '../oauth/store/logins.ts';
import type { StoredLogin } from '../oauth/store/stored-login.ts';
import { TokenSource } from '../oauth/token-source.ts';
import type { TokenSet } from '../oauth/tokens/token-set.ts';
import { soon } from '../oauth/unless-aborted.ts';
import { explainRefusal } from './explain-refusal.ts';
import { type AuthJournal, type RequestAuth, staticAuth, tokenAuth } from './request-auth.ts';
import { requestHeaders, sendsCredential } from './request-headers.ts';

/** What an {@link Authenticator} works with. */
export interface AuthenticatorDeps {
  logins: Logins;
  challenges: ChallengeRecords;
  journal: AuthJournal;
  /** Asks for new tokens, with the client's credentials from these settings. */
  renew(login: StoredLogin, settings: OAuthSettings): Promise<TokenSet>;
  /** Takes the tokens of a login back, where the authorization server offers that (RFC 7009). */
  revoke(login: StoredLogin, settings: OAuthSettings): Promise<unknown>;
  /** Gets a login without a person, where the settings name a grant that needs none. */
  obtain(target: LoginTarget): Promise<NewLogin>;
  now(): number;
  log: Logger;
  owner: Owner;
}

/** Desktop clients kill a program that does not end within a few seconds. */
const LAST_MOMENT_MS = 1500;

interface KnownSource {
  source: TokenSource;
  /** As they were filled in last. */
  target: LoginTarget;
}

/** What connections need of an {@link Authenticator}. */
export type Authentication = Pick<Authenticator, 'forServer' | 'explain'>;

/** A server's strategy -> the headers of its requests, or "login required". */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  /** By account. */
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

  /** The name of the record of a server's authentication; undefined for a program on this computer. */
  recordName(server: ServerConfig): string | undefined {
    const { name, endpoint } = server;
    if (endpoint.kind === 'stdio') return undefined;
    const facts = ['static', name, endpoint.url, this.#deps.owner.home];
    return this.loginKey(server)?.file ?? `${name}-${digest(JSON.stringify(facts), 12)}`;
  }

  /** @param endpoint that of `server`, with its stored secrets filled in */
  forServer(server: ServerConfig, endpoint: RemoteEndpoint): RequestAuth {
    const { journal, logins, challenges } = this.#deps;
    const own = requestHeaders(endpoint);
    const record = this.recordName(server) ?? server.name;
    const key = this.loginKey(server);
    if (key === undefined) {
      return staticAuth(own, { journal, record, hasCredential: sendsCredential(endpoint) });
    }
    const source = this.#sourceOf(key, targetOf(key, endpoint));
    return tokenAuth({ server, endpoint, own, key, source }, { journal, logins, challenges });
  }

  /**
   * Renews the login of a server now, whatever its expiry. Rejects with `LOGIN_REQUIRED` where only a
   * person can help, and else as {@link TokenSource.accessToken} does.
   *
   * @param endpoint that of `server`, with its stored secrets filled in
   */
  async renewNow(server: ServerConfig, endpoint: RemoteEndpoint): Promise<void> {
    const key = this.loginKey(server);
    if (key === undefined)
      throw loginRequired(server.name, 'it has no login that could be renewed');
    await this.#sourceOf(key, targetOf(key, endpoint)).renewNow();
  }

  /** Whether a server's login needs no person. */
  isUnattended({ endpoint }: ServerConfig): boolean {
    const settings = endpoint.kind === 'stdio' ? undefined : loginSettings(endpoint);
    return settings?.grant === 'client_credentials';
  }

  /**
   * Settles when no tokens are on their way that are not saved yet: a program that ends before could lose
   * a login. It does not wait for longer than a moment, though.
   */
  async settled(): Promise<void> {
    const sources = [...this.#sources.values()].map(({ source }) => source.settled());
    await soon(Promise.all(sources), LAST_MOMENT_MS);
  }

  /** A refusal in terms of logins: what it means for a person, and the command that helps. */
  explain(server: ServerConfig, error: McpMasterError): McpMasterError {
    const { logins, challenges, journal } = this.#deps;
    const key = this.loginKey(server);
    const record = this.recordName(server);
    const entry = key && logins.index.get(key.file);
    const setback = key && this.#sources.get(key.account)?.source.setback;
    const unattended = this.isUnattended(server);
    const explained =
      key === undefined
        ? error
        : explainRefusal(error, { server, key, entry, unattended, setback, challenges });
    // That nobody has logged in yet is no failure.
    const isNews = key === undefined || entry !== undefined;
    if (record !== undefined && isNews && TOLD.has(explained.code)) {
      journal.failed(record, explained);
    }
    return explained;
  }

  #sourceOf(key: LoginKey, target: LoginTarget): TokenSource {
    const known = this.#sources.get(key.account);
    if (known !== undefined) {
      known.target = target;
      return known.source;
    }
    const { logins, challenges, journal, now, renew, revoke, obtain, log } = this.#deps;
    const unattended = target.settings.grant === 'client_credentials';
    const entry: KnownSource = {
      target,
      source: new TokenSource(key, {
        ...{ logins, now, log: log.named(key.server) },
        renew: (login) => renew(login, entry.target.settings),
        revoke: (login) => revoke(login, entry.target.settings),
        obtain: unattended ? () => obtain(entry.target) : undefined,
        onObtained: () => {
          journal.succeeded(key.file);
          challenges.clearMet(key.file);
        },
        onRenewed: () => {
          journal.refreshed(key.file);
          challenges.clearMet(key.file);
        },
        onFailed: (error) => {
          journal.failed(key.file, error);
          if (error.code === 'REFRESH_REJECTED') challenges.noteNeed(key.file);
        },
      }),
    };
    this.#sources.set(key.account, entry);
    return entry.source;
  }
}

/** The failures of a connection that are about authentication. */
const TOLD = new Set(['LOGIN_REQUIRED', 'UNAUTHORIZED', 'INSUFFICIENT_SCOPE']);

/** The settings of a server's own login; undefined where its strategy has none. */
export function loginSettings(endpoint: RemoteEndpoint): OAuthSettings | undefined {
  const { auth } = endpoint;
  if (auth.strategy === 'delegate_oauth') return auth.oauth;
  return auth.strategy === 'detect' && !sendsCredential(endpoint) ? {} : undefined;
}

function targetOf(key: LoginKey, endpoint: RemoteEndpoint): LoginTarget {
  const { url, headers } = endpoint;
  return { key, url: new URL(url), headers, settings: loginSettings(endpoint) ?? {} };
}
