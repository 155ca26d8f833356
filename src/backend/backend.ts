import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import type { JsonObject } from '../rpc/message.ts';
import type { RequestOptions } from '../rpc/outgoing-requests.ts';
import type { OutgoingRequest } from '../rpc/peer.ts';
import { type ConnectDeps, connect, type Session } from './connect.ts';
import { Delivery, type DeliveryLine } from './delivery.ts';
import type { ClientIdentity } from './handshake.ts';
import { type ListKind, listAll } from './list-pages.ts';
import { RateLimiter } from './rate-limiter.ts';
import { Supervisor } from './supervisor.ts';

/** After a failed attempt, the next one is made this much later at the earliest, then twice that. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

/** Where a server stands. */
export type BackendState =
  | { phase: 'idle' }
  | { phase: 'connecting' }
  | { phase: 'ready'; session: Session }
  | { phase: 'failed'; error: McpMasterError; retryAt: number }
  | { phase: 'closed' };

/** What the owner of a {@link Backend} does with what its server sends by itself. */
export interface BackendHandlers {
  /** It has shaken hands, for the first time or anew. */
  onReady(session: Session): void;
  onRequest(request: IncomingRequest): void;
  onNotification(method: string, params: JsonObject | undefined): void;
}

/**
 * One configured server: connected when somebody needs it, and again after a failure when somebody
 * needs it again, but never more often than the back-off allows. Its errors name it.
 */
export class Backend {
  readonly config: ServerConfig;
  readonly #client: ClientIdentity;
  readonly #handlers: BackendHandlers;
  readonly #deps: ConnectDeps;
  #state: BackendState = { phase: 'idle' };
  #connecting: Promise<Session> | undefined;
  #failures = 0;
  /** Sessions with older credentials, until their requests are done. */
  readonly #retiring = new Set<Session>();
  readonly #supervisor: Supervisor;
  readonly #line: DeliveryLine;
  /** Calls off the attempt to connect that is under way. */
  readonly #closing = new AbortController();

  constructor(
    config: ServerConfig,
    client: ClientIdentity,
    handlers: BackendHandlers,
    deps: ConnectDeps,
  ) {
    this.config = config;
    this.#client = client;
    this.#handlers = handlers;
    const log = deps.log.named(config.name);
    this.#deps = { ...deps, log };
    this.#supervisor = new Supervisor({ restart: () => this.#restart(), now: deps.now, log });
    this.#line = {
      session: () => (this.#state.phase === 'ready' ? this.#state.session : undefined),
      connect: () => this.connect(),
      limiter: config.rateLimit && new RateLimiter(config.rateLimit),
      now: deps.now,
      explain: (error) => this.#explain(error),
    };
  }

  get name(): string {
    return this.config.name;
  }

  get state(): BackendState {
    return this.#state;
  }

