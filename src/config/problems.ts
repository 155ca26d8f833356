import type { Problem } from './config.ts';
import type { Path, Source } from './source.ts';

/** What a finding may carry beside its place and message. */
export interface FindingOptions {
  hint?: string | undefined;
  /** `CONFIG_INVALID` unless told. */
  code?: Problem['code'];
}

/** Collects problems of one file, or of one entry of it, and finds the line of each. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly #source: Source;
  readonly #server: string | undefined;

  /** @param server the name of the entry that they are about, which stands before each message */
  constructor(source: Source, server?: string) {
    this.#source = source;
    this.#server = server;
  }

  /** Whether anything was found that is more than a warning. */
  get failed(): boolean {
    return this.problems.some((problem) => problem.level === 'error');
  }

  error(path: Path, message: string, options: FindingOptions = {}): void {
    this.#add('error', path, message, options);
  }

  warn(path: Path, message: string, options: FindingOptions = {}): void {
    this.#add('warning', path, message, options);
  }

  /** The 1-based line of a key. */
  line(path: Path): number | undefined {
    return this.#source.line(path);
  }

  #add(level: Problem['level'], path: Path, message: string, options: FindingOptions): void {
    this.problems.push({
      level,
      code: options.code ?? 'CONFIG_INVALID',
      path: formatPath(path),
      line: this.#source.line(path),
      message: this.#server === undefined ? message : `server ${this.#server}: ${message}`,
      hint: options.hint,
      ...(this.#server !== undefined && { server: this.#server }),
    });
  }
}

/** A key path as a person would write it: `servers[2].headers.X-Team`, `mcpServers["my.server"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (!/^[\w$-]+$/.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}
