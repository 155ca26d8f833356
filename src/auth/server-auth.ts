import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { MASTER } from '../config/master.ts';
import { McpMasterError } from '../errors.ts';
import { loginCommand, loginRequired } from '../oauth/login-command.ts';
import type { LoginTarget } from '../oauth/login-target.ts';
import type { LoginKey, Owner } from '../oauth/store/login-key.ts';
import { explainFixed, explainMaster, explainRefusal } from './explain-refusal.ts';
import { LoginNames } from './login-names.ts';
import { type LoginSubject, masterSubject } from './login-subject.ts';
import { missingAuth, type RequestAuth, staticAuth } from './request-auth.ts';
import { requestHeaders, sendsCredential } from './request-headers.ts';
import type { Strategies, StrategiesDeps } from './strategies.ts';
import { customAuth } from './strategy.ts';
import {
  bearer,
  type Passthrough,
  type TokenAuthSubject,
  tokenAuth,
  tokenProblem,
} from './token-auth.ts';
import { type TokenSourceDeps, TokenSources } from './token-sources.ts';

/** What a {@link ServerAuth} works with. */
export interface AuthDeps extends TokenSourceDeps, StrategiesDeps {
  owner: Owner;
}

/** What connections need of a {@link ServerAuth}. */
export type Authentication = Pick<ServerAuth, 'forServer' | 'explain'>;

const NOT_YET = 'nobody has logged in to it yet';

/**
 * Where a server's strategy becomes the headers of a request, or "login required": a {@link MultiAuthManager}
 * over the stores of a user.
 */
export class ServerAuth extends LoginNames {
  readonly #deps: AuthDeps;
  readonly #strategies: Strategies;
  readonly #sources: TokenSources;

  constructor(strategies: Strategies, deps: AuthDeps) {
    const { owner, masterToken } = deps;
    super({ strategies, owner, masterToken });
    this.#deps = deps;
    this.#strategies = strategies;
    this.#sources = new TokenSources(deps);
  }

  /** Whether the master logs in as the configuration says, and its stored secrets have to be filled in. */
  get isConfiguredMaster(): boolean {
    return this.#strategies.isConfiguredMaster;
  }

  /**
   * What a login for a server is made with; undefined where it has no use for one.
   *
   * @param endpoint that of `server`, with its stored secrets filled in
   */
  loginTarget(server: ServerConfig, endpoint: RemoteEndpoint): LoginTarget | undefined {
    const subject = this.#strategies.subject({ ...server, endpoint });
    return subject && this.#targetOf(subject);
  }

  /**
   * The authentication of a server's requests. Throws `INSECURE_URL` where a token would cross the network
   * in clear.
   *
   * @param filled the endpoint of `server`, with its stored secrets filled in
   */
  forServer(server: ServerConfig, filled: RemoteEndpoint): RequestAuth {
    const strategies = this.#strategies;
    const { journal, log } = this.#deps;
    const custom = strategies.own(server.name);
    if (custom !== undefined) {
      return customAuth(custom, server.name, filled, log.named(server.name));
    }
    const { endpoint } = strategies.of({ name: server.name, endpoint: filled });
    const problem = strategies.masterProblem({ name: server.name, endpoint: filled });
    if (problem !== undefined) return missingAuth(() => problem);
    const own = requestHeaders(endpoint);
    const record = this.recordName(server) ?? server.name;
    const fixed = strategies.fixedToken(endpoint);
    const noToken = fixed === undefined ? undefined : tokenProblem(fixed, endpoint);
    if (noToken !== undefined) return missingAuth(() => noToken);
    const subject = strategies.subject({ name: server.name, endpoint });
    if (fixed !== undefined) {
      const headers = { ...own, Authorization: bearer(fixed, endpoint) };
      return staticAuth(headers, { journal, record, hasCredential: true });
    }
    if (subject !== undefined) return this.#tokenAuth(subject, { endpoint, own, record }, server);
    if (endpoint.auth.strategy === 'master_oauth') return missingAuth(() => this.#masterMissing());
    return staticAuth(own, { journal, record, hasCredential: sendsCredential(endpoint) });
  }

  /**
   * Renews the login of a server now, whatever its expiry. Rejects with `LOGIN_REQUIRED` where only a
   * person can help, and else as {@link TokenSource.accessToken} does.
   *
   * @param endpoint that of `server`, with its stored secrets filled in
   */
  async renewNow(server: ServerConfig, endpoint: RemoteEndpoint): Promise<void> {
    await this.#sources.of(this.#targetFor(server, endpoint)).renewNow();
  }

  /**
   * Sees that the login of a server has a token now, renewed where it has to be. Rejects with
   * `LOGIN_REQUIRED`, and as {@link TokenSource.accessToken} does. No server is asked.
   *
   * @param endpoint that of `server`, with its stored secrets filled in
   */
  async proveToken(server: ServerConfig, endpoint: RemoteEndpoint): Promise<void> {
    const target = this.#targetFor(server, endpoint);
    const token = await this.#sources.of(target).accessToken();
    if (token === undefined) throw loginRequired(target.key.server, NOT_YET, target.key);
  }

  /** Whether it is left to the server to say whether it wants a login. */
  isDetecting(server: ServerConfig): boolean {
    const { endpoint } = this.#strategies.of(server);
    return endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'detect';
  }

  /**
   * Settles when no tokens are on their way that are not saved yet: a program that ends before could lose
   * a login. It does not wait for longer than a moment, though.
   */
  async settled(): Promise<void> {
    await this.#sources.settled();
  }

  /** A refusal in terms of logins: what it means for a person, and the command that helps. */
  explain(server: ServerConfig, error: McpMasterError): McpMasterError {
    const { logins, journal } = this.#deps;
    const key = this.loginKey(server);
    const record = this.recordName(server);
    const entry = key && logins.index.get(key.file);
    const explained = this.#explained(server, key, error);
    // That nobody has logged in yet is no failure.
    const isNews = key === undefined || entry !== undefined;
    if (record !== undefined && isNews && TOLD.has(explained.code)) {
      journal.failed(record, explained);
    }
    return explained;
  }

  #targetOf(subject: LoginSubject): LoginTarget {
    const { url, headers, settings } = subject;
    const address = url === undefined ? undefined : new URL(url);
    return { key: this.keyOf(subject), url: address, headers, settings };
  }

