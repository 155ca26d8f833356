const LINE_BREAK = 0x0a;

/** How much of either end of an oversized line is kept, to find the request that it answers. */
const ENDS_KEPT = 4096;

/** What a {@link LineSplitter} hands on. */
export interface LineHandlers {
  /** A whole line without its line break. The bytes are the receiver's to keep. */
  line(bytes: Buffer): void;
  /** A line over the limit was skipped; its first and last bytes, which may overlap. */
  oversized(start: Buffer, end: Buffer): void;
}

/** Cuts a stream of bytes into lines, whatever the chunks are; a line over the limit is skipped. */
export class LineSplitter {
  readonly #limit: number;
  readonly #handlers: LineHandlers;
  #pieces: Buffer[] = [];
  #size = 0;
  /** The ends of the line that is being skipped. */
  #skipping: { start: Buffer; end: Buffer } | undefined;

  constructor(limit: number, handlers: LineHandlers) {
    this.#limit = limit;
    this.#handlers = handlers;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_BREAK); at >= 0; at = chunk.indexOf(LINE_BREAK, from)) {
      this.#finish(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** The stream is over: what is left without a line break is a line, too. */
  end(): void {
    if (this.#size > 0) this.#finish(Buffer.alloc(0));
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#skipping !== undefined) {
      this.#skipping.end = lastBytes(this.#skipping.end, piece);
      return;
    }
    this.#pieces.push(piece);
    if (this.#size <= this.#limit) return;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#skipping = {
      start: Buffer.from(whole.subarray(0, ENDS_KEPT)),
      end: lastBytes(Buffer.alloc(0), whole),
    };
  }

  #finish(piece: Buffer): void {
    if (this.#size === 0 && piece.length <= this.#limit) {
      this.#handlers.line(piece);
      return;
    }
    this.#keep(piece);
    const pieces = this.#pieces;
    const skipped = this.#skipping;
    this.#pieces = [];
    this.#size = 0;
    this.#skipping = undefined;
    if (skipped !== undefined) this.#handlers.oversized(skipped.start, skipped.end);
    else this.#handlers.line(Buffer.concat(pieces));
  }
}

function lastBytes(before: Buffer, piece: Buffer): Buffer {
  if (piece.length >= ENDS_KEPT) return Buffer.from(piece.subarray(-ENDS_KEPT));
  return Buffer.concat([before, piece]).subarray(-ENDS_KEPT);
}
