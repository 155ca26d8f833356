import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../backend/backend.ts';
import type { Session } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type Catalogue, LIST_KINDS, type Lists } from './catalogue.ts';
import { CredentialLook } from './credential-watch.ts';
import { ListReader } from './list-reader.ts';
import { SEPARATOR } from './names.ts';
import type { PoolClient, PoolDeps, PoolHandlers } from './pool-deps.ts';
import { type Member, PoolMembers } from './pool-members.ts';
import { PooledBackend } from './pooled-backend.ts';
import { Router } from './router.ts';
import { compareServers, enabledServers } from './server-changes.ts';
import { StartQueue } from './start-queue.ts';

/** The servers behind one client's session, and what they offer together. */
export class BackendPool {
  readonly router: Router;
  readonly #client: ClientIdentity;
  readonly #handlers: PoolHandlers;
  readonly #log: Logger;
  readonly #catalogue: Catalogue;
  readonly #lists: ListReader;
  readonly #credentialLook: CredentialLook;
  readonly #members: PoolMembers;
  readonly #starts: StartQueue;
  #config: Config;
  #deps: PoolDeps;
  #started: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    config: Config,
    { client, catalogue }: PoolClient,
    handlers: PoolHandlers,
    deps: PoolDeps,
  ) {
    this.#config = config;
    this.#client = client;
    this.#catalogue = catalogue;
    this.#handlers = handlers;
    this.#deps = deps;
    this.#log = deps.log;
    this.#starts = new StartQueue(deps.processors);
    this.#credentialLook = new CredentialLook((backend) => this.#credentialsChanged(backend));
    this.#lists = new ListReader({
      ...{ catalogue: this.#catalogue, log: deps.log },
      configOf: (backend) => this.#members.of(backend)?.server,
      onChanged: (changed) => this.#apply(changed),
    });
    this.#members = new PoolMembers({
      create: (server, after) => this.#create(server, after),
      onGone: (backend) => this.#credentialLook.unfollow(backend),
    });
    const servers = enabledServers(config);
    this.#members.replace(servers, new Set());
    this.router = new Router({
      ...{ servers, catalogue: this.#catalogue, nameLimit: config.serve.nameLimit },
      warn: (message) => this.#log.warn(message),
    });
  }

  get backends(): Backend[] {
    return this.#members.all.map(({ backend }) => backend);
  }

  get(server: string): Backend | undefined {
    return this.#members.get(server)?.backend;
  }

  /** What is wrong with servers under whose prefix a name would be. */
  failures(name: string): McpMasterError[] {
    return this.#members.all.flatMap(({ server: { prefix }, backend }) => {
      if (prefix === '' || !name.startsWith(prefix + SEPARATOR)) return [];
      const { state } = backend;
      return (state.phase === 'failed' ? state.error : this.#lists.failure(backend)) ?? [];
    });
  }

  /** The servers that are known to have a capability. */
  withCapability(name: string): Backend[] {
    return this.#members.all.flatMap(({ server, backend }) =>
      this.#catalogue.get(server)?.capabilities[name] === undefined ? [] : [backend],
    );
  }

  /** Whether something is known of each server, from this run or the one before. */
  isListable(): boolean {
    return this.#members.all.every(({ server }) => this.#catalogue.get(server));
  }

  /**
   * Settles when something is known of each server: that it answered or that it failed. Waits
   * `first_list_wait` at most, counted from the first time, and never for servers known before.
   */
  async listable(): Promise<void> {
    if (!this.isListable()) await this.start();
  }

  /** Whether {@link start} was called. */
  get isStarted(): boolean {
    return this.#started !== undefined;
  }

  /** Connects all servers. Settles like {@link listable}; never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#startAll(this.#members.all);
    return this.#started;
  }

  /**
   * Another configuration takes the place of the one before. The connections that it says the same of stay
   * as they are; the others end when their requests are done, and new ones are made.
   */
  reconfigure(config: Config, deps: PoolDeps): void {
    if (this.#isClosed) return;
    const { platform } = deps.backend.surroundings;
    const { changed, removed } = compareServers(this.#config, config, platform);
    const shown = this.router.shown();
    this.#config = config;
    this.#deps = deps;
    const before = this.#members.all;
    const servers = enabledServers(config);
    const created = this.#members.replace(servers, new Set([...changed, ...removed]));
    for (const name of removed) this.#catalogue.forget(name);
    for (const { server } of created) this.#catalogue.presume(server);
    for (const member of before) this.#keepKnown(member);
    this.router.reconfigure({ servers, nameLimit: config.serve.nameLimit });
    this.#tell(this.router.changedSince(shown));
    if (this.#started !== undefined) this.#started = this.#startAll(created, this.#started);
  }

  /** Reads lists of a server again, because it said that they changed. */
  refresh(backend: Backend, kinds: readonly (keyof Lists)[]): void {
    if (this.#members.of(backend) !== undefined) this.#lists.read(backend, kinds);
  }

  /** Tries servers again that failed: somebody wants to know what there is. Their back-off holds. */
  retryFailed(): void {
    for (const member of this.#members.all) {
      const { backend } = member;
      if (backend.state.phase === 'failed') void this.#startOne(member);
      else if (this.#lists.failure(backend) !== undefined) this.refresh(backend, LIST_KINDS);
    }
  }

  /** Takes note of logins that have just been made. Whose credentials have changed. */
  lookAtCredentials(): ReadonlySet<Backend> {
    return this.#credentialLook.look();
  }

  /** Settles when a server's lists are known; with why not, if they aren't. Never rejects. */
  async listed(server: string): Promise<McpMasterError | undefined> {
    const backend = this.#members.get(server)?.backend;
    if (backend === undefined) return undefined;
    try {
      await backend.connect();
      await this.#lists.settled(backend);
      return this.#lists.failure(backend);
    } catch (error) {
      return toMcpMasterError(error);
    }
  }

  /** Ends all connections and child processes. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#credentialLook.stop();
    await Promise.all([this.#members.close(), this.#catalogue.flush()]);
  }

  #create(server: ServerConfig, after: Promise<unknown>): Member {
    const { backend: deps, credentials } = this.#deps;
    const handlers = {
      ...this.#handlers,
      onReady: (backend: Backend, session: Session) => {
        this.#handlers.onReady(backend, session);
        this.refresh(backend, LIST_KINDS);
      },
    };
    const backend = new PooledBackend({ server, client: this.#client, handlers, deps, after });
    return { server, backend, credentials };
  }

  #credentialsChanged(backend: Backend): void {
    this.#log.info(`server "${backend.name}": its login or its secrets have changed`);
    backend.credentialsChanged();
  }

  /** @param before settles when those are known that were started earlier */
  async #startAll(members: readonly Member[], before?: Promise<void>): Promise<void> {
    const unknown = [before];
    for (const member of members) {
      this.#credentialLook.follow(member.backend, member.credentials);
      const isNew = this.#catalogue.get(member.server) === undefined;
      const inTurn = () => this.#starts.run(member.server, () => member.backend.connect());
      // Of those that are known nobody waits for a list.
      if (isNew) unknown.push(this.#startOne(member));
      else void this.#startOne(member, inTurn);
    }
    const patience = sleep(this.#config.serve.firstListWait * 1000, undefined, { ref: false });
    await Promise.race([Promise.all(unknown), patience]);
  }

  async #startOne(
    { backend }: Member,
    connect: () => Promise<unknown> = () => backend.connect(),
  ): Promise<void> {
    try {
      await connect();
      await this.#lists.settled(backend);
    } catch (error) {
      this.#noteFailure(backend, toMcpMasterError(error));
    }
    this.#handlers.onSettled();
  }

  /** What is known of a server that has another entry, and the same connection, is known of it in the next run, too. */
  #keepKnown({ server, backend }: Member): void {
    const now = this.#members.of(backend)?.server;
    if (now === undefined || now.fingerprint === server.fingerprint) return;
    if (this.#lists.failure(backend) === undefined) this.#catalogue.remember(now);
  }

  #noteFailure(backend: Backend, error: McpMasterError): void {
    const member = this.#members.of(backend);
    if (member === undefined || backend.state.phase === 'closed') return;
    this.#apply(this.#catalogue.noteFailure(member.server, error));
  }

  #apply(changed: ReadonlySet<keyof Lists>): void {
    this.router.invalidate(changed);
    this.#tell(changed);
  }

  #tell(changed: ReadonlySet<keyof Lists>): void {
    if (changed.size > 0) this.#handlers.onListsChanged(changed);
  }
}
