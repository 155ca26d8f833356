import { type ClientIdentity, PROTOCOL_VERSIONS } from '../backend/handshake.ts';
import type { Config } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { answerFault, type IncomingRequest } from '../rpc/incoming-request.ts';
import { isObject, type JsonObject, type Reply, RPC_ERROR } from '../rpc/message.ts';
import { Peer } from '../rpc/peer.ts';
import { toErrorObject } from '../rpc/relay.ts';
import type { Transport } from '../rpc/transport.ts';
import { joinCapabilities } from './capabilities.ts';
import { Catalogue, type CatalogueStore } from './catalogue.ts';
import { joinInstructions } from './instructions.ts';
import type { OpenSession, SessionDeps } from './open-session.ts';
import { rpcError } from './rpc-errors.ts';
import { enabledServers } from './server-changes.ts';

/** Who this server is, in its answer to `initialize`. */
export interface ServerInfo extends JsonObject {
  name: string;
  title: string;
  version: string;
}

/** What the answer to `initialize` is made of. */
export interface GreetingDeps {
  serverInfo: ServerInfo;
  catalogue: CatalogueStore;
  log: Logger;
}

/** What a client sends after `initialize`. */
type Sent = IncomingRequest | { method: string; params: JsonObject | undefined };

/**
 * One client: answers `initialize` at once, from what is on disk and before what servers are connected with
 * is even loaded; what the client sends after that is for its {@link OpenSession}.
 */
export class ClientSession {
  /** Settles when the client has gone. */
  readonly gone: Promise<void>;
  /** Settles when nothing of its servers is left, either. */
  readonly done: Promise<void>;

  #config: Config;
  /** Those of another configuration than that of `initialize`. */
  #newDeps: SessionDeps | undefined;
  readonly #greeting: GreetingDeps;
  readonly #open: () => Promise<SessionDeps>;
  readonly #peer: Peer;
  #leave: () => void = () => undefined;
  #finish: () => void = () => undefined;
  #opening: Promise<void> | undefined;
  #session: OpenSession | undefined;
  #failure: McpMasterError | undefined;
  /** What has come before it could be looked at, in its order. */
  #early: Sent[] = [];

  /** @param open gives what servers are connected with; called after the answer to `initialize` */
  constructor(
    transport: Transport,
    config: Config,
    greeting: GreetingDeps,
    open: () => Promise<SessionDeps>,
  ) {
    this.#config = config;
    this.#greeting = greeting;
    this.#open = open;
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
      { label: 'the client', log: greeting.log },
    );
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
    this.#newDeps = deps;
    this.#session?.reconfigure(config, deps);
  }

  /** Ends the session from our side. */
  async close(): Promise<void> {
    await this.#peer.close();
    await this.done;
  }

  #onRequest(request: IncomingRequest): void {
    if (request.method === 'initialize') request.reply(this.#initialize(request.params ?? {}));
    else if (this.#opening !== undefined) this.#take(request);
    else request.reply(rpcError(RPC_ERROR.invalidRequest, 'The session begins with "initialize"'));
  }

  #onNotification(method: string, params: JsonObject | undefined): void {
    if (this.#opening !== undefined) this.#take({ method, params });
    else this.#greeting.log.debug(`the client sent ${method} before "initialize"`);
  }

  #initialize(params: JsonObject): Reply {
    if (this.#opening !== undefined) {
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
    const { serverInfo, catalogue: store, log } = this.#greeting;
    const catalogue = new Catalogue(store, client, log);
    const known = catalogue.known(enabledServers(this.#config));
    this.#newDeps = undefined;
    this.#opening = this.#openSession(client, catalogue);
    const instructions = joinInstructions(this.#config, known);
    return {
      result: {
        protocolVersion: client.protocolVersion,
        capabilities: joinCapabilities(known.map((server) => server.capabilities)),
        serverInfo,
        ...(instructions === undefined ? {} : { instructions }),
      },
    };
  }

  /** Never rejects. */
  async #openSession(client: ClientIdentity, catalogue: Catalogue): Promise<void> {
    const config = this.#config;
    // Not before the answer is on its way.
    await new Promise(setImmediate);
    if (this.#peer.isClosed) return;
    try {
      const [{ OpenSession }, deps] = await Promise.all([
        import('./open-session.ts'),
        this.#open(),
      ]);
      const parts = { peer: this.#peer, client, catalogue };
      const session = new OpenSession(parts, config, deps);
      this.#session = session;
      // Of the servers as they are now, other things may be known than of those in the answer.
      if (this.#newDeps !== undefined) session.reconfigure(this.#config, this.#newDeps);
    } catch (error) {
      this.#fail(toMcpMasterError(error));
    }
    const early = this.#peer.isClosed ? [] : this.#early;
    this.#early = [];
    for (const sent of early) this.#takeEarly(sent);
  }

  #fail(error: McpMasterError): void {
    this.#failure = error;
    const { code, message, hint } = error;
    const next = hint === undefined ? '' : `. ${hint}`;
    this.#greeting.log.error(`no server can be reached (${code}): ${message}${next}`);
  }

  /** What was withdrawn meanwhile is not begun; a fault of ours fails one request, and not those after it. */
  #takeEarly(sent: Sent): void {
    if ('reply' in sent && sent.isCancelled) return;
    try {
      this.#take(sent);
    } catch (error) {
      if ('reply' in sent) answerFault(sent, error, this.#greeting.log);
      else this.#greeting.log.error(`${sent.method} failed: ${String(error)}`);
    }
  }

  #take(sent: Sent): void {
    if (this.#session !== undefined) this.#session.take(sent);
    else if (this.#failure === undefined) this.#early.push(sent);
    else if ('reply' in sent) sent.reply({ error: toErrorObject(this.#failure) });
  }

  async #end(): Promise<void> {
    this.#leave();
    await this.#opening;
    await this.#session?.close();
    this.#finish();
  }
}
