import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  type JsonObject,
  type Message,
  type NotificationMessage,
  type Reply,
  type RequestId,
  type RequestMessage,
  type ResponseMessage,
  RPC_ERROR,
} from './message.ts';
import { OutgoingRequests, type RequestOptions } from './outgoing-requests.ts';
import type { Transport } from './transport.ts';

/** A request of the other side, until it is answered or cancelled. */
export interface IncomingRequest {
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Answers it. The first answer counts; after a cancellation none is sent. */
  reply(reply: Reply): void;
  /** Sends a `notifications/progress` about it, under the token that the other side chose. */
  progress(params: JsonObject): void;
  /** Calls back with the params of `notifications/cancelled` if the other side withdraws it. */
  onCancel(callback: (params: JsonObject) => void): void;
}

/** A request under way to the other side. */
export interface OutgoingRequest {
  /** Withdraws it: sends `notifications/cancelled`, and neither callback is called any more. */
  cancel(params?: JsonObject): void;
}

/** What the owner of a {@link Peer} does with what arrives. `ping` is answered by the peer. */
export interface PeerHandlers {
  onRequest(request: IncomingRequest): void;
  /** Every notification but those about requests (progress and cancellation). */
  onNotification(method: string, params: JsonObject | undefined): void;
  /** The connection is over; the error is absent when `close` was called. Called once. */
  onClose(error: McpMasterError | undefined): void;
}

/** Who the other side is, in messages for people. */
export interface PeerOptions {
  /** For example `server "github"`. */
  label: string;
  log: Logger;
}

/**
 * One side of a JSON-RPC connection: gives requests their ids and progress tokens, matches answers,
 * and keeps cancellation, progress and time-outs with the request that they belong to (specification
 * 2025-11-25, "Cancellation", "Progress"). What it carries it does not read.
 */
export class Peer {
  readonly #transport: Transport;
  readonly #handlers: PeerHandlers;
  readonly #log: Logger;
  readonly #outgoing: OutgoingRequests;
  readonly #incoming = new Map<RequestId, Incoming>();
  #closed = false;

