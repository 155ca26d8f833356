import { toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type JsonObject, type Reply, RPC_ERROR } from './message.ts';
import { createsTask } from './outgoing-requests.ts';

/** A request of the other side, until it is answered or cancelled. */
export interface IncomingRequest {
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Answers it. The first answer counts; after a cancellation none is sent. */
  reply(reply: Reply): void;
  /** Sends a `notifications/progress` about it, under the token that the other side chose. */
  progress(params: JsonObject): void;
  /** Whether the other side has withdrawn it. */
  readonly isCancelled: boolean;
  /** Calls back with the params of `notifications/cancelled` if the other side withdraws it, or has done so. */
  onCancel(callback: (params: JsonObject) => void): void;
}

/**
 * How long what follows waits for a notification of progress to arrive, in milliseconds. Long enough
 * for a busy machine: it is there for servers that leave such a request unanswered.
 */
const LONGEST_DELIVERY_MS = 10_000;

/** Answers a request that a fault of ours has spoilt, and tells the log where it is. */
export function answerFault(request: IncomingRequest, fault: unknown, log: Logger): void {
  const { method } = request;
  log.error(`${method} failed: ${fault instanceof Error ? fault.stack : String(fault)}`);
  const { message } = toMcpMasterError(fault);
  request.reply({ error: { code: RPC_ERROR.internalError, message } });
}

/** What an {@link Incoming} tells the peer that it came through. */
interface IncomingLinks {
  done(): void;
  reply(reply: Reply): void;
  /** Settles when the other side has it. */
  progress(params: JsonObject): Promise<void>;
  /** Whether messages arrive in the order in which they are sent. */
  ordered: boolean;
}

/** An {@link IncomingRequest} in the books of its peer. */
export class Incoming implements IncomingRequest {
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly #links: IncomingLinks;
  #onCancel: ((params: JsonObject) => void) | undefined;
  #open = true;
  #isTask = false;
  /** Settles when all progress so far has arrived. */
  #told: Promise<void> | undefined;
  /** The other side was too slow to confirm progress: nothing waits for it any more. */
  #isOverdue = false;
  /** The params of its cancellation. */
  #withdrawal: JsonObject | undefined;

  constructor(method: string, params: JsonObject | undefined, links: IncomingLinks) {
    this.method = method;
    this.params = params;
    this.#links = links;
  }

  reply(reply: Reply): void {
    if (!this.#finish()) return;
    this.#isTask = createsTask(reply);
    // Where messages overtake each other, the answer must not arrive before the progress.
    if (this.#told === undefined) this.#links.reply(reply);
    else void this.#told.then(() => this.#links.reply(reply));
  }

  progress(params: JsonObject): void {
    if (!this.#open && !this.#isTask) return;
    if (this.#links.ordered || this.#isOverdue) void this.#links.progress(params);
    else this.#told = (this.#told ?? Promise.resolve()).then(() => this.#delivered(params));
  }

  onCancel(callback: (params: JsonObject) => void): void {
    this.#onCancel = callback;
    if (this.#withdrawal !== undefined) callback(this.#withdrawal);
  }

  get isCancelled(): boolean {
    return this.#withdrawal !== undefined;
  }

  cancel(params: JsonObject): void {
    if (!this.#finish()) return;
    this.#withdrawal = params;
    this.#onCancel?.(params);
  }

  /** Settles when progress has arrived, or should have: an answer does not wait for ever. */
  async #delivered(params: JsonObject): Promise<void> {
    const delivery = this.#links.progress(params);
    if (this.#isOverdue) return;
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), LONGEST_DELIVERY_MS);
    });
    this.#isOverdue = await Promise.race([delivery.then(() => false), overdue]);
    clearTimeout(timer);
  }

  #finish(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#links.done();
    return true;
  }
}
