import type { Config } from '../config/config.ts';
import type { Transport } from '../rpc/transport.ts';
import { ClientSession, type SessionDeps } from './client-session.ts';

/**
 * The MCP server that joins the configured servers. Each client that is served has servers of its
 * own behind it.
 */
export class MasterServer {
  readonly #config: Config;
  readonly #deps: SessionDeps;
  readonly #sessions = new Set<ClientSession>();

  constructor(config: Config, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Serves one client until it goes, or {@link close} is called, and nothing of it is left. */
  async serve(transport: Transport): Promise<void> {
    const session = new ClientSession(transport, this.#config, this.#deps);
    this.#sessions.add(session);
    await session.start();
    await session.done;
    this.#sessions.delete(session);
    // Nobody is left to whom a login would be of use.
    if (this.#sessions.size === 0) await this.#deps.desk.close();
  }

  /** Ends all sessions with their connections and child processes. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }
}
