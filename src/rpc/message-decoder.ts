import { readLargeResult } from './large-result.ts';
import { LineSplitter } from './line-splitter.ts';
import { asMessage, isObject, type JsonObject, type Message, type RequestId } from './message.ts';
import { decodeUtf8 } from './utf8.ts';

/** Something on the wire that is no message. */
export interface DecodeProblem {
  kind: 'not_json' | 'not_a_message' | 'invalid_utf8' | 'too_large';
  /** The `id` that it carries, where one could be read: the request that it spoils. */
  id: RequestId | undefined;
  /** Whether it has a `method`; undefined when too little of it could be read. */
  call: boolean | undefined;
  /** Its beginning, for a log. */
  excerpt: string;
}

/** What a {@link MessageDecoder} hands on, in the order of the wire. */
export interface DecodeHandlers {
  message(message: Message): void;
  problem(problem: DecodeProblem): void;
}

const EXCERPT_LENGTH = 160;

/**
 * Newline-delimited JSON-RPC (specification 2025-11-25, "stdio"): bytes in, messages out. A batch,
 * which revision 2025-03-26 allowed, is taken apart; blank lines are nothing.
 */
export class MessageDecoder {
  readonly #handlers: DecodeHandlers;
  readonly #lines: LineSplitter;

  constructor(limit: number, handlers: DecodeHandlers) {
    this.#handlers = handlers;
    this.#lines = new LineSplitter(limit, {
      line: (bytes) => this.#decode(bytes),
      oversized: (start, end) => {
        const excerpt = start.toString('utf8', 0, EXCERPT_LENGTH);
        const id = idAtEitherEnd(start, end);
        handlers.problem({ kind: 'too_large', id, call: callAtStart(start), excerpt });
      },
    });
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  #decode(bytes: Buffer): void {
    const large = readLargeResult(bytes);
    if (large !== undefined) {
      this.#handlers.message(large);
      return;
    }
    const { text, isWhole } = decodeUtf8(bytes);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (text.trim() === '') return;
      const excerpt = excerptOf(text);
      this.#handlers.problem({ kind: 'not_json', id: undefined, call: undefined, excerpt });
      return;
    }
    const values: unknown[] = Array.isArray(value) && value.length > 0 ? value : [value];
    for (const one of values) this.#hand(one, isWhole, text);
  }

  #hand(value: unknown, whole: boolean, text: string): void {
    const message = asMessage(value);
    if (message !== undefined && whole) {
      this.#handlers.message(message);
      return;
    }
    const kind = whole ? 'not_a_message' : 'invalid_utf8';
    const call = isObject(value) ? isCall(value) : undefined;
    this.#handlers.problem({ kind, id: idOf(value), call, excerpt: excerptOf(text) });
  }
}

function excerptOf(text: string): string {
  const line = text.trim();
  return line.length > EXCERPT_LENGTH ? `${line.slice(0, EXCERPT_LENGTH)}…` : line;
}

function idOf(value: unknown): RequestId | undefined {
  const id = isObject(value) ? value['id'] : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

/** Undefined for what is neither a call nor an answer. */
function isCall(value: JsonObject): boolean | undefined {
  if ('method' in value) return true;
  return 'result' in value || 'error' in value ? false : undefined;
}

/** Whether the first member that is neither `jsonrpc` nor `id` belongs to a call or to an answer. */
function callAtStart(start: Buffer): boolean | undefined {
  const found =
    /^\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:\d+|"[^"\\]*")\s*,\s*)*"(method|params|result|error)"/.exec(
      start.toString('utf8'),
    );
  return found === null ? undefined : found[1] === 'method' || found[1] === 'params';
}

/**
 * The `id` of a message of which only the ends are known: as its first member or the one after
 * `jsonrpc`, else as its last. Both are exact, since no nested object can stand there.
 */
function idAtEitherEnd(start: Buffer, end: Buffer): RequestId | undefined {
  const found =
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15}|"[^"\\]{1,200}")\s*,/.exec(
      start.toString('utf8'),
    ) ?? /,\s*"id"\s*:\s*(\d{1,15}|"[^"\\]{1,200}")\s*\}\s*$/.exec(end.toString('utf8'));
  return found?.[1] === undefined ? undefined : (JSON.parse(found[1]) as RequestId);
}
