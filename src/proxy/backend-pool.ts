import { setTimeout as sleep } from 'node:timers/promises';
import { Backend } from '../backend/backend.ts';
import type { ConnectDeps, Session } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import { createToolSieve } from '../backend/tool-schemas.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import type { JsonObject } from '../rpc/message.ts';
import { Catalogue, type CatalogueStore, LIST_KINDS, type Lists } from './catalogue.ts';
import { type CredentialLook, type CredentialWatch, watchCredentials } from './credential-watch.ts';
import type { ServerInstructions } from './instructions.ts';
import { SEPARATOR } from './names.ts';
import { RefreshQueue } from './refresh-queue.ts';
import { Router } from './router.ts';

/** What a {@link BackendPool} takes from the world. */
export interface PoolDeps {
  backend: ConnectDeps;
  credentials: CredentialWatch;
  catalogue: CatalogueStore;
  log: Logger;
}

/** What the pool tells its owner. */
export interface PoolHandlers {
  /** These lists, joined, are others than before. */
  onListsChanged(changed: ReadonlySet<keyof Lists>): void;
  /** A server has shaken hands, for the first time or anew. */
  onReady(backend: Backend, session: Session): void;
  onRequest(backend: Backend, request: IncomingRequest): void;
  onNotification(backend: Backend, method: string, params: JsonObject | undefined): void;
}

/** The servers behind one client's session, and what they offer together. */
export class BackendPool {
  readonly router: Router;
  readonly #config: Config;
  readonly #handlers: PoolHandlers;
  readonly #log: Logger;
  readonly #catalogue: Catalogue;
  readonly #backends = new Map<string, Backend>();
  readonly #refreshes: RefreshQueue;
  /** Why the latest list of a server could not be read. */
  readonly #unlisted = new Map<string, McpMasterError>();
  readonly #credentials: CredentialWatch;
  #credentialLook: CredentialLook | undefined;
  readonly #usableTools: ReturnType<typeof createToolSieve>;
  #started: Promise<void> | undefined;