  /** The session, made if there is none. Rejects with an `McpMasterError` that names the server. */
  async connect(): Promise<Session> {
    const state = this.#state;
    if (state.phase === 'ready') return state.session;
    if (state.phase === 'closed') throw closedError(this.name);
    if (state.phase === 'failed' && this.#deps.now() < state.retryAt) throw state.error;
    return this.#attempt();
  }

  /** Sends a request, connecting first where needed; {@link Delivery} says when it is repeated. */
  request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): OutgoingRequest {
    return new Delivery(this.#line, method, params, options).start();
  }

  /** All items of one of its lists. Rejects with an `McpMasterError` that names the server. */
  async list(session: Session, kind: ListKind): Promise<JsonObject[]> {
    try {
      return await listAll(session, kind, this.config.timeout * 1000);
    } catch (error) {
      throw this.#explain(toMcpMasterError(error));
    }
  }

  /** Sends a notification if it is connected: to a server that is not, it has nothing to say. */
  notify(method: string, params: JsonObject | undefined): void {
    if (this.#state.phase === 'ready') this.#state.session.peer.notify(method, params);
  }

  /**
   * The login or a secret is another one: what failed for the want of it is tried again at once, and a
   * session that was opened with the old one gives way to a new one when its requests are done.
   */
  credentialsChanged(): void {
    const state = this.#state;
    this.#failures = 0;
    if (state.phase === 'failed') this.#restart();
    else if (state.phase === 'connecting') {
      const settled = this.#connecting?.catch(() => undefined);
      void settled?.then(() => this.credentialsChanged());
    } else if (state.phase === 'ready') {
      this.#state = { phase: 'idle' };
      void this.#retire(state.session);
      this.#attempt().catch(() => undefined);
    }
  }

  /** Ends the connection and, for a child process, its whole tree. Never rejects. */
  async close(): Promise<void> {
    const { phase } = this.#state;
    const session = this.#state.phase === 'ready' ? this.#state.session : undefined;
    this.#state = { phase: 'closed' };
    this.#closing.abort();
    this.#supervisor.end();
    if (phase === 'connecting') await this.#connecting?.catch(() => undefined);
    await Promise.all([session, ...this.#retiring].map((one) => one?.peer.close()));
  }

  /** Closes a session that is not used any more, when its last request is over or has had its time. */
  async #retire(session: Session): Promise<void> {
    this.#retiring.add(session);
    const limit = sleep(this.config.timeout * 1000, undefined, { ref: false });
    await Promise.race([session.peer.idle(), limit]);
    await session.peer.close();
    this.#retiring.delete(session);
  }

  #attempt(): Promise<Session> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  #restart(): void {
    if (this.#state.phase !== 'failed') return;
    // A failure is logged, and reported to the supervisor, where it happens.
    this.#attempt().catch(() => undefined);
  }

  async #open(): Promise<Session> {
    this.#state = { phase: 'connecting' };
    const started = this.#deps.now();
    let session: Session | undefined;
    const handlers = {
      onRequest: (request: IncomingRequest) => this.#handlers.onRequest(request),
      onNotification: (method: string, params: JsonObject | undefined) =>
        this.#handlers.onNotification(method, params),
      onClose: (error: McpMasterError | undefined) => this.#onClose(session, error),
    };
    try {
      session = await connect(
        this.config,
        this.#client,
        handlers,
        this.#deps,
        this.#closing.signal,
      );
      return await this.#adopt(session, started);
    } catch (error) {
      throw this.#failAttempt(this.#explain(toMcpMasterError(error)));
    }
  }

  async #adopt(session: Session, started: number): Promise<Session> {
    if (this.#isClosed()) {
      await session.peer.close();
      throw closedError(this.name);
    }
    if (session.peer.isClosed) {
      throw new McpMasterError('BACKEND_EXITED', 'the connection ended during the handshake');
    }
    this.#failures = 0;
    this.#state = { phase: 'ready', session };
    this.#supervisor.up();
    this.#deps.log.info(`connected over ${session.transport} in ${this.#deps.now() - started} ms`);
    this.#handlers.onReady(session);
    return session;
  }

  #failAttempt(error: McpMasterError): McpMasterError {
    const delay = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    // Beyond this many the delay stays the same: the power must not overflow.
    this.#failures = Math.min(this.#failures + 1, 10);
    return this.#fail(error, delay);
  }

  #fail(error: McpMasterError, delay: number): McpMasterError {
    if (this.#isClosed()) return error;
    this.#state = { phase: 'failed', error, retryAt: this.#deps.now() + delay };
    this.#deps.log.warn(
      error.hint === undefined ? error.message : `${error.message}. ${error.hint}`,
    );
    this.#supervisor.lost();
    return error;
  }

  /** An established connection broke; one that is being made reports through its own rejection. */
  #onClose(session: Session | undefined, error: McpMasterError | undefined): void {
    if (this.#state.phase !== 'ready' || this.#state.session !== session) return;
    const lost = error ?? new McpMasterError('BACKEND_EXITED', 'the connection was closed');
    // It worked until now: whoever needs it next may start it again at once.
    this.#fail(this.#explain(lost), 0);
  }

  #isClosed(): boolean {
    return this.#state.phase === 'closed';
  }

  /** The error as it is told: with the server's name, and without what the server leaked. */
  #explain(error: McpMasterError): McpMasterError {
    const { code, message, hint, cause } = this.#deps.auth.explain(this.config, error);
    return new McpMasterError(code, `server "${this.name}": ${this.#deps.redact(message)}`, {
      hint,
      cause,
    });
  }
}

function closedError(name: string): McpMasterError {
  return new McpMasterError('INTERRUPTED', `server "${name}": mcp-master is shutting down`);
}
