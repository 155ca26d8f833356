import type { OAuthSettings, RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { isCredentialName } from '../config/credentials.ts';
import { type Lookup, wholeReference } from '../config/interpolate.ts';
import { masterResourceProblem, usesMasterToken } from '../config/master.ts';
import { readMasterSettings, readStrategy } from '../config/read-strategy.ts';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type LoginSubject, loginSubject } from './login-subject.ts';
import type { AuthStrategy, StrategyName } from './strategy.ts';

/** Settings of the master's login: as `loadConfig` gives them, or as a file has them. */
export type MasterSettings = OAuthSettings | Readonly<Record<string, unknown>>;

/** A strategy that replaces the configured one, with its settings as a file would have them. */
export interface Registration {
  strategy: StrategyName | AuthStrategy;
  settings: Readonly<Record<string, unknown>>;
}

/** What {@link Strategies} work with. */
export interface StrategiesDeps {
  /** The master's own token, which comes from outside; '' = there is none. */
  masterToken: string;
  /** The settings of the configuration's `master_oauth` block. */
  masterOauth: OAuthSettings | undefined;
  /** The environment, for `env:NAME`. */
  lookup: Lookup;
  /** Whether a secret of this name is stored; asks no keychain. */
  hasSecret(name: string): boolean;
  /** Registers a value that must never be shown. */
  secret(value: string): void;
  log: Logger;
}

/** Who is authenticated how: the configuration, and what was registered in its place. */
export class Strategies {
  /** How the master logs in; undefined = it can't, or need not. */
  readonly master: OAuthSettings | undefined;
  /** Whether that is what the configuration says, whose stored secrets are not filled in. */
  readonly isConfiguredMaster: boolean;
  readonly #settings: OAuthSettings | undefined;
  readonly #deps: StrategiesDeps;
  readonly #own = new Map<string, AuthStrategy>();
  readonly #replaced = new Map<string, Pick<RemoteEndpoint, 'auth' | 'headers'>>();

  /** Throws `CONFIG_INVALID` when a registered strategy, or the settings of the master, are wrong. */
  constructor(
    master: MasterSettings | undefined,
    registrations: ReadonlyMap<string, Registration>,
    deps: StrategiesDeps,
  ) {
    this.#deps = deps;
    const isOther = master !== undefined && master !== deps.masterOauth;
    this.isConfiguredMaster = !isOther;
    this.#settings = isOther ? this.#readMaster(master) : deps.masterOauth;
    this.master = deps.masterToken === '' ? this.#settings : undefined;
    for (const [name, { strategy, settings: given }] of registrations) {
      if (typeof strategy !== 'string') this.#own.set(name, checked(strategy, name));
      else {
        const input = { name, strategy, settings: given };
        this.#replaced.set(name, this.#told(readStrategy(input, deps.lookup)));
      }
    }
  }

  /** Somebody's own strategy for a server. */
  own(server: string): AuthStrategy | undefined {
    return this.#own.get(server);
  }

  /** A server with the strategy that counts for it. */
  of<T extends Pick<ServerConfig, 'name' | 'endpoint'>>(server: T): T {
    const { endpoint, name } = server;
    const replaced = this.#replaced.get(name);
    if (replaced === undefined || endpoint.kind === 'stdio') return server;
    // Its own credential would compete with the one that takes its place.
    const kept = Object.entries(endpoint.headers).filter(([header]) => !isCredentialName(header));
    const headers = { ...Object.fromEntries(kept), ...replaced.headers };
    return { ...server, endpoint: { ...endpoint, headers, auth: replaced.auth } };
  }

  /** Whose login a server's requests carry; undefined where they carry none. */
  subject(server: Pick<ServerConfig, 'name' | 'endpoint'>): LoginSubject | undefined {
    if (this.#own.has(server.name)) return undefined;
    return loginSubject(this.of(server), {
      master: this.master,
      hasSourceToken: (settings) => this.#hasSourceToken(settings),
    });
  }

  /** Whether the master's token is sent to a server where it has none of its own. */
  passesMaster(server: Pick<ServerConfig, 'name' | 'endpoint'>): boolean {
    const { endpoint } = this.of(server);
    return usesMasterToken({ endpoint }) && isProxying(endpoint);
  }

  /** The token that is neither a login nor a header of the configuration; undefined = there is none. */
  fixedToken({ auth }: RemoteEndpoint): string | undefined {
    const { masterToken } = this.#deps;
    if (auth.strategy === 'master_oauth') return masterToken || undefined;
    return auth.strategy === 'proxy_oauth' ? this.#sourceToken(auth.oauth) : undefined;
  }

  /** Why the master's token may not be sent to a server; undefined when it may. */
  masterProblem(server: Pick<ServerConfig, 'name' | 'endpoint'>): McpMasterError | undefined {
    const problem = masterResourceProblem(this.of(server), this.#settings);
    if (problem === undefined) return undefined;
    const { message, hint } = problem;
    return new McpMasterError('CONFIG_INVALID', `server "${server.name}": ${message}`, { hint });
  }

  #readMaster(master: MasterSettings): OAuthSettings {
    return this.#told(readMasterSettings({ ...master }, this.#deps.lookup)).oauth;
  }

  #told<T extends { secrets: string[]; warnings: string[] }>(read: T): T {
    for (const secret of read.secrets) this.#deps.secret(secret);
    for (const warning of read.warnings) this.#deps.log.warn(warning);
    return read;
  }

  #sourceToken({ tokenSource, sourceToken }: OAuthSettings): string | undefined {
    const source = tokenSource === undefined ? undefined : wholeReference(tokenSource);
    const token = source?.kind === 'env' ? this.#deps.lookup(source.name) : sourceToken;
    return token || undefined;
  }

  /** Also before stored secrets are filled in. */
  #hasSourceToken(settings: OAuthSettings): boolean {
    if (this.#sourceToken(settings) !== undefined) return true;
    const source = settings.tokenSource && wholeReference(settings.tokenSource);
    return source !== undefined && source !== '' && source.kind === 'keyring'
      ? this.#deps.hasSecret(source.name)
      : false;
  }
}

function isProxying(endpoint: ServerConfig['endpoint']): boolean {
  return endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'proxy_oauth';
}

/** What a program in JavaScript brings need not be what the types say. */
function checked(strategy: AuthStrategy, server: string): AuthStrategy {
  if (typeof strategy?.headers === 'function') return strategy;
  const message = `the strategy of "${server}" has no function \`headers\``;
  throw new McpMasterError('CONFIG_INVALID', message, {
    hint: 'Hand over { headers: ({ server, url }) => ({ … }) }, or the name of a strategy.',
  });
}
