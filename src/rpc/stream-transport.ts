import type { Readable, Writable } from 'node:stream';
import { McpMasterError } from '../errors.ts';
import { lineOf } from './large-result.ts';
import type { Message, ResponseMessage } from './message.ts';
import { type DecodeProblem, MessageDecoder } from './message-decoder.ts';
import { MESSAGE_LIMIT, type Transport } from './transport.ts';

/** The streams of one side, and what to do with bytes that are no message. */
export interface StreamTransportOptions {
  input: Readable;
  output: Writable;
  /** Bytes that may wait for a reader who does not read; absent = as many as there are. */
  queueLimit?: number;
  /** May answer through the transport that it is given. */
  onProblem(problem: DecodeProblem): void;
}

/** What is chained to it runs as a microtask. */
const SOON = Promise.resolve();

/**
 * Newline-delimited JSON-RPC over a pair of streams: both ends of the stdio transport. The end of
 * the input closes it. What is sent within one turn of the event loop goes out in one write,
 * long messages by themselves.
 */
export class StreamTransport implements Transport {
  onmessage?: Transport['onmessage'];
  onfailure?: Transport['onfailure'];
  onerror?: Transport['onerror'];
  onclose?: Transport['onclose'];

  readonly #input: Readable;
  readonly #output: Writable;
  readonly #decoder: MessageDecoder;
  readonly #queueLimit: number;
  readonly #flushSoon = () => this.#flush();
  #queue = '';
  #closed = false;

  constructor(options: StreamTransportOptions) {
    this.#input = options.input;
    this.#output = options.output;
    this.#queueLimit = options.queueLimit ?? Number.POSITIVE_INFINITY;
    this.#decoder = new MessageDecoder(MESSAGE_LIMIT, {
      message: (message) => this.onmessage?.(message),
      problem: (problem) => options.onProblem(problem),
    });
  }

  async start(): Promise<void> {
    this.#input.on('data', (chunk: Buffer) => this.#decoder.push(chunk));
    this.#input.once('end', () => {
      this.#decoder.end();
      this.#finish();
    });
    this.#input.once('error', (error) => this.#finish(error));
    this.#output.on('error', (error) => this.#finish(error));
  }

  send(message: Message | ResponseMessage): Promise<void> | undefined {
    try {
      this.#write(message);
      return undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<void> {
    this.#flush();
    this.#finish();
  }

  #write(message: Message | ResponseMessage): void {
    if (this.#closed || !this.#output.writable) {
      throw new McpMasterError('INTERRUPTED', 'The connection is closed', { undelivered: true });
    }
    if (this.#output.writableLength > this.#queueLimit) {
      throw new McpMasterError('BACKEND_TIMEOUT', 'The other side does not read what it is sent');
    }
    const line = lineOf(message);
    if (typeof line !== 'string') {
      // By itself, and as bytes: as a string it would be copied twice more.
      this.#flush();
      this.#output.write(line);
      return;
    }
    // Not `queueMicrotask`, which notes for each function where it comes from.
    if (this.#queue === '') void SOON.then(this.#flushSoon);
    this.#queue += `${line}\n`;
  }

  #flush(): void {
    const bytes = this.#queue;
    this.#queue = '';
    if (bytes !== '' && this.#output.writable) this.#output.write(bytes);
  }

  #finish(error?: Error): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.onclose?.(error);
  }
}
