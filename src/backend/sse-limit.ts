import type { McpMasterError } from '../errors.ts';
import { tooLargeError } from './http-body.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * The bytes of an event stream as they come, failing with `MESSAGE_TOO_LARGE` at an event of more
 * than `limit` bytes, which `onExceeded` hears of first: for readers that would collect it without
 * end.
 */
export function limitEvents(
  limit: number,
  onExceeded: (error: McpMasterError) => void,
): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  let atLineStart = false;
  return new TransformStream({
    transform(chunk, controller) {
      // An event that begins and ends in this chunk is no larger than the chunk.
      const rest = afterLastBlankLine(chunk, atLineStart);
      size = rest === undefined ? size + chunk.length : rest;
      atLineStart = endsLine(chunk, atLineStart);
      if (size <= limit) return controller.enqueue(chunk);
      const error = tooLargeError(limit);
      onExceeded(error);
      controller.error(error);
    },
  });
}

/** How many bytes follow the last blank line, or undefined when there is none. */
function afterLastBlankLine(chunk: Uint8Array, atLineStart: boolean): number | undefined {
  for (let index = chunk.length - 1; index >= 0; index--) {
    if (chunk[index] !== LINE_FEED) continue;
    const before = chunk.subarray(0, index);
    if (endsLine(before, atLineStart)) return chunk.length - index - 1;
  }
  return undefined;
}

/** Whether what comes after these bytes is at the start of a line, a carriage return left aside. */
function endsLine(bytes: Uint8Array, before: boolean): boolean {
  let index = bytes.length - 1;
  if (bytes[index] === CARRIAGE_RETURN) index -= 1;
  return index < 0 ? before : bytes[index] === LINE_FEED;
}
