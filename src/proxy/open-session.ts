import type { SignInDesk } from '../auth/sign-in-desk.ts';
import type { Backend } from '../backend/backend.ts';
import type { Session } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import type { JsonObject } from '../rpc/message.ts';
import type { Peer } from '../rpc/peer.ts';
import {
  type BackendMessageServices,
  relayBackendNotification,
  relayBackendRequest,
} from './backend-messages.ts';
import { BackendPool } from './backend-pool.ts';
import { BuiltinTools, type LoginStatuses } from './builtin-tools.ts';
import type { Catalogue } from './catalogue.ts';
import { ClientWishes } from './client-wishes.ts';
import { ListAnnouncer } from './list-announcer.ts';
import { METHODS } from './methods/table.ts';
import type { PoolDeps } from './pool-deps.ts';
import { methodNotFound } from './rpc-errors.ts';
import type { Services } from './services.ts';
import { SignInHelp } from './sign-in/sign-in-help.ts';
import { TaskRoutes } from './task-routes.ts';

/** What an {@link OpenSession} takes from the world. */
export interface SessionDeps extends PoolDeps {
  /** The logins that persons make while their calls wait. */
  desk: SignInDesk;
  statuses: LoginStatuses;
}

/** A client that has said `initialize`. */
export interface Greeted {
  peer: Peer;
  client: ClientIdentity;
  /** For this client. */
  catalogue: Catalogue;
}

/**
 * The session of one client after `initialize`: hands each request to its method. The servers are made
 * for this client, with its own capabilities.
 */
export class OpenSession {
  #config: Config;
  #deps: SessionDeps;
  readonly #log: Logger;
  readonly #peer: Peer;
  readonly #announcer: ListAnnouncer;
  /** Tasks that the client runs for servers. */
  readonly #clientTasks = new TaskRoutes();
  /** What the client can do, as it says. */
  readonly #capabilities: JsonObject;
  readonly #services: Services;

  constructor(greeted: Greeted, config: Config, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#log = deps.log;
    this.#peer = greeted.peer;
    this.#capabilities = greeted.client.capabilities;
    this.#announcer = new ListAnnouncer((method) => this.#peer.notify(method));
    this.#services = this.#createServices(greeted);
    this.#services.builtins.haveChanged();
  }

  /** Takes what the client sends: a request or a notification. */
  take(sent: IncomingRequest | { method: string; params: JsonObject | undefined }): void {
    if ('reply' in sent) this.#onRequest(sent);
    else this.#onNotification(sent.method, sent.params);
  }

  /** As that of the client's session. */
  reconfigure(config: Config, deps: SessionDeps): void {
    this.#config = config;
    this.#deps = deps;
    const services = this.#services;
    const { pool, signIn, builtins } = services;
    pool.reconfigure(config, deps);
    // It knows whom it has asked: only other logins are reason enough to ask again.
    if (deps.desk !== signIn.desk) services.signIn = this.#createSignInHelp();
    services.builtins = this.#createBuiltins(pool, services.signIn);
    if (JSON.stringify(services.builtins.items) !== JSON.stringify(builtins.items)) {
      this.#announcer.change(new Set(['tools']));
    }
    services.builtins.haveChanged();
  }

  /** The client has gone: ends the connections and processes of its servers. Never rejects. */
  async close(): Promise<void> {
    this.#announcer.end();
    await this.#services.pool.close();
  }

  #onRequest(request: IncomingRequest): void {
    const method = Object.hasOwn(METHODS, request.method) ? METHODS[request.method] : undefined;
    if (method === undefined) {
      request.reply(methodNotFound(request.method));
      return;
    }
    const { pool } = this.#services;
    method(request, this.#services);
    // Not before the first real request, since some clients start a server only to look at it; and
    // after its answer, which starting twenty processes would delay.
    if (!pool.isStarted) setImmediate(() => void pool.start());
  }

  #createServices({ client, catalogue }: Greeted): Services {
    const wishes = new ClientWishes(this.#log);
    const handlers = {
      onListsChanged: this.#announcer.change,
      onSettled: () => this.#lookAtBuiltins(),
      onReady: ({ name }: Backend, session: Session) => wishes.repeatTo(name, session),
      onRequest: (backend: Backend, request: IncomingRequest) =>
        relayBackendRequest(backend, request, messages),
      onNotification: (backend: Backend, method: string, params: JsonObject | undefined) =>
        relayBackendNotification(backend, method, params, messages),
    };
    const pool = new BackendPool(this.#config, { client, catalogue }, handlers, this.#deps);
    const services = { pool, wishes, tasks: new TaskRoutes(), log: this.#log };
    const signIn = this.#createSignInHelp();
    const messages: BackendMessageServices = {
      ...services,
      client: this.#peer,
      capabilities: client.capabilities,
      clientTasks: this.#clientTasks,
    };
    return {
      ...{ ...services, signIn, builtins: this.#createBuiltins(pool, signIn) },
      now: this.#deps.backend.now,
      noteListed: this.#announcer.noteListed,
      noteRefused: () => this.#lookAtBuiltins(),
    };
  }

  /** The tools of our own come and go with the need of a login. */
  #lookAtBuiltins(): void {
    if (this.#services.builtins.haveChanged()) this.#announcer.change(new Set(['tools']));
  }

  #createSignInHelp(): SignInHelp {
    return new SignInHelp({
      ...{ desk: this.#deps.desk, client: this.#peer, log: this.#log },
      capabilities: this.#capabilities,
      waitMs: () => this.#config.serve.loginWait * 1000,
    });
  }

  #createBuiltins(pool: BackendPool, signIn: SignInHelp): BuiltinTools {
    const { statuses, backend } = this.#deps;
    const { now } = backend;
    return new BuiltinTools({ config: this.#config, pool, signIn, statuses, now });
  }

  #onNotification(method: string, params: JsonObject | undefined): void {
    const { pool } = this.#services;
    if (method === 'notifications/initialized') this.#announcer.begin();
    else if (method === 'notifications/roots/list_changed') {
      for (const backend of pool.backends) backend.notify(method, params);
    } else if (method === 'notifications/tasks/status') {
      const taskId = params?.['taskId'];
      const owner = typeof taskId === 'string' ? this.#clientTasks.get(taskId) : undefined;
      if (owner !== undefined) pool.get(owner.server)?.notify(method, params);
    } else this.#log.debug(`the client sent ${method}, which is not relayed`);
  }
}