  #targetFor(server: ServerConfig, endpoint: RemoteEndpoint): LoginTarget {
    const target = this.loginTarget(server, endpoint);
    if (target !== undefined) return target;
    throw loginRequired(server.name, 'it has no login that could be renewed');
  }

  #tokenAuth(
    subject: LoginSubject,
    about: Pick<TokenAuthSubject, 'endpoint' | 'own' | 'record'>,
    server: ServerConfig,
  ): RequestAuth {
    const target = this.#targetOf(subject);
    const { journal, logins, challenges } = this.#deps;
    const passthrough = this.#strategies.passesMaster(server) ? this.#passthrough() : undefined;
    const { key } = target;
    // What one server says of the master's token is no reason to log in again for all of them.
    const heeded = key.server === MASTER ? undefined : challenges;
    const whose = { ...about, key, source: this.#sources.of(target), passthrough };
    return tokenAuth(whose, { journal, logins, challenges: heeded });
  }

  /** The master's token, for servers that may get it where they have none of their own. */
  #passthrough(): Passthrough | undefined {
    const { masterToken } = this.#deps;
    const { master } = this.#strategies;
    if (masterToken !== '') {
      return { accessToken: async () => masterToken, afterRefusal: async () => false };
    }
    return master && this.#sources.of(this.#targetOf(masterSubject(master)));
  }

  #masterMissing(): McpMasterError {
    const { commandFlags } = this.#deps.owner;
    const message = "it is sent the master's token, and there is none";
    return new McpMasterError('LOGIN_REQUIRED', message, {
      hint: `Set MCP_MASTER_TOKEN, or write a \`master_oauth\` block at the root of the configuration and log in: ${loginCommand(MASTER, commandFlags)}`,
    });
  }

  #explained(
    server: ServerConfig,
    key: LoginKey | undefined,
    error: McpMasterError,
  ): McpMasterError {
    if (this.#strategies.own(server.name) !== undefined) return error;
    if (key === undefined) return explainFixed(error, this.#strategies.of(server));
    const { logins, challenges } = this.#deps;
    const entry = logins.index.get(key.file);
    const setback = this.#sources.get(key)?.setback;
    const unattended = this.isUnattended(server);
    const refused = { server, key, entry, unattended, setback, challenges };
    return key.server === MASTER ? explainMaster(error, refused) : explainRefusal(error, refused);
  }
}

/** The failures of a connection that are about authentication. */
const TOLD = new Set(['LOGIN_REQUIRED', 'UNAUTHORIZED', 'INSUFFICIENT_SCOPE']);