  constructor(transport: Transport, handlers: PeerHandlers, options: PeerOptions) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#log = options.log;
    this.#outgoing = new OutgoingRequests(options.label);
    transport.onmessage = (message) => this.#receive(message);
    transport.onerror = (error) => this.#log.debug(error.message);
    transport.onfailure = (id, error) => this.#outgoing.fail(id, error);
    transport.onclose = (error) => this.#end(error);
  }

  /** Opens the transport. */
  start(): Promise<void> {
    return this.#transport.start();
  }

  /** Sends a request; exactly one of the two callbacks is called, once, unless it is cancelled. */
  request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): OutgoingRequest {
    const pending = this.#outgoing.add(method, options, () =>
      cancel({ reason: 'no answer in time' }),
    );
    const { id } = pending;
    const cancel = (reason: JsonObject = {}) => {
      if (!this.#outgoing.forget(id)) return;
      this.notify('notifications/cancelled', { ...reason, requestId: id });
      this.#transport.abandon?.(id);
    };
    const message: RequestMessage = { jsonrpc: '2.0', id, method };
    const carried = options.onProgress ? withProgressToken(params, id) : params;
    if (carried !== undefined) message.params = carried;
    this.#transport.send(message).catch((error: unknown) => {
      this.#outgoing.fail(id, toMcpMasterError(error));
    });
    return { cancel };
  }

  /** The answer to a request of our own; rejects when none can come. */
  ask(method: string, params?: JsonObject, timeoutMs?: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.request(method, params, { timeoutMs, onReply: resolve, onFailure: reject });
    });
  }

  notify(method: string, params?: JsonObject): void {
    const message: NotificationMessage = { jsonrpc: '2.0', method };
    if (params !== undefined) message.params = params;
    this.#send(message);
  }

  /** Repeats the agreed protocol revision where the transport carries it. */
  setProtocolVersion(version: string): void {
    this.#transport.setProtocolVersion?.(version);
  }

  /** Fails what is under way and closes the transport. */
  async close(): Promise<void> {
    this.#end(undefined);
    await this.#transport.close();
  }

  #send(message: Message): void {
    this.#transport.send(message).catch((error: unknown) => {
      this.#log.debug(`a message was not delivered: ${toMcpMasterError(error).message}`);
    });
  }

  #receive(message: Message): void {
    if (!('method' in message)) this.#receiveResponse(message);
    else if ('id' in message) this.#receiveRequest(message);
    else this.#receiveNotification(message);
  }

  #receiveResponse(message: ResponseMessage): void {
    const reply = 'result' in message ? { result: message.result } : { error: message.error };
    if (message.id !== null && this.#outgoing.settle(message.id, reply)) return;
    this.#log.debug(`an answer to no request of ours (id ${String(message.id)}) was left out`);
  }

  #receiveRequest({ id, method, params }: RequestMessage): void {
    if (method === 'ping') {
      this.#send({ jsonrpc: '2.0', id, result: {} });
      return;
    }
    if (this.#incoming.has(id)) {
      const error = { code: RPC_ERROR.invalidRequest, message: `Request id ${id} is in use` };
      // Under the id itself, this would answer the request that is still under way.
      this.#send({ jsonrpc: '2.0', id: null, error });
      return;
    }
    const request = new Incoming(method, params, {
      done: () => this.#incoming.delete(id),
      reply: (reply) => this.#send({ jsonrpc: '2.0', id, ...reply }),
      progress: (progress) => this.notify('notifications/progress', progress),
    });
    this.#incoming.set(id, request);
    try {
      this.#handlers.onRequest(request);
    } catch (error) {
      // A fault of ours fails this request, and leaves the session and the others alone.
      this.#log.error(`${method} failed: ${error instanceof Error ? error.stack : String(error)}`);
      const { message } = toMcpMasterError(error);
      request.reply({ error: { code: RPC_ERROR.internalError, message } });
    }
  }

  #receiveNotification({ method, params }: NotificationMessage): void {
    if (method === 'notifications/cancelled') {
      const id = params?.['requestId'];
      if (typeof id === 'string' || typeof id === 'number') {
        this.#incoming.get(id)?.cancel(params ?? {});
      }
    } else if (method === 'notifications/progress') {
      this.#outgoing.progress(params ?? {});
    } else {
      this.#handlers.onNotification(method, params);
    }
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    const reason = error === undefined ? undefined : toMcpMasterError(error);
    this.#outgoing.failAll(
      reason ?? new McpMasterError('INTERRUPTED', 'The connection was closed'),
    );
    for (const request of this.#incoming.values()) {
      request.cancel({ reason: 'the connection is over' });
    }
    this.#handlers.onClose(reason);
  }
}

/** What an {@link Incoming} tells the peer that it came through. */
interface IncomingLinks {
  done(): void;
  reply(reply: Reply): void;
  progress(params: JsonObject): void;
}

class Incoming implements IncomingRequest {
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly #links: IncomingLinks;
  #onCancel: ((params: JsonObject) => void) | undefined;
  #open = true;

  constructor(method: string, params: JsonObject | undefined, links: IncomingLinks) {
    this.method = method;
    this.params = params;
    this.#links = links;
  }

  reply(reply: Reply): void {
    if (!this.#finish()) return;
    this.#links.reply(reply);
  }

  progress(params: JsonObject): void {
    if (this.#open) this.#links.progress(params);
  }

  onCancel(callback: (params: JsonObject) => void): void {
    this.#onCancel = callback;
  }

  cancel(params: JsonObject): void {
    if (this.#finish()) this.#onCancel?.(params);
  }

  #finish(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#links.done();
    return true;
  }
}

function withProgressToken(params: JsonObject | undefined, progressToken: number): JsonObject {
  const meta = params?.['_meta'];
  return { ...params, _meta: { ...(meta as JsonObject | undefined), progressToken } };
}
