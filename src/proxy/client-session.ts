import type { Backend } from '../backend/backend.ts';
import { type ClientIdentity, PROTOCOL_VERSIONS } from '../backend/handshake.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { isObject, type JsonObject, type Reply, RPC_ERROR } from '../rpc/message.ts';
import { type IncomingRequest, Peer } from '../rpc/peer.ts';
import type { Transport } from '../rpc/transport.ts';
import { BackendPool, type PoolDeps } from './backend-pool.ts';
import { relayBackendRequest } from './backend-requests.ts';
import { joinInstructions } from './instructions.ts';
import { METHODS } from './methods.ts';
import { rpcError } from './rpc-errors.ts';

/** Changes that come together are told together: twenty servers connect at about the same time. */
const CHANGE_DELAY_MS = 50;

/** Who this server is, in its answer to `initialize`. */
export interface ServerInfo extends JsonObject {
  name: string;
  title: string;
  version: string;
}

/** What a {@link ClientSession} takes from the world. */
export interface SessionDeps extends PoolDeps {
  serverInfo: ServerInfo;
}

/**
 * One client: answers `initialize` at once, before any server is up, and hands each later request
 * to its method. The servers are made for this client, with its own capabilities.
 */
export class ClientSession {
  /** Settles when the client has gone and nothing of its servers is left. */
  readonly done: Promise<void>;

  readonly #config: Config;
  readonly #deps: SessionDeps;
  readonly #log: Logger;
  readonly #peer: Peer;
  #finish: () => void = () => undefined;
  #pool: BackendPool | undefined;
  #initialized = false;
  #changeTimer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, config: Config, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#log = deps.log;
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
  }

  /** Begins to listen to the client. */
  start(): Promise<void> {
    return this.#peer.start();
  }

  /** Ends the session from our side. */
  async close(): Promise<void> {
    await this.#peer.close();
    await this.done;
  }

  #onRequest(request: IncomingRequest): void {
    if (request.method === 'initialize') {
      request.reply(this.#initialize(request.params ?? {}));
    } else if (this.#pool === undefined) {
      request.reply(rpcError(RPC_ERROR.invalidRequest, 'The session begins with "initialize"'));
    } else {
      this.#dispatch(request, this.#pool);
    }
  }

  #dispatch(request: IncomingRequest, pool: BackendPool): void {
    const method = Object.hasOwn(METHODS, request.method) ? METHODS[request.method] : undefined;
    if (method === undefined) {
      request.reply(rpcError(RPC_ERROR.methodNotFound, `Method not found: ${request.method}`));
      return;
    }
    method(request, pool);
    // Not before the first real request, since some clients start a server only to look at it; and
    // after its answer, which starting twenty processes would delay.
    setImmediate(() => void pool.start());
  }

  #initialize(params: JsonObject): Reply {
    if (this.#pool !== undefined) {
      return rpcError(RPC_ERROR.invalidRequest, 'The session is initialized already');
    }
    const { protocolVersion, capabilities, clientInfo } = params;
    if (typeof protocolVersion !== 'string') {
      return rpcError(RPC_ERROR.invalidParams, '"protocolVersion" must be a string');
    }
    const client: ClientIdentity = {
      protocolVersion:
        PROTOCOL_VERSIONS.find((known) => known === protocolVersion) ?? PROTOCOL_VERSIONS[0],
      capabilities: isObject(capabilities) ? capabilities : {},
      clientInfo: isObject(clientInfo) ? clientInfo : {},
    };
    this.#pool = this.#createPool(client);
    const instructions = joinInstructions(this.#config, this.#pool.instructions());
    return {
      result: {
        protocolVersion: client.protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: this.#deps.serverInfo,
        ...(instructions === undefined ? {} : { instructions }),
      },
    };
  }

  #createPool(client: ClientIdentity): BackendPool {
    const handlers = {
      onToolsChanged: () => this.#announceTools(),
      onRequest: (_: Backend, request: IncomingRequest) =>
        relayBackendRequest(request, this.#peer, client.capabilities),
      onNotification: (backend: Backend, method: string) => {
        if (method === 'notifications/tools/list_changed') this.#pool?.refresh(backend);
        else this.#log.debug(`server "${backend.name}" sent ${method}, which is not relayed`);
      },
    };
    return new BackendPool(this.#config, client, handlers, this.#deps);
  }

  #onNotification(method: string, params: JsonObject | undefined): void {
    if (method === 'notifications/initialized') this.#initialized = true;
    else if (method === 'notifications/roots/list_changed') {
      for (const backend of this.#pool?.backends ?? []) backend.notify(method, params);
    } else this.#log.debug(`the client sent ${method}, which is not relayed`);
  }

  #announceTools(): void {
    this.#changeTimer ??= setTimeout(() => {
      this.#changeTimer = undefined;
      if (this.#initialized) this.#peer.notify('notifications/tools/list_changed');
    }, CHANGE_DELAY_MS);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#changeTimer);
    await this.#pool?.close();
    this.#finish();
  }
}
