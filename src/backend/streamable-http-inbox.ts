import { McpMasterError } from '../errors.ts';
import { asMessage, isObject, type Message, type RequestId } from '../rpc/message.ts';
import { notJsonError } from './http-errors.ts';

/** What the messages from one server meet. */
export interface InboxHandlers {
  onMessage(message: Message): void;
  /** Something that is no message was left out. */
  onProblem(error: McpMasterError): void;
}

/** Takes apart what arrives in one exchange, and notices the answer to its request. */
export class Inbox {
  readonly #origin: string;
  readonly #handlers: InboxHandlers;
  readonly #what: string;
  readonly #id: RequestId | undefined;
  #answered = false;

  /** `what` is for messages, for example `tools/call`; `id` is that of the request, if there is one. */
  constructor(origin: string, handlers: InboxHandlers, what: string, id?: RequestId) {
    this.#origin = origin;
    this.#handlers = handlers;
    this.#what = what;
    this.#id = id;
  }

  /** Whether the answer to the request has arrived. */
  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Hands on the message in `text`, or each one of a batch (revision 2025-03-26). Throws
   * `BACKEND_PROTOCOL` for what is not JSON, and for a malformed answer to the request itself.
   */
  take(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw notJsonError(this.#origin, this.#what, text);
    }
    for (const one of Array.isArray(value) ? value : [value]) this.#hand(one);
  }

  #hand(value: unknown): void {
    const message = asMessage(value);
    const isAnswer = this.#isAnswer(value);
    if (message === undefined) {
      const error = new McpMasterError(
        'BACKEND_PROTOCOL',
        `${this.#origin} sent something that is no JSON-RPC message in reply to ${this.#what}`,
        { hint: 'Report it to whoever makes the server.' },
      );
      if (isAnswer) throw error;
      this.#handlers.onProblem(error);
      return;
    }
    if (isAnswer) this.#answered = true;
    this.#handlers.onMessage(message);
  }

  #isAnswer(value: unknown): boolean {
    return (
      this.#id !== undefined && isObject(value) && value['id'] === this.#id && !('method' in value)
    );
  }
}
