import { findNodeAtLocation, type Node, type ParseError, parseTree } from 'jsonc-parser';
import {
  lineAt,
  type Parsed,
  type Path,
  type Raw,
  type RawObject,
  type SyntaxProblem,
} from './source.ts';

/** What jsonc-parser's error numbers mean for the person who wrote the file. */
const EXPECTED: Readonly<Record<number, string>> = {
  1: 'a word needs double quotes around it',
  2: 'this is not a number',
  3: 'expected a key in double quotes',
  4: 'expected a value',
  5: 'expected a colon after the key',
  6: 'expected a comma before this',
  7: 'expected "}"',
  8: 'expected "]"',
  9: 'the file should end here',
  11: 'the comment has no end',
  12: 'the text has no closing quote',
  13: 'the number is not complete',
  14: 'the escape in this text is not Unicode',
  15: 'the escape in this text is not one of JSON',
  16: 'this character has no meaning here',
};

/**
 * Reads JSON with comments and trailing commas. An empty text is `null`. A key that appears twice in
 * one object is a problem, since one of its values would be lost in silence.
 */
export function parseJson(text: string): Parsed {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const problems = [...syntaxProblems(text, errors), ...(tree ? duplicateKeys(text, tree) : [])];
  if (problems.length > 0) return { problems };
  return { source: { root: tree ? toRaw(tree) : null, line: (path) => lineOf(text, tree, path) } };
}

/** One per line: after a first mistake the parser complains of each token that follows it. */
function syntaxProblems(text: string, errors: ParseError[]): SyntaxProblem[] {
  const byLine = new Map<number, SyntaxProblem>();
  for (const { error, offset } of errors) {
    const line = lineAt(text, offset);
    const message = `not valid JSON: ${EXPECTED[error] ?? 'this is not expected here'}`;
    if (!byLine.has(line)) byLine.set(line, { line, message });
  }
  return [...byLine.values()];
}

function duplicateKeys(text: string, node: Node): SyntaxProblem[] {
  const first = new Map<unknown, Node>();
  const found: SyntaxProblem[] = [];
  for (const child of node.children ?? []) {
    const key = child.type === 'property' ? child.children?.[0] : undefined;
    if (key) {
      const before = first.get(key.value);
      if (before === undefined) first.set(key.value, key);
      else {
        const line = lineAt(text, before.offset);
        const message = `the key "${key.value}" is on line ${line} already`;
        found.push({ line: lineAt(text, key.offset), message });
      }
    }
    found.push(...duplicateKeys(text, child));
  }
  return found;
}

function toRaw(node: Node): Raw {
  const children = node.children ?? [];
  if (node.type === 'array') return children.map(toRaw);
  if (node.type === 'object') return toObject(children);
  const value: unknown = node.value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return null;
}

/** `Object.fromEntries` defines keys instead of assigning them: `__proto__` stays a mere key. */
function toObject(properties: Node[]): RawObject {
  const entries = properties.map((property): [string, Raw] => {
    const [key, value] = property.children ?? [];
    return [String(key?.value), value ? toRaw(value) : null];
  });
  return Object.fromEntries(entries);
}

function lineOf(text: string, tree: Node | undefined, path: Path): number {
  if (!tree) return 1;
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length));
    const place = node?.parent?.type === 'property' ? node.parent : node;
    if (place) return lineAt(text, place.offset);
  }
  return lineAt(text, tree.offset);
}