  constructor(config: Config, client: ClientIdentity, handlers: PoolHandlers, deps: PoolDeps) {
    this.#config = config;
    this.#handlers = handlers;
    this.#log = deps.log;
    this.#credentials = deps.credentials;
    this.#usableTools = createToolSieve(deps.log);
    this.#refreshes = new RefreshQueue((backend, kinds) =>
      this.#refresh(backend, kinds).catch((error: unknown) => this.#listingFailed(backend, error)),
    );
    this.#catalogue = new Catalogue(deps.catalogue, client, deps.log);
    const servers = config.servers.filter(({ enabled }) => enabled);
    for (const server of servers) this.#add(server, client, deps.backend);
    this.router = new Router({
      servers,
      catalogue: this.#catalogue,
      nameLimit: config.serve.nameLimit,
      warn: (message) => this.#log.warn(message),
    });
  }

  get backends(): Backend[] {
    return [...this.#backends.values()];
  }

  get(server: string): Backend | undefined {
    return this.#backends.get(server);
  }

  /** What is wrong with servers under whose prefix a name would be. */
  failures(name: string): McpMasterError[] {
    return this.backends.flatMap(({ config, state }) => {
      if (config.prefix === '' || !name.startsWith(config.prefix + SEPARATOR)) return [];
      return (state.phase === 'failed' ? state.error : this.#unlisted.get(config.name)) ?? [];
    });
  }

  /** The last known instructions of each server. */
  instructions(): ServerInstructions[] {
    return this.backends.flatMap(({ config }) => {
      const text = this.#catalogue.get(config)?.instructions;
      return text === undefined ? [] : [{ server: config.name, text }];
    });
  }

  /** The servers that are known to have a capability. */
  withCapability(name: string): Backend[] {
    return this.backends.filter(
      ({ config }) => this.#catalogue.get(config)?.capabilities[name] !== undefined,
    );
  }

  /** The last known capabilities of each server. */
  capabilities(): JsonObject[] {
    return this.backends.flatMap(({ config }) => {
      const known = this.#catalogue.get(config);
      return known === undefined ? [] : [known.capabilities];
    });
  }

  /** Whether something is known of each server, from this run or the one before. */
  isListable(): boolean {
    return this.backends.every(({ config }) => this.#catalogue.get(config));
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

  /** Reads lists of a server again, because it said that they changed. */
  refresh(backend: Backend, kinds: readonly (keyof Lists)[]): void {
    this.#refreshes.add(backend, kinds);
  }

  /** Tries servers again that failed: somebody wants to know what there is. Their back-off holds. */
  retryFailed(): void {
    for (const backend of this.backends) {
      if (backend.state.phase === 'failed') void this.#startOne(backend);
      else if (this.#unlisted.has(backend.name)) this.refresh(backend, LIST_KINDS);
    }
  }

  /** Takes note of logins that have just been made, without waiting to be told of them. */
  lookAtCredentials(): void {
    this.#credentialLook?.look();
  }

  /** Settles when a server's lists are known; with why not, if they can't be. Never rejects. */
  async listed(server: string): Promise<McpMasterError | undefined> {
    const backend = this.#backends.get(server);
    if (backend === undefined) return undefined;
    try {
      await backend.connect();
      await this.#refreshes.settled(server);
      return this.#unlisted.get(server);
    } catch (error) {
      return toMcpMasterError(error);
    }
  }

  /** Ends all connections and child processes. Never rejects. */
  async close(): Promise<void> {
    this.#credentialLook?.stop();
    const closing = this.backends.map((backend) => backend.close());
    await Promise.all([...closing, this.#catalogue.flush()]);
  }

  #add(server: ServerConfig, client: ClientIdentity, deps: ConnectDeps): void {
    const backend: Backend = new Backend(
      server,
      client,
      {
        onReady: (session) => {
          this.#handlers.onReady(backend, session);
          this.refresh(backend, LIST_KINDS);
        },
        onRequest: (request) => this.#handlers.onRequest(backend, request),
        onNotification: (method, params) => this.#handlers.onNotification(backend, method, params),
      },
      deps,
    );
    this.#backends.set(server.name, backend);
  }

  #credentialsChanged(backend: Backend): void {
    this.#log.info(`server "${backend.name}": its login or its secrets have changed`);
    backend.credentialsChanged();
  }

  async #startAll(): Promise<void> {
    this.#credentialLook = watchCredentials(this.backends, this.#credentials, (backend) =>
      this.#credentialsChanged(backend),
    );
    const unknown: Promise<void>[] = [];
    for (const backend of this.backends) {
      const isNew = this.#catalogue.get(backend.config) === undefined;
      const settled = this.#startOne(backend);
      if (isNew) unknown.push(settled);
    }
    await Promise.race([Promise.all(unknown), this.#patience()]);
  }

  async #startOne(backend: Backend): Promise<void> {
    try {
      await backend.connect();
      await this.#refreshes.settled(backend.name);
    } catch (error) {
      this.#noteFailure(backend, toMcpMasterError(error));
    }
  }

  async #refresh(backend: Backend, kinds: readonly (keyof Lists)[]): Promise<void> {
    const { config, state } = backend;
    if (state.phase !== 'ready') return;
    const { session } = state;
    const { capabilities, instructions } = session.server;
    const lists: Partial<Lists> = {};
    const read = async (kind: keyof Lists) => {
      lists[kind] = await backend.list(session, kind);
    };
    const outcomes = await Promise.allSettled(kinds.map(read));
    this.#unlisted.delete(config.name);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') this.#listingFailed(backend, outcome.reason);
    }
    if (Object.keys(lists).length === 0) return;
    if (lists.tools !== undefined) lists.tools = await this.#usableTools(config.name, lists.tools);
    const news = { capabilities, instructions, ...lists };
    // What is known in part must not pass for the whole in the next run.
    const isWhole = !this.#unlisted.has(config.name);
    this.#apply(this.#catalogue.update(config, news, { remember: isWhole }));
  }

  #listingFailed(backend: Backend, reason: unknown): void {
    const error = toMcpMasterError(reason);
    this.#unlisted.set(backend.name, error);
    this.#log.warn(`not all can be listed: ${error.message}`);
  }

  #noteFailure(backend: Backend, error: McpMasterError): void {
    if (backend.state.phase !== 'closed') this.#catalogue.noteFailure(backend.config, error);
  }

  #apply(changed: ReadonlySet<keyof Lists>): void {
    if (changed.size === 0) return;
    this.router.invalidate(changed);
    this.#handlers.onListsChanged(changed);
  }

  #patience(): Promise<void> {
    return sleep(this.#config.serve.firstListWait * 1000, undefined, { ref: false });
  }
}
