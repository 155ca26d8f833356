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
  readonly #subject: string;

  /** `subject` (`server github`) stands before each message; '' = nothing does. */
  constructor(source: Source, subject = '') {
    this.#source = source;
    this.#subject = subject;
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
      message: this.#subject === '' ? message : `${this.#subject}: ${message}`,
      hint: options.hint,
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
