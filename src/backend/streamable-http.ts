import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  asMessage,
  isObject,
  type Message,
  type RequestId,
  type RequestMessage,
} from '../rpc/message.ts';
import { RequestTable } from '../rpc/request-table.ts';
import type { Transport } from '../rpc/transport.ts';
import { type HttpResponse, isSuccess } from './http.ts';
import { discard } from './http-body.ts';
import { Cancellation } from './http-cancellation.ts';
import {
  type Refusal,
  readRefusal,
  refusalJson,
  sessionLostError,
  statusError,
} from './http-errors.ts';
import { connectionError } from './http-failures.ts';
import { type ExchangeContext, receiveAnswer } from './streamable-http-answer.ts';
import { ServerStream } from './streamable-http-listener.ts';
import { HttpSession, type HttpSessionOptions, methodOf } from './streamable-http-session.ts';

/** What a {@link StreamableHttpTransport} is made of. */
export interface StreamableHttpOptions extends HttpSessionOptions {
  log: Logger;
  /** Milliseconds of silence after which a stream is opened anew (`sse_read_timeout`). */
  readTimeoutMs: number;
  /**
   * Called before a send rejects because of an answer outside 2xx, and for 401, 403 and 429 to
   * opening the server's stream. Header names are in lower case; `method` is that of the refused message,
   * where it has one.
   */
  onResponse?:
    | ((status: number, headers: Record<string, string>, method?: string) => void)
    | undefined;
}

/** How long the end of a session may take. */
const END_MS = 500;

/** The longest wait that a timer can have. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The client side of Streamable HTTP (specification 2025-11-25, "Transports"): a POST for each
 * message, its answer as JSON or as an event stream that is resumed where the server allows it, and
 * the server's own stream after `notifications/initialized`.
 */
export class StreamableHttpTransport implements Transport {
  readonly unordered = true;
  onmessage: Transport['onmessage'];
  onfailure: Transport['onfailure'];
  onerror: Transport['onerror'];
  onclose: Transport['onclose'];

  readonly #options: StreamableHttpOptions;
  readonly #session: HttpSession;
  /** What is under way: requests, and other messages. */
  readonly #requests = new RequestTable<Cancellation>();
  readonly #others = new Set<Cancellation>();
  readonly #listening = new Cancellation();
  readonly #context: ExchangeContext;
  #stream: ServerStream | undefined;
  /** Settles when it is known whether there is a session. */
  #opening: Promise<void> = Promise.resolve();
  #over = false;
  #closing: Promise<void> | undefined;

