import type { MultiAuthManager } from '../auth/multi-auth-manager.ts';
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../log.ts';
import type { ClientTransport } from './client-transport.ts';
import type { LoadedConfig } from './load-config.ts';
import type { OpenServer } from './open-server.ts';

/** A configuration; one that was loaded knows whose logins belong to it. */
export type MasterConfig = Config & Partial<Pick<LoadedConfig, 'request'>>;

/** How a {@link MasterServer} behaves. */
export interface MasterServerOptions {
  /** What is logged, to stderr. Default: `MCP_MASTER_LOG_LEVEL`, else `warn`. */
  logLevel?: LogLevel;
}

/**
 * The MCP server in front of many, as `mcp-master serve` is it, in a program of your own. Logins,
 * secrets and catalogues are those of the user and profile: `mcp-master auth login` works for it, too.
 *
 * Nothing happens before {@link serve}. Signals are left to the program: call {@link close} for
 * those that end it, so that no process of a server is left.
 */
export class MasterServer {
  readonly #config: MasterConfig | undefined;
  readonly #options: MasterServerOptions;
  #auth: MultiAuthManager | undefined;
  #server: Promise<OpenServer> | undefined;
  /** Settles with each client's going. */
  readonly #served = new Set<Promise<void>>();
  #clients = 0;

  /** @param config as `loadConfig` gives it. Default: loaded with the first client */
  constructor(config?: MasterConfig, options: MasterServerOptions = {}) {
    this.#config = config;
    this.#options = options;
  }

  /** Takes strategies that are registered there in place of those of the configuration. Before `serve`. */
  attachAuthManager(auth: MultiAuthManager): this {
    this.#auth = auth;
    return this;
  }

  /**
   * Serves one client until it goes, or {@link close} is called. Rejects with `CONFIG_INVALID` when the
   * configuration, or a registered strategy, is of no use.
   *
   * @param transport default: stdin and stdout of this process, which belong to the client from then on;
   * what else is printed to stdout while it is served lands on stderr
   */
  serve(transport?: ClientTransport): Promise<void> {
    const served = this.#serve(transport).finally(() => this.#served.delete(served));
    this.#served.add(served);
    return served;
  }

  /** Says goodbye to all clients; resolves when no connection and no process is left. Never rejects. */
  async close(): Promise<void> {
    const server = await this.#server?.catch(() => undefined);
    await server?.close();
    await Promise.allSettled(this.#served);
  }

  async #serve(transport: ClientTransport | undefined): Promise<void> {
    this.#clients += 1;
    this.#server ??= this.#open();
    const opening = this.#server;
    try {
      const server = await opening;
      await server.serve(transport);
    } finally {
      this.#clients -= 1;
      // Whoever comes after the last one finds stores and connections that are opened anew.
      if (this.#clients === 0) {
        this.#server = undefined;
        await opening.then(
          (server) => server.release(),
          () => undefined,
        );
      }
    }
  }

  async #open(): Promise<OpenServer> {
    const { openServer } = await import('./open-server.ts');
    return openServer(this.#config, this.#auth, this.#options);
  }
}
