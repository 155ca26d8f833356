import { McpMasterError } from '../errors.ts';
import type { RequestMessage } from '../rpc/message.ts';
import { MESSAGE_LIMIT } from '../rpc/transport.ts';
import { readEvents, type ServerEvent } from './event-stream.ts';
import { type HttpResponse, isSuccess, mediaType } from './http.ts';
import { discard, readText } from './http-body.ts';
import type { Cancellation } from './http-cancellation.ts';
import { contentTypeError, noAnswerError, readRefusal, statusError } from './http-errors.ts';
import { connectionError, cutError, isReset } from './http-failures.ts';
import { Inbox, type InboxHandlers } from './streamable-http-inbox.ts';
import { type HttpSession, isRepeatable } from './streamable-http-session.ts';

/** What an exchange shares with the others of its connection. */
export interface ExchangeContext extends InboxHandlers {
  session: HttpSession;
  /** Milliseconds without a byte after which a stream that can be resumed is opened anew. */
  readTimeoutMs: number;
}

/** Tries in a row without a new event before a cut stream is given up. */
const MAX_RESUMPTIONS = 5;

/** The wait before resuming, unless the server asks for another one; the longest that it may ask. */
const RESUME_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;

/** How long a stream may stay open after its answer. */
const LINGER_MS = 5_000;

/** The wait that a `retry` field asks for, within bounds: beyond 2^31 ms a timer fires at once. */
export function boundedRetry(milliseconds: number): number {
  return Math.min(milliseconds, LONGEST_RETRY_MS);
}

/**
 * Reads the answer to a request from a 2xx response (specification 2025-11-25, "Sending Messages to
 * the Server", "Resumability"), and hands on all messages before it. Rejects with an
 * `McpMasterError` when no answer can come any more, and with the signal's reason when aborted.
 */
export async function receiveAnswer(
  request: RequestMessage,
  response: HttpResponse,
  context: ExchangeContext,
  signal: Cancellation,
): Promise<void> {
  const { origin } = context.session;
  const inbox = new Inbox(origin, context, request.method, request.id);
  const type = mediaType(response);
  if (type === 'text/event-stream') {
    await new AnswerStream(request, inbox, context, signal).read(response);
  } else if (type === 'application/json') {
    inbox.take(await readBody(response, origin, isRepeatable(request)));
    if (!inbox.answered) throw noAnswerError(origin, request.method);
  } else {
    discard(response.body);
    throw contentTypeError(origin, request.method, type);
  }
}

async function readBody(
  response: HttpResponse,
  origin: string,
  repeatable: boolean,
): Promise<string> {
  try {
    return await readText(response, MESSAGE_LIMIT);
  } catch (error) {
    throw isReset(error) ? cutError(origin, repeatable, error) : connectionError(error, origin);
  }
}

/** The event stream that answers one request, over as many connections as it takes. */
class AnswerStream {
  readonly #request: RequestMessage;
  readonly #inbox: Inbox;
  readonly #context: ExchangeContext;
  readonly #signal: Cancellation;
  #lastEventId: string | undefined;
  #retryMs = RESUME_MS;
  #resumptions = 0;

  constructor(
    request: RequestMessage,
    inbox: Inbox,
    context: ExchangeContext,
    signal: Cancellation,
  ) {
    this.#request = request;
    this.#inbox = inbox;
    this.#context = context;
    this.#signal = signal;
  }

  async read(first: HttpResponse): Promise<void> {
    let response = first;
    for (;;) {
      const failure = await this.#readOnce(response);
      if (this.#inbox.answered) return;
      this.#signal.throwIfAborted();
      if (failure instanceof McpMasterError) throw failure;
      response = await this.#resume(failure);
    }
  }

  /** Reads one response to its end; what broke it off, if something did, is the result. */
  async #readOnce({ body }: HttpResponse): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const cutAfter = (milliseconds: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => body.destroy(), milliseconds);
    };
    try {
      await readEvents(body, {
        onEvent: (event) => {
          const resumable = this.#take(event);
          if (this.#inbox.answered) cutAfter(LINGER_MS);
          else if (resumable && timer === undefined) cutAfter(this.#context.readTimeoutMs);
        },
        onRetry: (milliseconds) => {
          this.#retryMs = boundedRetry(milliseconds);
        },
        onBytes: () => timer?.refresh(),
      });
      return undefined;
    } catch (error) {
      return error ?? new Error('aborted');
    } finally {
      clearTimeout(timer);
    }
  }

  /** Answers whether the stream can be resumed. */
  #take({ data, event = 'message', id }: ServerEvent): boolean {
    if (id !== undefined) {
      this.#lastEventId = id === '' ? undefined : id;
      this.#resumptions = 0;
    }
    if (data !== '' && event === 'message') this.#inbox.take(data);
    return this.#lastEventId !== undefined;
  }

  async #resume(cause: unknown): Promise<HttpResponse> {
    let reason = cause;
    while (this.#lastEventId !== undefined && this.#resumptions < MAX_RESUMPTIONS) {
      this.#resumptions += 1;
      await this.#signal.sleep(this.#retryMs);
      try {
        const response = await this.#context.session.listen(this.#lastEventId, this.#signal);
        if (isSuccess(response) && mediaType(response) === 'text/event-stream') return response;
        reason = await this.#refusal(response);
        if (isFinal(response.status)) break;
      } catch (error) {
        this.#signal.throwIfAborted();
        reason = error;
      }
    }
    throw cutError(this.#context.session.origin, isRepeatable(this.#request), reason);
  }

  async #refusal(response: HttpResponse): Promise<McpMasterError> {
    const { origin } = this.#context.session;
    return statusError(await readRefusal(response, origin, 'resuming the stream'));
  }
}

/** Asking again would not help: the server has no stream to resume, or not for us. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 429 && status !== 408;
}
