const LINES_KEPT = 5;
const LINE_LENGTH = 300;

/** The last lines of what a process prints, each handed on as it comes. */
export class OutputTail {
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  #open = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#open + text).split(/\r?\n/);
    // A line without an end must not grow without an end.
    this.#open = (lines.pop() ?? '').slice(-LINE_LENGTH);
    for (const line of lines) this.#add(line);
  }

  /** The last non-empty lines, the oldest first, each cut to a length that fits a message. */
  lines(): string[] {
    return this.#open.trim() === '' ? [...this.#lines] : [...this.#lines, shown(this.#open)];
  }

  #add(line: string): void {
    if (line.trim() === '') return;
    this.#onLine(line);
    this.#lines.push(shown(line));
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
  }
}

function shown(line: string): string {
  return line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}…` : line;
}
