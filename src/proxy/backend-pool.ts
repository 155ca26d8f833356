import { Backend } from '../backend/backend.ts';
import type { ConnectDeps, Session } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import { listAll } from '../backend/list-pages.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JsonObject } from '../rpc/message.ts';
import type { IncomingRequest } from '../rpc/peer.ts';
import { Catalogue, type CatalogueStore } from './catalogue.ts';
import type { ServerInstructions } from './instructions.ts';
import { SEPARATOR } from './names.ts';
import { buildToolTable, type ToolTable } from './tool-table.ts';

/** What a {@link BackendPool} takes from the world. */
export interface PoolDeps {
  backend: ConnectDeps;
  catalogue: CatalogueStore;
  log: Logger;
}

/** What the pool tells its owner. */
export interface PoolHandlers {
  /** The joined list of tools is another one than the client was given. */
  onToolsChanged(): void;
  onRequest(server: Backend, request: IncomingRequest): void;
  onNotification(server: Backend, method: string, params: JsonObject | undefined): void;
}

/** The servers behind one client's session, and what they offer together. */
export class BackendPool {
  readonly #config: Config;
  readonly #handlers: PoolHandlers;
  readonly #log: Logger;
  readonly #catalogue: Catalogue;
  readonly #backends = new Map<string, Backend>();
  /** The latest refresh of a server's lists: a change in the middle of one asks for another. */
  readonly #refreshes = new Map<string, Promise<void>>();
  #table: ToolTable | undefined;
  /** Whether the client has a list that a change would make untrue. */
  #listed = false;
  #started: Promise<void> | undefined;

  constructor(config: Config, client: ClientIdentity, handlers: PoolHandlers, deps: PoolDeps) {
    this.#config = config;
    this.#handlers = handlers;
    this.#log = deps.log;
    this.#catalogue = new Catalogue(deps.catalogue, client, deps.log);
    for (const server of config.servers) {
      if (server.enabled) this.#add(server, client, deps.backend);
    }
  }

  get backends(): Iterable<Backend> {
    return this.#backends.values();
  }

  /** Where a tool is to be called, by the name that the client knows it under. */
  route(name: string): { backend: Backend; tool: string } | undefined {
    const route = this.table().routes.get(name);
    const backend = route && this.#backends.get(route.server);
    return backend && { backend, tool: route.tool };
  }

  /** The tools for a client that asks for them: from now on, it is told when they change. */
  list(): JsonObject[] {
    this.#listed = true;
    return this.table().tools;
  }

  /** The tools as they are known now. */
  table(): ToolTable {
    this.#table ??= buildToolTable(
      [...this.#backends.values()].map(({ config }) => ({
        config,
        tools: this.#catalogue.get(config)?.tools ?? [],
      })),
      this.#config.serve.nameLimit,
      this.#log,
    );
    return this.#table;
  }

  /** What is wrong with servers under whose prefix a tool of this name would be. */
  failures(tool: string): McpMasterError[] {
    return [...this.#backends.values()].flatMap(({ config, state }) => {
      const concerned = config.prefix !== '' && tool.startsWith(config.prefix + SEPARATOR);
      return concerned && state.phase === 'failed' ? [state.error] : [];
    });
  }

  /** The last known instructions of each server. */
  instructions(): ServerInstructions[] {
    return [...this.#backends.values()].flatMap(({ config }) => {
      const text = this.#catalogue.get(config)?.instructions;
      return text === undefined ? [] : [{ server: config.name, text }];
    });
  }

  /** Whether something is known of each server, from this run or the one before. */
  isListable(): boolean {
    return [...this.#backends.values()].every(({ config }) => this.#catalogue.get(config));
  }

  /**
   * Settles when something is known of each server: that it answered or that it failed. Waits
   * `first_list_wait` at most, counted from the first time, and never for servers known before.
   */
  async listable(): Promise<void> {
    if (!this.isListable()) await this.start();
  }

  /** Connects all servers. Settles like {@link listable}; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#startAll();
    return this.#started;
  }

  /** Reads a server's lists again, because it said that they changed. */
  refresh(server: Backend): void {
    const { name } = server;
    const before = this.#refreshes.get(name) ?? Promise.resolve();
    const refreshed = before.then(() => this.#refresh(server));
    this.#refreshes.set(name, refreshed);
  }

  /** Ends all connections and child processes. Never rejects. */
  async close(): Promise<void> {
    const closing = [...this.#backends.values()].map((backend) => backend.close());
    await Promise.all([...closing, this.#catalogue.flush()]);
  }

  #add(server: ServerConfig, client: ClientIdentity, deps: ConnectDeps): void {
    const backend: Backend = new Backend(
      server,
      client,
      {
        onReady: () => this.refresh(backend),
        onRequest: (request) => this.#handlers.onRequest(backend, request),
        onNotification: (method, params) => this.#handlers.onNotification(backend, method, params),
      },
      deps,
    );
    this.#backends.set(server.name, backend);
  }

  async #startAll(): Promise<void> {
    const unknown: Promise<void>[] = [];
    for (const backend of this.#backends.values()) {
      const isNew = this.#catalogue.get(backend.config) === undefined;
      const settled = this.#startOne(backend);
      if (isNew) unknown.push(settled);
    }
    await Promise.race([Promise.all(unknown), this.#patience()]);
  }

  async #startOne(backend: Backend): Promise<void> {
    try {
      await backend.connect();
      await this.#refreshes.get(backend.name);
    } catch (error) {
      this.#note(backend, toMcpMasterError(error));
    }
  }

  async #refresh(backend: Backend): Promise<void> {
    try {
      const session = await backend.connect();
      const tools = await listTools(session, backend.config.timeout * 1000);
      this.#apply(this.#catalogue.update(backend.config, session.server, tools));
    } catch (error) {
      const failure = toMcpMasterError(error);
      this.#log.warn(
        `the tools of server "${backend.name}" could not be listed: ${failure.message}`,
      );
      this.#note(backend, failure);
    }
  }

  #note(backend: Backend, error: McpMasterError): void {
    if (backend.state.phase === 'closed') return;
    this.#apply(this.#catalogue.noteFailure(backend.config, error));
  }

  #apply(changed: boolean): void {
    if (!changed) return;
    this.#table = undefined;
    if (this.#listed) this.#handlers.onToolsChanged();
  }

  #patience(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, this.#config.serve.firstListWait * 1000).unref();
    });
  }
}

async function listTools({ peer, server }: Session, timeoutMs: number): Promise<JsonObject[]> {
  return server.capabilities['tools'] === undefined ? [] : listAll(peer, 'tools', timeoutMs);
}
