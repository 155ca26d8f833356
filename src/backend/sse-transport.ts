import type { Readable } from 'node:stream';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Message, RequestId } from '../rpc/message.ts';
import type { Transport } from '../rpc/transport.ts';
import { readEvents, type ServerEvent } from './event-stream.ts';
import { type HttpResponse, isSuccess, mediaType } from './http.ts';
import { discard } from './http-body.ts';
import { Cancellation } from './http-cancellation.ts';
import { contentTypeError, readRefusal, statusError } from './http-errors.ts';
import { connectionError } from './http-failures.ts';
import { takeMessages } from './sse-messages.ts';
import { HttpSession, type HttpSessionOptions, methodOf } from './streamable-http-session.ts';

/** What an HTTP+SSE connection is made of; `url` is where the event stream is. */
export interface SseTransportOptions extends HttpSessionOptions {
  log: Logger;
  /** Milliseconds of silence after which the stream counts as broken (`sse_read_timeout`). */
  readTimeoutMs: number;
  /**
   * Called before an error because of an answer outside 2xx. Header names are in lower case; `method` is that
   * of the refused message, where it has one.
   */
  onResponse?:
    | ((status: number, headers: Record<string, string>, method?: string) => void)
    | undefined;
}

/** The longest wait that a timer can have. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What is shown of the name of an event that means nothing here. */
const NAME_SHOWN = 80;

/** What the first request is for, for messages. */
const OPENING = 'opening the event stream';

/**
 * The client side of the deprecated HTTP+SSE transport (specification 2024-11-05, "Transports"): one
 * event stream for all that the server says, and a POST for each message to the endpoint that its
 * first event names.
 *
 * The stream is the session: when it ends, breaks or falls silent, the transport closes with
 * `BACKEND_EXITED`, and is not opened anew, to a session that nobody has initialised. An event of
 * more than `MESSAGE_LIMIT` bytes can't be skipped without reading it: it closes the transport, too,
 * with `MESSAGE_TOO_LARGE`, and so fails all that is under way.
 */
export function createSseTransport(options: SseTransportOptions): Transport {
  return new SseTransport(options);
}

class SseTransport implements Transport {
  readonly unordered = true;
  onmessage: Transport['onmessage'];
  onfailure: Transport['onfailure'];
  onerror: Transport['onerror'];
  onclose: Transport['onclose'];

  readonly #options: SseTransportOptions;
  readonly #stream: HttpSession;
  /** Where messages go, from the event that names it on. */
  #endpoint: HttpSession | undefined;
  /** Ends the stream and all that is under way. */
  readonly #ended = new Cancellation();
  #silence: NodeJS.Timeout | undefined;

  constructor(options: SseTransportOptions) {
    this.#options = options;
    this.#stream = new HttpSession(options);
  }

  /** Opens the stream, and waits for the endpoint. A failure closes the transport. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended.aborted) return reject(this.#ended.reason);
      this.#ended.addEventListener('abort', () => reject(this.#ended.reason));
      void this.#listen(resolve);
    });
  }

  /** Resolves when the server has taken the message: its answer comes on the stream. */
  async send(message: Message): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint === undefined || this.#ended.aborted) throw notConnectedError();
    try {
      const response = await endpoint.post(message, this.#ended);
      if (!isSuccess(response)) throw await this.#refusal(response, message);
      discard(response.body);
    } catch (error) {
      throw connectionError(error, endpoint.origin);
    }
  }

  async close(): Promise<void> {
    this.#end(undefined);
  }

  setProtocolVersion(version: string): void {
    this.#endpoint?.setProtocolVersion(version);
  }

  /** Reads the stream to its end, whichever that is. Never rejects. */
  async #listen(onEndpoint: () => void): Promise<void> {
    const readTimeoutMs = Math.min(this.#options.readTimeoutMs, LONGEST_TIMER_MS);
    const silence = setTimeout(() => this.#end(this.#silentError(readTimeoutMs)), readTimeoutMs);
    this.#silence = silence;
    try {
      await readEvents(await this.#open(), {
        onEvent: (event) => this.#take(event, onEndpoint),
        onBytes: () => {
          // A timer that was cleared would run again.
          this.#ended.throwIfAborted();
          silence.refresh();
        },
      });
      this.#end(this.#brokenError('ended'));
    } catch (error) {
      this.#end(error instanceof McpMasterError ? error : this.#brokenError('broke', error));
    }
  }

