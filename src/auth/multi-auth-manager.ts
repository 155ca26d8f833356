import { type AuthDeps, ServerAuth } from './server-auth.ts';
import { type MasterSettings, type Registration, Strategies } from './strategies.ts';
import type { AuthStrategy, StrategyName } from './strategy.ts';

/**
 * Which server is authenticated how: as the configuration says, unless another strategy is registered here.
 * Attached to a `MasterServer`, it is the one place where a strategy becomes the headers of a request.
 */
export class MultiAuthManager {
  readonly #master: MasterSettings | undefined;
  readonly #registrations = new Map<string, Registration>();

  /** @param master how the master logs in; absent = as the configuration says */
  constructor(master?: MasterSettings) {
    this.#master = master;
  }

  /**
   * Replaces the strategy of a server. It counts from when serving begins, for as long as a client is there.
   *
   * @param server its name in the configuration
   * @param strategy the name of a strategy, or one of your own
   * @param settings as in the server's entry of a file: those of `auth_config` for the OAuth strategies, of
   * `api_key`, or the `headers`. They are checked when serving begins, which then rejects with `CONFIG_INVALID`
   */
  registerServerAuth(
    server: string,
    strategy: StrategyName | AuthStrategy,
    settings: Readonly<Record<string, unknown>> = {},
  ): this {
    this.#registrations.set(server, { strategy, settings });
    return this;
  }

  /**
   * The servers that have a strategy registered here.
   *
   * @internal
   */
  get registered(): string[] {
    return [...this.#registrations.keys()];
  }

  /**
   * The strategies over the stores of a user. Throws `CONFIG_INVALID` when a registered one is wrong.
   *
   * @internal
   */
  attach(deps: AuthDeps): ServerAuth {
    return new ServerAuth(new Strategies(this.#master, this.#registrations, deps), deps);
  }
}
