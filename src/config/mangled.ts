import { BLOCKS, ENTRY_KEYS, isKnown, normalKey } from './keys.ts';
import { mend } from './mend.ts';
import { isObject, type SyntaxProblem } from './source.ts';

/** A list of servers all on one line: line breaks and indentation are lost. */
const ONE_LINE = /^\s*(servers|mcpServers):[ \t]+-[ \t]/;
const LIST = /^(\s*)(servers|mcpServers):\s*(#.*)?$/;
const ITEM = /^(\s*)-\s+\S/;
const KEY = /^(\s*)([A-Za-z_][\w-]*):(\s|$)/;

/**
 * Whether a YAML text shows that its indentation was lost in copying: below `servers:`, the keys of
 * an entry stand where the list itself stands. Parsed, they would be keys of the root, and the
 * server would be reached without its authentication. Names the first line that shows it.
 */
export function findMangled(text: string): { line: number } | undefined {
  const lines = text.split(/\r?\n/);
  const oneLine = lines.findIndex((line) => ONE_LINE.test(line));
  if (oneLine >= 0) return { line: oneLine + 1 };
  const list = lines.findIndex((line) => LIST.test(line));
  if (list < 0) return undefined;
  const indent = LIST.exec(lines[list] ?? '')?.[1]?.length ?? 0;
  const item = lines.findIndex((line, at) => at > list && ITEM.exec(line)?.[1]?.length === indent);
  if (item < 0) return undefined;
  const flat = lines.findIndex((line, at) => {
    const [, before = '', key = ''] = at > item ? (KEY.exec(line) ?? []) : [];
    return key !== '' && before.length === indent && belongsToEntry(key);
  });
  return flat < 0 ? undefined : { line: flat + 1 };
}

/** The refusal of such a text, with its mended form where one can be made. Hides secrets. */
export async function describeMangled(
  text: string,
  line: number | undefined,
): Promise<SyntaxProblem> {
  const message =
    'the indentation was lost: keys of a server\'s entry do not stand below its "- id"';
  const mended = mend(text);
  if (!(await isUsable(mended))) {
    const hint = 'Indent the keys of each server by 4 blanks, below its "  - id: …".';
    return { line, message, hint };
  }
  const hidden = mended.includes(HIDDEN) ? ' (*** stands for a secret of yours)' : '';
  return { line, message, hint: `Write it like this${hidden}:\n\n${mended}` };
}

const HIDDEN = '***';

function belongsToEntry(key: string): boolean {
  const inBlock = Object.values(BLOCKS).some((block) => isKnown(key, block));
  return inBlock || isKnown(key, ENTRY_KEYS) || normalKey(key, ENTRY_KEYS) === 'disabled';
}

async function isUsable(yaml: string): Promise<boolean> {
  const { parseYaml } = await import('./parse-yaml.ts');
  const parsed = parseYaml(yaml);
  const root = 'source' in parsed ? parsed.source.root : undefined;
  const servers = isObject(root) ? (root['servers'] ?? root['mcpServers']) : undefined;
  return Array.isArray(servers) && servers.length > 0 && servers.every(isNamed);
}

function isNamed(entry: unknown): boolean {
  if (!isObject(entry)) return false;
  const keys = Object.keys(entry).map((key) => normalKey(key, ENTRY_KEYS));
  return keys.includes('id') && keys.length > 1;
}
