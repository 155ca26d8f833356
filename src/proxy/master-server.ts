import type { SignInDesk } from '../auth/sign-in-desk.ts';
import type { Config } from '../config/config.ts';
import type { Transport } from '../rpc/transport.ts';
import { ClientSession, type GreetingDeps } from './client-session.ts';
import type { SessionDeps } from './open-session.ts';

/**
 * The MCP server that joins the configured servers. Each client that is served has servers of its
 * own behind it.
 */
export class MasterServer {
  #config: Config;
  readonly #greeting: GreetingDeps;
  #open: () => Promise<SessionDeps>;
  /** Each one that has been in use: a login that was begun goes on when the configuration changes. */
  readonly #desks = new Set<SignInDesk>();
  readonly #sessions = new Set<ClientSession>();

  /**
   * @param open gives what servers are connected with: not needed, and not called, before a client has its
   * answer to `initialize`
   */
  constructor(config: Config, greeting: GreetingDeps, open: () => Promise<SessionDeps>) {
    this.#config = config;
    this.#greeting = greeting;
    this.#open = open;
  }

  /** Another configuration takes the place of the one before, for clients that are there, too. */
  reconfigure(config: Config, deps: SessionDeps): void {
    this.#config = config;
    this.#open = async () => deps;
    this.#desks.add(deps.desk);
    for (const session of this.#sessions) session.reconfigure(config, deps);
  }

  /** Serves one client until it goes, or {@link close} is called, and nothing of it is left. */
  async serve(transport: Transport): Promise<void> {
    const open = () => this.#opened();
    const session = new ClientSession(transport, this.#config, this.#greeting, open);
    this.#sessions.add(session);
    try {
      await session.start();
      await session.gone;
    } finally {
      this.#sessions.delete(session);
    }
    // Without a client there is nobody to whom a login would be of use; its servers may take longer to end.
    const desks = this.#sessions.size > 0 ? [] : [...this.#desks];
    await Promise.all([session.done, ...desks.map((desk) => desk.close())]);
  }

  /** Ends all sessions with their connections and child processes. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }

  async #opened(): Promise<SessionDeps> {
    const deps = await this.#open();
    this.#desks.add(deps.desk);
    return deps;
  }
}
