import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { readEvents } from './event-stream.ts';
import { type HttpResponse, isSuccess, mediaType } from './http.ts';
import { discard } from './http-body.ts';
import { Cancellation } from './http-cancellation.ts';
import { boundedRetry } from './streamable-http-answer.ts';
import { Inbox, type InboxHandlers } from './streamable-http-inbox.ts';
import type { HttpSession } from './streamable-http-session.ts';

/** What a {@link ServerStream} works with. */
export interface ServerStreamOptions extends InboxHandlers {
  session: HttpSession;
  log: Logger;
  /** Milliseconds without a byte after which the stream is opened anew. */
  readTimeoutMs: number;
  /** An answer of 401, 403 or 429. */
  onRefused(response: HttpResponse): void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** A stream that stood this long was a good one, even if nothing came. */
const STEADY_MS = 10_000;

/** Streams in a row from which nothing came, over two and a half minutes, before it is left alone. */
const MAX_FAILURES = 10;

/** Refusals in a row, none of them final, before the stream is given up. */
const MAX_REFUSALS = 5;

/** Refusals that may be over later: a token that is about to be renewed, a limit, a restart. */
const TEMPORARY = new Set([401, 403, 408, 429, 500, 502, 503, 504]);

const TOLD = new Set([401, 403, 429]);

/** What follows a stream: another one after a while, or after a sign of life, or none. */
type Next = 'retry' | 'rest' | 'end';

/**
 * The stream on which a server sends what belongs to no request (specification 2025-11-25,
 * "Listening for Messages from the Server"). Servers need not have one, and its failures never
 * concern the connection: they are retried with growing waits, and logged for debugging. A server
 * that is dead, or that wants a login, is not asked for ever: the stream then rests until the server
 * has answered a request. Each stream is opened with the headers of that moment.
 */
export class ServerStream {
  readonly #options: ServerStreamOptions;
  #lastEventId: string | undefined;
  #retryMs: number | undefined;
  /** Streams in a row from which nothing came. */
  #failures = 0;
  #refusals = 0;
  #wasOpen = false;
  #wake: (() => void) | undefined;

  constructor(options: ServerStreamOptions) {
    this.#options = options;
  }

  /** Listens until the signal aborts, or the server turns out to have no such stream. Never rejects. */
  async run(signal: Cancellation): Promise<void> {
    while (!signal.aborted) {
      const next = await this.#once(signal);
      if (next === 'end') return;
      if (next === 'rest' || this.#failures >= MAX_FAILURES) await this.#rest(signal);
      else await signal.sleep(this.#wait()).catch(() => {});
    }
  }

  /** The server has answered a request: a stream that rests is opened again. */
  wake(): void {
    this.#wake?.();
  }

  /** Waits, without a timer, until the stream is woken or ended. */
  async #rest(signal: Cancellation): Promise<void> {
    const { log } = this.#options;
    log.debug('the stream from the server is opened again after the next answer to a request');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener('abort', resolve);
      if (signal.aborted) resolve();
    });
    if (this.#wake !== undefined) signal.removeEventListener('abort', this.#wake);
    this.#wake = undefined;
    this.#failures = 0;
  }

  /** One stream, to its end. */
  async #once(signal: Cancellation): Promise<Next> {
    const { session, log, readTimeoutMs } = this.#options;
    const attempt = new Cancellation();
    const stop = () => attempt.abort(signal.reason as Error);
    const silence = setTimeout(() => attempt.abort(new Error('it fell silent')), readTimeoutMs);
    signal.addEventListener('abort', stop);
    this.#failures += 1;
    try {
      const response = await session.listen(this.#lastEventId, attempt);
      if (!isSuccess(response)) return this.#refused(response);
      if (mediaType(response) !== 'text/event-stream') return none(response, log);
      this.#refusals = 0;
      this.#wasOpen = true;
      await this.#read(response, silence);
      log.debug('the stream from the server ended');
    } catch (error) {
      log.debug(`the stream from the server broke: ${toMcpMasterError(error).message}`);
      // Resumed from where it was, it would bring the same message again.
      if (error instanceof McpMasterError && error.code === 'MESSAGE_TOO_LARGE') {
        this.#lastEventId = undefined;
        this.#options.onProblem(error);
      }
      // Nothing was sent, and nothing will be before somebody logs in.
      if (error instanceof McpMasterError && error.code === 'LOGIN_REQUIRED') return 'rest';
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', stop);
    }
    return 'retry';
  }

  async #read({ body }: HttpResponse, silence: NodeJS.Timeout): Promise<void> {
    const { session } = this.#options;
    const inbox = new Inbox(session.origin, this.#options, 'the stream from the server');
    const steady = setTimeout(() => this.#succeeded(), STEADY_MS);
    try {
      await readEvents(body, {
        onEvent: ({ data, event = 'message', id }) => {
          if (id !== undefined) this.#lastEventId = id === '' ? undefined : id;
          if (data !== '' && event === 'message') this.#take(inbox, data);
        },
        onRetry: (milliseconds) => {
          this.#retryMs = boundedRetry(milliseconds);
        },
        onBytes: () => {
          silence.refresh();
          this.#succeeded();
        },
      });
    } finally {
      clearTimeout(steady);
    }
  }

  /** What is no message spoils itself, and not those after it. */
  #take(inbox: Inbox, data: string): void {
    try {
      inbox.take(data);
    } catch (error) {
      this.#options.onProblem(toMcpMasterError(error));
    }
  }

  #succeeded(): void {
    this.#failures = 0;
  }

  #refused(response: HttpResponse): Next {
    const { log, onRefused } = this.#options;
    const { status } = response;
    // Of a stream that was open before, a 404 means that the session is gone.
    if (TOLD.has(status) || (status === 404 && this.#wasOpen)) onRefused(response);
    this.#refusals += 1;
    if (!TEMPORARY.has(status) || this.#refusals >= MAX_REFUSALS) return none(response, log);
    discard(response.body);
    log.debug(`the server answered ${status} to opening its stream`);
    // There are no other credentials now, and time alone brings none.
    return status === 401 ? 'rest' : 'retry';
  }

  #wait(): number {
    if (this.#failures === 0) return this.#retryMs ?? FIRST_WAIT_MS;
    // The exponent is bounded as well: failures go on for as long as a server is away.
    return Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 10), LONGEST_WAIT_MS);
  }
}

function none(response: HttpResponse, log: Logger): 'end' {
  discard(response.body);
  log.debug(`the server has no stream of its own (it answered ${response.status})`);
  return 'end';
}
