import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { answerFault, Incoming, type IncomingRequest } from './incoming-request.ts';
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
import { RequestTable } from './request-table.ts';
import type { Transport } from './transport.ts';

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
  readonly #incoming = new RequestTable<Incoming>();
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

  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#closed;
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
    this.#hand(message)?.catch((error: unknown) => {
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
    void this.deliver(method, params);
  }

  /** The same; settles when the other side has it, or can't get it any more, which is logged. */
  deliver(method: string, params?: JsonObject): Promise<void> {
    const message: NotificationMessage = { jsonrpc: '2.0', method };
    if (params !== undefined) message.params = params;
    return this.#send(message);
  }

  /** Settles when each request of ours has its answer. */
  idle(): Promise<void> {
    return this.#outgoing.idle();
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

  /** An answer that can't be sent (nested too deeply, say) becomes an error: silence helps nobody. */
  #answer(id: RequestId, reply: Reply): void {
    this.#hand(response(id, reply))?.catch((error: unknown) => {
      const message = `The answer could not be sent: ${toMcpMasterError(error).message}`;
      this.#log.warn(message);
      if (this.#closed) return;
      void this.#send({ jsonrpc: '2.0', id, error: { code: RPC_ERROR.internalError, message } });
    });
  }

  /** As the transport's `send`; the transport may be somebody else's, and throw at once. */
  #hand(message: Message): Promise<void> | undefined {
    try {
      return this.#transport.send(message);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #send(message: Message): Promise<void> {
    try {
      await this.#transport.send(message);
    } catch (error) {
      this.#log.debug(`a message was not delivered: ${toMcpMasterError(error).message}`);
    }
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
      void this.#send({ jsonrpc: '2.0', id, result: {} });
      return;
    }
    if (this.#incoming.get(id) !== undefined) {
      const error = { code: RPC_ERROR.invalidRequest, message: `Request id ${id} is in use` };
      // Under the id itself, this would answer the request that is still under way.
      void this.#send({ jsonrpc: '2.0', id: null, error });
      return;
    }
    const request = new Incoming(method, params, {
      done: () => void this.#incoming.take(id),
      reply: (reply) => this.#answer(id, reply),
      progress: (progress) => this.deliver('notifications/progress', progress),
      ordered: this.#transport.unordered !== true,
    });
    this.#incoming.set(id, request);
    try {
      this.#handlers.onRequest(request);
    } catch (error) {
      // It leaves the session and the other requests alone.
      answerFault(request, error, this.#log);
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
    // The owner first: what it does about failed requests depends on there being no connection.
    this.#handlers.onClose(reason);
    this.#outgoing.failAll(
      reason ?? new McpMasterError('INTERRUPTED', 'The connection was closed'),
    );
    for (const request of this.#incoming.entries()) {
      request.cancel({ reason: 'the connection is over' });
    }
  }
}

/** With the member that it has, and nothing copied: that takes as long as to write the message. */
function response(id: RequestId, reply: Reply): ResponseMessage {
  return 'result' in reply
    ? { jsonrpc: '2.0', id, result: reply.result }
    : { jsonrpc: '2.0', id, error: reply.error };
}

function withProgressToken(params: JsonObject | undefined, progressToken: number): JsonObject {
  const meta = params?.['_meta'];
  return { ...params, _meta: { ...(meta as JsonObject | undefined), progressToken } };
}