  constructor(options: StreamableHttpOptions) {
    this.#options = options;
    this.#session = new HttpSession(options);
    this.#context = {
      session: this.#session,
      readTimeoutMs: Math.min(options.readTimeoutMs, LONGEST_TIMER_MS),
      onMessage: (message) => this.#deliver(message),
      onProblem: (error) => this.onerror?.(error),
    };
  }

  /** Nothing to open: each message is a request of its own. */
  async start(): Promise<void> {}

  setProtocolVersion(version: string): void {
    this.#session.setProtocolVersion(version);
  }

  send(message: Message): Promise<void> {
    const sent = this.#send(message);
    if (nameOf(message) === 'initialize') this.#opening = sent.catch(() => undefined);
    return sent;
  }

  async #send(message: Message): Promise<void> {
    if (this.#over) throw closedError();
    const abort = new Cancellation();
    const id = isRequest(message) ? message.id : undefined;
    if (id === undefined) this.#others.add(abort);
    else this.#requests.set(id, abort);
    try {
      await this.#exchange(message, abort);
    } catch (error) {
      throw connectionError(error, this.#session.origin);
    } finally {
      if (id === undefined) this.#others.delete(abort);
      else this.#requests.take(id);
    }
  }

  /** Stops waiting for the answer to a request: its `send` rejects with `INTERRUPTED`. */
  abandon(id: RequestId): void {
    this.#requests.get(id)?.abort(new McpMasterError('INTERRUPTED', 'nobody waits for the answer'));
  }

  /** Ends the session, which may take 500 ms, and all that is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#over ? Promise.resolve() : this.#endSession();
    return this.#closing;
  }

  async #exchange(message: Message, signal: Cancellation): Promise<void> {
    const response = await this.#session.post(message, signal);
    if (!isSuccess(response)) {
      await this.#refused(message, response);
      return;
    }
    this.#stream?.wake();
    if (isRequest(message)) {
      await receiveAnswer(message, response, this.#context, signal);
    } else {
      discard(response.body);
      if ('method' in message && message.method === 'notifications/initialized') this.#listen();
    }
  }

  /** A refusal may be the answer to a request; otherwise it is an error. */
  async #refused(message: Message, response: HttpResponse): Promise<void> {
    this.#options.onResponse?.(response.status, response.headers, methodOf(message));
    const refusal = await readRefusal(response, this.#session.origin, nameOf(message));
    if (this.#isSessionLost(message, refusal)) {
      const { origin } = this.#session;
      // First this one: with a 404 it was not carried out, of the others that nobody can tell.
      const lost = sessionLostError(origin, response.status === 404);
      if (isRequest(message)) this.onfailure?.(message.id, lost);
      this.#end(sessionLostError(origin, false));
      throw lost;
    }
    const answer = isRequest(message) ? answerIn(refusal, message.id) : undefined;
    if (answer === undefined) throw statusError(refusal);
    this.#context.onMessage(answer);
  }

  /**
   * Servers answer 404 to a session that they do not know (specification, "Session Management");
   * those made after the SDK's examples answer 400, and say it in the text.
   */
  #isSessionLost(message: Message, refusal: Refusal): boolean {
    if (!this.#session.identified || nameOf(message) === 'initialize') return false;
    if (refusal.status === 404) return true;
    if (refusal.status !== 400) return false;
    const { error, id = null } = refusalJson(refusal) ?? {};
    if (id !== null || !isObject(error)) return false;
    return typeof error['message'] === 'string' && /\bsession\b/i.test(error['message']);
  }

  #listen(): void {
    if (this.#stream !== undefined || this.#over) return;
    const { log, onResponse } = this.#options;
    this.#stream = new ServerStream({
      ...this.#context,
      log,
      onRefused: ({ status, headers }) => {
        if (status !== 404) onResponse?.(status, headers);
        else if (this.#session.identified) this.#end(sessionLostError(this.#session.origin, false));
      },
    });
    void this.#stream.run(this.#listening);
  }

  #deliver(message: Message): void {
    try {
      this.onmessage?.(message);
    } catch (error) {
      // A fault of ours must not pass for one of the server.
      this.onerror?.(toMcpMasterError(error));
    }
  }

  #end(error: McpMasterError | undefined): void {
    this.#over = true;
    const reason = error ?? closedError();
    this.#listening.abort(reason);
    for (const abort of [...this.#requests.entries(), ...this.#others]) abort.abort(reason);
    this.onclose?.(error);
  }

  async #endSession(): Promise<void> {
    const limit = new Cancellation();
    const late = limit.sleep(END_MS).then(() => limit.abort(closedError()));
    // A session that is just being opened can't be ended before its id is known.
    await Promise.race([this.#opening, late]);
    this.#end(undefined);
    const ended = this.#session.end(limit).then((response) => {
      if (response !== undefined) discard(response.body);
    });
    await Promise.race([ended, late]).catch((error: unknown) => {
      this.#options.log.debug(`the session was not ended: ${toMcpMasterError(error).message}`);
    });
    limit.abort(closedError());
  }
}

/** Refusals that their owner acts on, whatever their body says. */
const ACTED_ON = [401, 403, 429];

/** The JSON-RPC answer to a request that a refusal carries. */
function answerIn(refusal: Refusal, id: RequestId): Message | undefined {
  if (ACTED_ON.includes(refusal.status)) return undefined;
  const message = asMessage(refusalJson(refusal));
  return message !== undefined && 'error' in message && message.id === id ? message : undefined;
}

function isRequest(message: Message): message is RequestMessage {
  return 'method' in message && 'id' in message;
}

function nameOf(message: Message): string {
  return methodOf(message) ?? 'an answer of ours';
}

function closedError(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the connection was closed');
}
