import { McpMasterError } from '../errors.ts';
import { isObject, type JsonObject, type Reply, type RequestId } from './message.ts';
import { RequestTable } from './request-table.ts';

/** How a request of ours ends, and what happens until then. */
export interface RequestOptions {
  /** Milliseconds without an answer or progress after which it fails; absent = it may take for ever. */
  timeoutMs?: number | undefined;
  /** Asks the other side for progress, and takes its `notifications/progress` params. */
  onProgress?: ((params: JsonObject) => void) | undefined;
  onReply(reply: Reply): void;
  /** No answer can come: a time-out, a broken connection. */
  onFailure(error: McpMasterError): void;
}

interface Pending {
  readonly id: number;
  readonly method: string;
  readonly options: RequestOptions;
  timer: NodeJS.Timeout | undefined;
}

/** Nobody tells the end of a task reliably: beyond this many, the oldest is no longer followed. */
const TASKS_FOLLOWED = 1000;

/**
 * Whether an answer only says that the work has begun (specification 2025-11-25, "Tasks"): then the
 * progress token of its request stays valid.
 */
export function createsTask(reply: Reply): boolean {
  return 'result' in reply && isObject(reply.result['task']);
}

/** The requests that wait for an answer, by id. The id is the progress token, too. */
export class OutgoingRequests {
  readonly #label: string;
  readonly #pending = new RequestTable<Pending>();
  /** Who hears of the progress of tasks: that goes on after the answer which created them. */
  readonly #taskProgress = new Map<number, (params: JsonObject) => void>();
  #lastId = 0;
  readonly #idle: (() => void)[] = [];

  /** `label` names the other side in messages. */
  constructor(label: string) {
    this.#label = label;
  }

  /** Files a new request; `onTimeout` is called before it fails for lack of an answer. */
  add(method: string, options: RequestOptions, onTimeout: () => void): Pending {
    this.#lastId += 1;
    const pending: Pending = { id: this.#lastId, method, options, timer: undefined };
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) {
      pending.timer = setTimeout(() => {
        onTimeout();
        options.onFailure(timeoutError(this.#label, method, timeoutMs));
      }, timeoutMs);
    }
    this.#pending.set(pending.id, pending);
    return pending;
  }

  /** Hands an answer to its request; false when nobody waits for it. */
  settle(id: RequestId, reply: Reply): boolean {
    const pending = this.#take(id);
    if (pending === undefined) return false;
    const { onProgress, onReply } = pending.options;
    if (onProgress !== undefined && createsTask(reply)) this.#follow(pending.id, onProgress);
    onReply(reply);
    return true;
  }

  /** Fails one request, or all of them when it is not known which one is meant. */
  fail(id: RequestId | undefined, error: McpMasterError): void {
    if (id === undefined) this.failAll(error);
    else this.#take(id)?.options.onFailure(error);
  }

  failAll(error: McpMasterError): void {
    for (const { id } of this.#pending.entries()) this.fail(id, error);
  }

  /** Drops a request without a word to its owner; false when it is over already. */
  forget(id: number): boolean {
    return this.#take(id) !== undefined;
  }

  /** Passes progress on, and lets the time-out begin anew. */
  progress(params: JsonObject): void {
    const token = Number(params['progressToken']);
    const pending = this.#pending.get(token);
    pending?.timer?.refresh();
    const onProgress = pending?.options.onProgress ?? this.#taskProgress.get(token);
    onProgress?.(params);
  }

  /** Settles when nobody waits for an answer any more. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #follow(id: number, onProgress: (params: JsonObject) => void): void {
    this.#taskProgress.set(id, onProgress);
    const [oldest] = this.#taskProgress.keys();
    if (this.#taskProgress.size > TASKS_FOLLOWED && oldest !== undefined) {
      this.#taskProgress.delete(oldest);
    }
  }

  /** Some servers turn the number that they were sent into a string. */
  #take(id: RequestId): Pending | undefined {
    const pending = this.#pending.take(Number(id));
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    if (this.#pending.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    return pending;
  }
}

/** In hundredths: what a request has waited before it was sent is not worth a digit. */
function inSeconds(ms: number): number {
  return Math.round(ms / 10) / 100;
}

function timeoutError(label: string, method: string, timeoutMs: number): McpMasterError {
  return new McpMasterError(
    'BACKEND_TIMEOUT',
    `${label} gave no answer to ${method} within ${inSeconds(timeoutMs)} s`,
    { hint: 'If it needs longer, raise "timeout" in its entry of the configuration.' },
  );
}
