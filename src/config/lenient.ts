import * as v from 'valibot';
import { placeOf } from './credentials.ts';
import { hasReference } from './interpolate.ts';
import type { Kind, Output } from './schema-blocks.ts';
import type { Section } from './section.ts';
import { isObject, kindOf, type Path, type Raw, type RawObject } from './source.ts';
import { nearest } from './suggest.ts';

/** Every failing pass takes out a key at least; a configuration has far fewer wrong ones. */
const MAX_PASSES = 1000;

/** What to write instead of transports and types that other programs know. */
const TRANSPORT_HINTS: Readonly<Record<string, string>> = {
  remote: 'Leave it out: a url is enough.',
  command: 'Write stdio, or leave it out: a command is enough.',
  npm: 'Write command: npx and args: [-y, <package>].',
  npx: 'Write command: npx and args: [-y, <package>].',
  pypi: 'Write command: uvx and args: [<package>].',
  git: 'Check it out, and write the command that starts it.',
  docker: 'Write command: docker and args: [run, -i, --rm, <image>].',
  ws: 'WebSocket is no transport of MCP: ask for the Streamable HTTP address of the server.',
  websocket: 'WebSocket is no transport of MCP: ask for the Streamable HTTP address of the server.',
};

/**
 * The output of a kind for what is right in `value`: each key that is wrong is reported and left
 * out. `written` is the same mapping before its references were filled in, for the messages.
 * Undefined only when nothing can be saved.
 */
export function parseLenient<K extends Kind>(
  section: Section,
  path: Path,
  kind: K,
  value: RawObject,
  written: RawObject,
): Output<K> | undefined {
  // What is plain is what the schema would make of it.
  if (kind.isPlain(value)) return value as Output<K>;
  const schema = kind.schema();
  let rest: Raw = value;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const result = v.safeParse(schema, rest);
    if (result.success) return result.output;
    for (const issue of result.issues) {
      const inner = pathOf(issue);
      if (inner.length === 0) return undefined;
      report(section, [...path, ...inner], valueAt(written, inner), issue);
      rest = without(rest, inner);
    }
  }
  return undefined;
}

function report(
  section: Section,
  path: Path,
  written: Raw | undefined,
  issue: v.BaseIssue<unknown>,
): void {
  if (section.isUnresolved(path)) return;
  const words = wordsOf(issue);
  const shown = words !== undefined && typeof written === 'string' && !hasReference(written);
  const number = typeof written === 'number' && placeOf(path).credential ? 'a number' : undefined;
  const got = shown ? JSON.stringify(written) : (number ?? kindOf(written));
  section.error(path, `expected ${issue.message}, got ${got}`, {
    hint: hintFor(path, written, words && nearest(String(issue.input), words)),
  });
}

function pathOf({ path }: v.BaseIssue<unknown>): Path {
  return (path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
}

/** The words of a `choice` that got another one. */
function wordsOf({ type, requirement }: v.BaseIssue<unknown>): string[] | undefined {
  return type === 'values' && Array.isArray(requirement) ? requirement : undefined;
}

function hintFor(
  path: Path,
  written: Raw | undefined,
  suggestion: string | undefined,
): string | undefined {
  if (path[0] === 'transport' && typeof written === 'string') {
    const hint = new Map(Object.entries(TRANSPORT_HINTS)).get(written.toLowerCase());
    if (hint !== undefined) return hint;
  }
  if (suggestion !== undefined) return `Did you mean "${suggestion}"?`;
  if (written === null)
    return 'Give it a value, or take the key out. Check the indentation below it.';
  return undefined;
}

function valueAt(value: Raw | undefined, path: Path): Raw | undefined {
  let found: Raw | undefined = value;
  for (const key of path) {
    if (Array.isArray(found)) found = typeof key === 'number' ? found[key] : undefined;
    else found = isObject(found) && Object.hasOwn(found, key) ? found[String(key)] : undefined;
  }
  return found;
}

/** A copy without the key at `path`; a wrong item takes its whole list with it. */
function without(value: Raw, [key, ...rest]: Path): Raw {
  if (!isObject(value) || key === undefined || !Object.hasOwn(value, key)) return value;
  const child = value[String(key)];
  if (rest.length > 0 && isObject(child)) return { ...value, [key]: without(child, rest) };
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== String(key)));
}
