/** The keys and indexes that lead from the root of a file to a value. */
export type Path = readonly (string | number)[];

/** A value as a file holds it: what JSON can say, whichever language it was written in. */
export type Raw = string | number | boolean | null | Raw[] | RawObject;

/** A mapping of a file. Its prototype is the ordinary one; read own keys alone. */
export interface RawObject {
  [key: string]: Raw;
}

/** The content of a configuration file, with the places its values come from. */
export interface Source {
  root: Raw;
  /** The 1-based line of the key at a path, or of the nearest one above it that is in the file. */
  line(path: Path): number | undefined;
  /** The same with its lines, which are costly and only of use in messages; absent = it has them. */
  located?(): Promise<Source>;
}

/** A reason why a text can't be parsed. Never quotes the text, which may hold secrets. */
export interface SyntaxProblem {
  line: number | undefined;
  message: string;
  hint?: string;
}

/** What a parser returns: the content, or everything that kept it from being read. */
export type Parsed = { source: Source } | { problems: SyntaxProblem[] };

/** Whether a value is a mapping, and not a list. */
export function isObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own value of a key; undefined when there is none, also for names such as `constructor`. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The 1-based line of an offset into a text. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** A value in words for a message, without what a text holds: `a list`, `-5`, `text`. */
export function kindOf(value: Raw | undefined): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'text' : String(value);
}
