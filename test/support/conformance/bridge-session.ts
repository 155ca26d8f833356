import { randomUUID } from 'node:crypto';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  ProgressToken,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { MemoryEventStore } from './event-store.ts';
import { StdioChild, type StdioCommand } from './stdio-child.ts';

/** What a {@link BridgeSession} tells the bridge. */
export interface SessionHandlers {
  /** The session has an id now. */
  onOpen(id: string): void;
  /** The session is over, or was never opened. */
  onOver(): void;
  onProblem(problem: string): void;
}

/** The tool in whose call the suite expects the stream to be closed (SEP-1699, polling). */
const POLLED_TOOL = 'test_reconnection';

/** Milliseconds of such a call after which its stream is closed: well before it is answered. */
const CLOSED_AFTER = 100;

/** Milliseconds after which a client is told to come back. */
const RETRY_AFTER = 50;

/** Notifications that belong to no request: they go out on the stream of the GET. */
const UNRELATED = /\/list_changed$|^notifications\/(?:resources\/updated|tasks\/status)$/;

/** One session: the SDK's HTTP transport on one side, a stdio server of its own on the other. */
export class BridgeSession {
  readonly transport: StreamableHTTPServerTransport;
  /** The methods of what the client has sent, for messages of a test that fails. */
  readonly received: string[] = [];
  readonly #child: StdioChild;
  readonly #handlers: SessionHandlers;
  /** The client's requests that were not answered yet, oldest first, and their progress tokens. */
  readonly #open = new Map<RequestId, ProgressToken | undefined>();
  #sending: Promise<void> = Promise.resolve();
  #over = false;

  constructor(command: StdioCommand, handlers: SessionHandlers) {
    this.#handlers = handlers;
    this.transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new MemoryEventStore(),
      retryInterval: RETRY_AFTER,
      onsessioninitialized: (id) => handlers.onOpen(id),
    });
    this.transport.onmessage = (message) => this.#fromClient(message);
    // Also after a DELETE.
    this.transport.onclose = () => void this.close();
    this.#child = new StdioChild(command, {
      onMessage: (message) => this.#fromServer(message),
      onEnd: () => void this.close(),
      onProblem: (problem) => handlers.onProblem(problem),
    });
  }

  /** Ends both sides. May be called twice. */
  async close(): Promise<void> {
    if (!this.#over) {
      this.#over = true;
      this.#handlers.onOver();
      await this.transport.close();
    }
    await this.#child.end();
  }

  #fromClient(message: JSONRPCMessage): void {
    if ('method' in message) this.received.push(message.method);
    if ('method' in message && 'id' in message) {
      this.#open.set(message.id, message.params?._meta?.progressToken);
      this.#closeStreamWherePolled(message);
    }
    this.#child.send(message);
  }

  #fromServer(message: JSONRPCMessage): void {
    const relatedRequestId = this.#requestOf(message);
    // One after the other, since the transport stores an event before it writes it.
    this.#sending = this.#sending
      .then(() =>
        this.transport.send(message, relatedRequestId === undefined ? {} : { relatedRequestId }),
      )
      .catch((error: unknown) => {
        if (!this.#over) this.#handlers.onProblem(`${error}: ${JSON.stringify(message)}`);
      });
  }

  /**
   * The client's request on whose stream a message has to go out. Over stdio nothing but a progress
   * token tells it, so that the newest request under way is taken.
   */
  #requestOf(message: JSONRPCMessage): RequestId | undefined {
    if (!('method' in message)) {
      // The transport finds the stream of an answer by its id.
      if (message.id !== undefined) this.#open.delete(message.id);
      return undefined;
    }
    const open = [...this.#open];
    if (message.method === 'notifications/progress') {
      return open.find(([, token]) => token === message.params?.['progressToken'])?.[0];
    }
    return UNRELATED.test(message.method) ? undefined : open.at(-1)?.[0];
  }

  #closeStreamWherePolled({ id, method, params }: JSONRPCRequest): void {
    if (method !== 'tools/call' || params?.['name'] !== POLLED_TOOL) return;
    setTimeout(() => this.transport.closeSSEStream(id), CLOSED_AFTER).unref();
  }
}
