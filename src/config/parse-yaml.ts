import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import { isObject, type Parsed, type Path, type Raw, type SyntaxProblem } from './source.ts';

/** Far more than a configuration needs, far less than what an "alias bomb" does. */
const MAX_ALIASES = 100;

/** What the parser's codes mean; its own messages are left out, because they may quote the file. */
const MEANING: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias (*name) refers to an anchor (&name) that is not above it',
  BAD_DQ_ESCAPE: 'the text in double quotes has an escape that YAML does not know',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket is not closed',
  BAD_SCALAR_START: 'a text that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a key and its value share a line with another key',
  BLOCK_IN_FLOW: 'inside {} and [] everything is separated by commas',
  DUPLICATE_KEY: 'this key is there twice',
  MISSING_CHAR: 'a character is missing: a quote, a comma, a bracket or the blank after a colon',
  MULTILINE_IMPLICIT_KEY: 'a key has to end on the line it starts on, with a colon',
  MULTIPLE_DOCS: 'the file holds several documents, expected one',
  NON_STRING_KEY: 'a key has to be text',
  TAB_AS_INDENT: 'there is a tab in the indentation, expected blanks',
  TAG_RESOLVE_FAILED: 'tags (!name) are not understood',
};

/**
 * Reads YAML 1.2 (core schema, with anchors and `<<` merge keys). An empty text is `null`. Keys that
 * appear twice and tags are problems: they would change a value in silence.
 */
export function parseYaml(text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    logLevel: 'error',
    merge: true,
    prettyErrors: false,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: true,
    version: '1.2',
  });
  const lineOf = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const problems = [
    ...[...document.errors, ...document.warnings].map(({ code, pos }) =>
      describe(code, lineOf(pos[0])),
    ),
    ...lostAliases(document).map((offset) => describe('BAD_ALIAS', lineOf(offset))),
  ];
  if (problems.length > 0) return { problems };
  try {
    const root = toRaw(document.toJS({ maxAliasCount: MAX_ALIASES }));
    const line = (path: Path) => lineOf(offsetOf(document, path));
    return { source: { root, line } };
  } catch {
    const message = 'not usable YAML: its aliases repeat too much, or refer to themselves';
    return { problems: [{ line: undefined, message }] };
  }
}

function describe(code: string, line: number): SyntaxProblem {
  return { line, message: `not valid YAML: ${MEANING[code] ?? 'this is not expected here'}` };
}

/** Where aliases stand that refer to nothing: the parser tells them apart only when it is too late. */
function lostAliases(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias(_, alias) {
      if (!alias.resolve(document)) offsets.push(alias.range?.[0] ?? 0);
    },
  });
  return offsets;
}

function toRaw(value: unknown): Raw {
  if (Array.isArray(value)) return value.map(toRaw);
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toRaw(item)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return null;
}

function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const key of path) {
    const next = step(document, node, key);
    if (!next) break;
    node = next.value;
    offset = rangeStart(next.place) ?? offset;
  }
  return offset;
}

function step(document: Document, parent: unknown, key: string | number) {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    return pair && { place: pair.key, value: pair.value };
  }
  const item = isSeq(node) && typeof key === 'number' ? node.items[key] : undefined;
  return item === undefined ? undefined : { place: item, value: item };
}

function rangeStart(node: unknown): number | undefined {
  if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) return node.range?.[0];
  return undefined;
}
