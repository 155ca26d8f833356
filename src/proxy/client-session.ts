import type { SignInDesk } from '../auth/sign-in-desk.ts';
import type { Backend } from '../backend/backend.ts';
import type { Session } from '../backend/connect.ts';
import { type ClientIdentity, PROTOCOL_VERSIONS } from '../backend/handshake.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import { isObject, type JsonObject, type Reply, RPC_ERROR } from '../rpc/message.ts';
import { Peer } from '../rpc/peer.ts';
import type { Transport } from '../rpc/transport.ts';
import {
  type BackendMessageServices,
  relayBackendNotification,
  relayBackendRequest,
} from './backend-messages.ts';
import { BackendPool } from './backend-pool.ts';
import { BuiltinTools, type LoginStatuses } from './builtin-tools.ts';
import { joinCapabilities } from './capabilities.ts';
import { ClientWishes } from './client-wishes.ts';
import { joinInstructions } from './instructions.ts';
import { ListAnnouncer } from './list-announcer.ts';
import { METHODS } from './methods/table.ts';
import type { PoolDeps } from './pool-deps.ts';
import { methodNotFound, rpcError } from './rpc-errors.ts';
import type { Services } from './services.ts';
import { SignInHelp } from './sign-in/sign-in-help.ts';
import { TaskRoutes } from './task-routes.ts';

/** Who this server is, in its answer to `initialize`. */
export interface ServerInfo extends JsonObject {
  name: string;
  title: string;
  version: string;
}

/** What a {@link ClientSession} takes from the world. */
export interface SessionDeps extends PoolDeps {
  serverInfo: ServerInfo;
  /** The logins that persons make while their calls wait. */
  desk: SignInDesk;
  statuses: LoginStatuses;
}

/**
 * One client: answers `initialize` at once, before any server is up, and hands each later request
 * to its method. The servers are made for this client, with its own capabilities.
 */
export class ClientSession {
  /** Settles when the client has gone. */
  readonly gone: Promise<void>;
  /** Settles when nothing of its servers is left, either. */
  readonly done: Promise<void>;

  #config: Config;
  #deps: SessionDeps;
  readonly #log: Logger;
  readonly #peer: Peer;
  readonly #announcer: ListAnnouncer;
  /** Tasks that the client runs for servers. */
  readonly #clientTasks = new TaskRoutes();
  #leave: () => void = () => undefined;
  #finish: () => void = () => undefined;
  /** What the client can do, as it says. */
  #capabilities: JsonObject = {};
  #services: Services | undefined;

  constructor(transport: Transport, config: Config, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#log = deps.log;
    this.gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#peer = new Peer(
      transport,
      {
        onRequest: (request) => this.#onRequest(request),
        onNotification: (method, params) => this.#onNotification(method, params),
        onClose: () => void this.#end(),
      },
      { label: 'the client', log: deps.log },
    );
    this.#announcer = new ListAnnouncer((method) => this.#peer.notify(method));
  }

  /** Begins to listen to the client. */
  start(): Promise<void> {
    return this.#peer.start();
  }

  /**
   * Another configuration takes the place of the one before: for the requests that come from now on, while
   * those under way go on as they began.
   */
  reconfigure(config: Config, deps: SessionDeps): void {
    this.#config = config;
    this.#deps = deps;
    const services = this.#services;
    if (services === undefined) return;
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

  /** Ends the session from our side. */
  async close(): Promise<void> {
    await this.#peer.close();
    await this.done;
  }

  #onRequest(request: IncomingRequest): void {
    if (request.method === 'initialize') {
      request.reply(this.#initialize(request.params ?? {}));
    } else if (this.#services === undefined) {
      request.reply(rpcError(RPC_ERROR.invalidRequest, 'The session begins with "initialize"'));
    } else {
      this.#dispatch(request, this.#services);
    }
  }

  #dispatch(request: IncomingRequest, services: Services): void {
    const method = Object.hasOwn(METHODS, request.method) ? METHODS[request.method] : undefined;
    if (method === undefined) {
      request.reply(methodNotFound(request.method));
      return;
    }
    method(request, services);
    // Not before the first real request, since some clients start a server only to look at it; and
    // after its answer, which starting twenty processes would delay.
    if (!services.pool.isStarted) setImmediate(() => void services.pool.start());
  }

  #initialize(params: JsonObject): Reply {
    if (this.#services !== undefined) {
      return rpcError(RPC_ERROR.invalidRequest, 'The session is initialized already');
    }
    const { protocolVersion, capabilities, clientInfo, ...rest } = params;
    if (typeof protocolVersion !== 'string') {
      return rpcError(RPC_ERROR.invalidParams, '"protocolVersion" must be a string');
    }
    const client: ClientIdentity = {
      protocolVersion:
        PROTOCOL_VERSIONS.find((known) => known === protocolVersion) ?? PROTOCOL_VERSIONS[0],
      capabilities: isObject(capabilities) ? capabilities : {},
      clientInfo: isObject(clientInfo) ? clientInfo : {},
      rest,
    };
    const { pool } = this.#begin(client);
    const instructions = joinInstructions(this.#config, pool.instructions());
    return {
      result: {
        protocolVersion: client.protocolVersion,
        capabilities: joinCapabilities(pool.capabilities()),
        serverInfo: this.#deps.serverInfo,
        ...(instructions === undefined ? {} : { instructions }),
      },
    };
  }

  #begin(client: ClientIdentity): Services {
    this.#capabilities = client.capabilities;
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
    const pool = new BackendPool(this.#config, client, handlers, this.#deps);
    const services = { pool, wishes, tasks: new TaskRoutes(), log: this.#log };
    const signIn = this.#createSignInHelp();
    const builtins = this.#createBuiltins(pool, signIn);
    const messages: BackendMessageServices = {
      ...services,
      client: this.#peer,
      capabilities: client.capabilities,
      clientTasks: this.#clientTasks,
    };
    const { noteListed } = this.#announcer;
    const { now } = this.#deps.backend;
    const noteRefused = () => this.#lookAtBuiltins();
    this.#services = { ...services, signIn, builtins, now, noteListed, noteRefused };
    builtins.haveChanged();
    return this.#services;
  }

  /** The tools of our own come and go with the need of a login. */
  #lookAtBuiltins(): void {
    if (this.#services?.builtins.haveChanged()) this.#announcer.change(new Set(['tools']));
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
    const { pool } = this.#services ?? {};
    if (method === 'notifications/initialized') this.#announcer.begin();
    else if (method === 'notifications/roots/list_changed') {
      for (const backend of pool?.backends ?? []) backend.notify(method, params);
    } else if (method === 'notifications/tasks/status') {
      const taskId = params?.['taskId'];
      const owner = typeof taskId === 'string' ? this.#clientTasks.get(taskId) : undefined;
      if (owner !== undefined) pool?.get(owner.server)?.notify(method, params);
    } else this.#log.debug(`the client sent ${method}, which is not relayed`);
  }

  async #end(): Promise<void> {
    this.#announcer.end();
    this.#leave();
    await this.#services?.pool.close();
    this.#finish();
  }
}
