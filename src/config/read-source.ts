import type { Problem } from './config.ts';
import type { ConfigDeps } from './locate.ts';
import { describeMangled, findMangled } from './mangled.ts';
import { parsePlainJson } from './parse-plain-json.ts';
import type { Parsed, Source, SyntaxProblem } from './source.ts';

/** A file that was read. */
export interface ReadSource {
  source: Source;
  text: string;
  yaml: boolean;
}

/** The content of a file, or what kept it from being read. */
type SourceResult = ReadSource | { problems: Problem[] };

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'the file may not be read (permission denied)',
  EPERM: 'the file may not be read (permission denied)',
  EISDIR: 'this is a folder, expected a file',
  ENOTDIR: 'a part of its path is not a folder',
  ENOTREG: 'this is a pipe or a device, expected a file',
  EFBIG: 'the file is larger than 1 MiB',
};

/**
 * Reads and parses a file. The parser goes by the ending of its name, else by its content; the other
 * one is never loaded.
 */
export async function readSource(
  file: string,
  readFile: ConfigDeps['readFile'],
): Promise<SourceResult> {
  let text: string;
  try {
    text = readFile(file).replace(/^\uFEFF/, '');
  } catch (error) {
    return { problems: [fileProblem({ line: undefined, ...unreadable(error) })] };
  }
  const yaml = isYaml(file, text);
  const mangled = yaml ? findMangled(text) : undefined;
  if (mangled) return { problems: [fileProblem(await describeMangled(text, mangled.line))] };
  const parsed = await parse(text, yaml);
  if ('problems' in parsed) return { problems: parsed.problems.map(fileProblem) };
  return { source: parsed.source, text, yaml };
}

/** A problem of the file as a whole. */
export function fileProblem({ line, message, hint }: SyntaxProblem): Problem {
  return { level: 'error', code: 'CONFIG_INVALID', path: '', line, message, hint };
}

function unreadable(error: unknown): { message: string; hint: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = REASONS[code] ?? `the file can't be read${code === '' ? '' : ` (${code})`}`;
  return {
    message: reason,
    hint: 'Check --config and MCP_MASTER_CONFIG, and the rights of the file.',
  };
}

function isYaml(file: string, text: string): boolean {
  if (/\.ya?ml$/i.test(file)) return true;
  if (/\.jsonc?$/i.test(file)) return false;
  return !/^\s*(\{|\[|\/\/|\/\*)/.test(text);
}

async function parse(text: string, yaml: boolean): Promise<Parsed> {
  try {
    if (yaml) return (await import('./parse-yaml.ts')).parseYaml(text);
    const root = parsePlainJson(text);
    if (root === undefined) return await parseJson(text);
    const located = async () => {
      const parsed = await parseJson(text);
      return 'source' in parsed ? parsed.source : source;
    };
    const source: Source = { root, line: () => undefined, located };
    return { source };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { problems: [{ line: undefined, message: 'the file is nested too deeply' }] };
  }
}

async function parseJson(text: string): Promise<Parsed> {
  return (await import('./parse-json.ts')).parseJson(text);
}