  async #open(): Promise<Readable> {
    const { origin } = this.#stream;
    try {
      const response = await this.#stream.listen(undefined, this.#ended);
      if (!isSuccess(response)) throw await this.#refusal(response);
      const type = mediaType(response);
      if (type === 'text/event-stream') return response.body;
      discard(response.body);
      throw contentTypeError(origin, OPENING, type);
    } catch (error) {
      throw connectionError(error, origin);
    }
  }

  async #refusal(response: HttpResponse, message?: Message): Promise<McpMasterError> {
    const method = message && methodOf(message);
    this.#options.onResponse?.(response.status, response.headers, method);
    const what = message === undefined ? OPENING : (method ?? 'an answer of ours');
    return statusError(await readRefusal(response, this.#stream.origin, what));
  }

  #take({ event = 'message', data }: ServerEvent, onEndpoint: () => void): void {
    if (event === 'endpoint' && this.#endpoint === undefined) {
      const url = endpointUrl(data, this.#options.url);
      this.#endpoint = new HttpSession({ ...this.#options, url });
      onEndpoint();
    } else if (event !== 'message') {
      const name = event.slice(0, NAME_SHOWN);
      this.#options.log.debug(`an event "${name}" on the event stream was left out`);
    } else if (data !== '') {
      takeMessages(data, this.#stream.origin, {
        onMessage: (message) => this.#hand(() => this.onmessage?.(message)),
        onProblem: (error, id) => this.#hand(() => this.#leaveOut(error, id)),
      });
    }
  }

  #hand(over: () => void): void {
    // What came together with a message that has led to the end.
    if (this.#ended.aborted) return;
    try {
      over();
    } catch (error) {
      // A fault of ours must not pass for one of the server.
      this.onerror?.(toMcpMasterError(error));
    }
  }

  /** What is no message spoils the request that it would answer, and nothing else. */
  #leaveOut(error: McpMasterError, id: RequestId | undefined): void {
    if (id === undefined) this.onerror?.(error);
    else this.onfailure?.(id, error);
  }

  #end(error: McpMasterError | undefined): void {
    if (this.#ended.aborted) return;
    clearTimeout(this.#silence);
    this.#ended.abort(error ?? new McpMasterError('INTERRUPTED', 'the connection was closed'));
    this.onclose?.(error);
  }

  #silentError(readTimeoutMs: number): McpMasterError {
    const hint = 'If it only has nothing to say, raise `sse_read_timeout` for this server.';
    return this.#brokenError(`was silent for ${readTimeoutMs / 1000} s`, undefined, hint);
  }

  #brokenError(
    how: string,
    cause?: unknown,
    hint = 'Check the log of the server, and whether a call had its effect before trying it again.',
  ): McpMasterError {
    const outcome =
      this.#endpoint === undefined
        ? ' before it named the endpoint for messages'
        : '; a call that was under way may or may not have been carried out';
    const message = `the event stream from ${this.#stream.origin} ${how}${outcome}`;
    return new McpMasterError('BACKEND_EXITED', message, { hint, cause });
  }
}

/** Where messages go; never to another origin, since each of them carries the credentials. */
function endpointUrl(data: string, stream: URL): URL {
  if (!URL.canParse(data, stream.href)) {
    const message = `${stream.origin} names something that is no URL as the endpoint for messages`;
    const hint = 'Report it to whoever makes the server.';
    throw new McpMasterError('BACKEND_PROTOCOL', message, { hint });
  }
  const url = new URL(data, stream);
  if (url.origin === stream.origin) return url;
  const message = `${stream.origin} wants messages to be sent to another origin: ${url.origin}`;
  const hint = 'Check `url`; credentials are never sent to an origin other than its own.';
  throw new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}

function notConnectedError(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the connection is closed', { undelivered: true });
}
