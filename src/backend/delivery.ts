import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { JsonObject } from '../rpc/message.ts';
import type { RequestOptions } from '../rpc/outgoing-requests.ts';
import type { OutgoingRequest } from '../rpc/peer.ts';
import type { Session } from './connect.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** Requests without an effect: repeating one does no harm. */
const READS: ReadonlySet<string> = new Set([
  'completion/complete',
  'prompts/get',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/get',
]);

/** A server that asks to be asked again at once gets at least this pause, in milliseconds. */
const LEAST_WAIT_MS = 100;

/** The longest wait that a timer can have. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Refusals for their number that a request bears with, should each ask for a short wait. */
const MOST_WAITS = 10;

/** What a delivery needs of the server that it is for. */
export interface DeliveryLine {
  /** The connection, if there is one now. */
  session(): Session | undefined;
  connect(): Promise<Session>;
  limiter: RateLimiter | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Names the server in an error. */
  explain(error: McpMasterError): McpMasterError;
}

/**
 * One request on its way to a server: connects first where needed, keeps to the rate limit, waits as
 * long as a 429 asks for, and is repeated, once, if the connection was lost and it was certainly not
 * carried out or only reads. All of that within its time-out.
 */
export class Delivery implements OutgoingRequest {
  readonly #line: DeliveryLine;
  readonly #method: string;
  readonly #params: JsonObject | undefined;
  readonly #options: RequestOptions;
  readonly #deadline: number;
  #outgoing: OutgoingRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When its turn comes, while it waits for that. */
  #place: number | undefined;
  #repeated = false;
  #waits = 0;
  #cancelled = false;

  constructor(
    line: DeliveryLine,
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ) {
    this.#line = line;
    this.#method = method;
    this.#params = params;
    this.#options = options;
    this.#deadline = line.now() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  /** Sends it, now or as soon as it may be sent. */
  start(): this {
    this.#attempt();
    return this;
  }

  cancel(params?: JsonObject): void {
    this.#cancelled = true;
    clearTimeout(this.#timer);
    if (this.#place !== undefined) this.#line.limiter?.release(this.#place);
    this.#outgoing?.cancel(params);
  }

  #attempt(): void {
    this.#connected(() => this.#takePlace());
  }

  /** Goes on as soon as there is a connection: at once where there is one. */
  #connected(then: (session: Session) => void): void {
    const session = this.#line.session();
    if (session !== undefined) {
      then(session);
      return;
    }
    this.#line
      .connect()
      .then((connected) => {
        if (!this.#cancelled) then(connected);
      })
      // Of a server that can't be connected the error has its name already; a fault of ours after
      // that fails this request, and not the process.
      .catch((error: unknown) => this.#report(toMcpMasterError(error)));
  }

  /** Waits for its turn under the rate limit, which counts what is sent, not what arrives. */
  #takePlace(): void {
    const { limiter, now } = this.#line;
    const wait = limiter === undefined ? 0 : limiter.reserve(now(), this.#remaining());
    if (wait === undefined) {
      this.#fail(limitError());
    } else if (wait <= 0) {
      this.#connected((session) => this.#send(session));
    } else {
      this.#place = now() + wait;
      this.#timer = setTimeout(() => this.#connected((session) => this.#send(session)), wait);
    }
  }

  #send({ peer }: Session): void {
    if (this.#cancelled) return;
    this.#place = undefined;
    this.#outgoing = peer.request(this.#method, this.#params, {
      ...this.#options,
      timeoutMs: this.#options.timeoutMs && Math.max(this.#remaining(), 1),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  #onFailure(error: McpMasterError): void {
    // What an authorization server asks for is not for this request to wait for.
    const asked = error.code === 'RATE_LIMITED' ? error.retryAfterMs : undefined;
    const wait = asked === undefined ? undefined : Math.max(asked, LEAST_WAIT_MS);
    const longest = Math.min(this.#remaining(), LONGEST_TIMER_MS);
    if (wait !== undefined && this.#waits < MOST_WAITS && wait < longest) {
      this.#waits += 1;
      this.#timer = setTimeout(() => this.#attempt(), wait);
    } else if (this.#mayRepeat(error)) {
      this.#repeated = true;
      // Not in the middle of the end of a connection: the next attempt is for a new one.
      this.#timer = setTimeout(() => this.#attempt(), 0);
    } else {
      this.#fail(error);
    }
  }

  #mayRepeat({ code, undelivered }: McpMasterError): boolean {
    if (this.#repeated || this.#cancelled) return false;
    const lost = code === 'BACKEND_EXITED' || code === 'BACKEND_PROTOCOL';
    return undelivered || (lost && READS.has(this.#method) && this.#line.session() === undefined);
  }

  #fail(error: McpMasterError): void {
    this.#report(this.#line.explain(error));
  }

  #report(error: McpMasterError): void {
    if (!this.#cancelled) this.#options.onFailure(error);
  }

  #remaining(): number {
    return this.#deadline - this.#line.now();
  }
}

function limitError(): McpMasterError {
  return new McpMasterError(
    'RATE_LIMITED',
    'its rate_limit leaves no place for this request in time',
    {
      hint: 'Try again later, or raise "rate_limit" in its entry of the configuration.',
    },
  );
}
