import type { McpMasterError } from '../errors.ts';
import type { Message, RequestId } from './message.ts';

/**
 * What carries messages between two sides. The same members as the MCP SDK's `Transport`, so that
 * its transports fit; the messages are plain JSON that nobody has taken apart.
 */
export interface Transport {
  /** True when what is sent later may arrive earlier: each message goes its own way. */
  readonly unordered?: boolean;
  /** Opens the connection. Set the callbacks first: messages may arrive before it resolves. */
  start(): Promise<void>;
  /**
   * Hands a message over. For a request over HTTP it settles when the exchange is over, and rejects
   * (with an `McpMasterError` where the reason is known) when no answer can come any more: so a
   * broken exchange fails its own request, and no other. Undefined where there is nothing to wait for,
   * as over streams: each message would leave some promises behind.
   */
  send(message: Message): Promise<void> | undefined;
  /** Ends the connection and what belongs to it (a child process tree, a session). Never rejects. */
  close(): Promise<void>;
  /** The protocol revision that the handshake agreed on; HTTP repeats it in each request. */
  setProtocolVersion?(version: string): void;
  /** Nobody waits for the answer to this request any more: frees what it holds. */
  abandon?(id: RequestId): void;
  /** What is known beside the error when a connection fails, for example the end of stderr. */
  diagnosis?(): string | undefined;

  onmessage?: ((message: Message) => void) | undefined;
  /** One request can't be answered any more; all that are under way when it can't be told which. */
  onfailure?: ((id: RequestId | undefined, error: McpMasterError) => void) | undefined;
  /** Something out of band went wrong; the connection may still be good. */
  onerror?: ((error: Error) => void) | undefined;
  /** The connection is over. The error says why, and is absent when `close` was called. */
  onclose?: ((error?: Error) => void) | undefined;
}

/** The largest message that is accepted from either side, in bytes. */
export const MESSAGE_LIMIT = 16 * 1024 * 1024;
