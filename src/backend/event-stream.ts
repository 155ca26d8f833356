import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createParser, type ParserCallbacks } from 'eventsource-parser';
import { MESSAGE_LIMIT } from '../rpc/transport.ts';
import { readChunks, tooLargeError } from './http-body.ts';

/** One event (WHATWG HTML, "Server-sent events"). */
export interface ServerEvent {
  /** Empty for an event that only sets the id or keeps the connection alive. */
  data: string;
  /** Absent means `message`. */
  event?: string | undefined;
  /** Where to resume after this event. */
  id?: string | undefined;
}

/** What {@link readEvents} hands on, in the order of the wire. */
export interface EventHandlers {
  /** What it throws ends the reading. */
  onEvent(event: ServerEvent): void;
  /** The server asks to wait this many milliseconds before reconnecting. */
  onRetry?(milliseconds: number): void;
  /** Bytes have arrived, be it a comment: the stream is alive. */
  onBytes?(): void;
}

/** What the parser holds beside the data of an event: the name of its field. */
const LINE_MARGIN = 64;

/**
 * Reads an event stream. Resolves when it ends; an event that is not complete by then is dropped, as
 * the standard says. Rejects with the error of the body, and with `MESSAGE_TOO_LARGE` for an event
 * of more than `limit` bytes.
 */
export async function readEvents(
  body: Readable,
  handlers: EventHandlers,
  limit = MESSAGE_LIMIT,
): Promise<void> {
  const decoder = new StringDecoder('utf8');
  const parser = createParser({
    ...callbacks(handlers, limit),
    maxBufferSize: limit + LINE_MARGIN,
  });
  let first = true;
  await readChunks(body, (chunk) => {
    handlers.onBytes?.();
    let text = decoder.write(chunk);
    if (first && text !== '') {
      first = false;
      // The parser looks for the three bytes of the mark, which the decoder has made one character.
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    parser.feed(text);
  });
}

function callbacks(handlers: EventHandlers, limit: number): ParserCallbacks {
  return {
    onEvent: (event) => {
      if (exceeds(event.data, limit)) throw tooLargeError(limit);
      handlers.onEvent(event);
    },
    onRetry: (milliseconds) => handlers.onRetry?.(milliseconds),
    onError: (error) => {
      // Fields that the standard does not know are to be ignored.
      if (error.type === 'max-buffer-size-exceeded') throw tooLargeError(limit);
    },
  };
}

/** The parser counts characters, the limit is in bytes: up to three for each of them. */
function exceeds(text: string, limit: number): boolean {
  if (text.length * 3 <= limit) return false;
  return text.length > limit || Buffer.byteLength(text) > limit;
}
