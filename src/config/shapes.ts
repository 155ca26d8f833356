import { BLOCKS, ENTRY_KEYS, isKnown, normalKey, OAUTH_KEYS, ROOT_KEYS } from './keys.ts';
import type { Findings } from './problems.ts';
import { isObject, kindOf, type Path, type Raw, type RawObject } from './source.ts';
import { didYouMean, nearest } from './suggest.ts';

/** One server as the file has it. */
export interface RawEntry {
  name: string;
  path: Path;
  raw: Raw;
  /** Whether the name is a key `id` of the entry, and not the key of a map. */
  listed: boolean;
}

/** The parts of a file. */
export interface Parts {
  entries: RawEntry[];
  /** The root blocks that are there: `serve`, `tokens`, `master_oauth`. */
  blocks: RawObject;
}

/** A root that makes no sense as a whole: nothing of the file can be used. */
export class UnusableRoot {
  readonly path: Path;
  readonly message: string;
  readonly hint: string;
  /** Keys of a server's entry stand at the root, as after a loss of indentation. */
  readonly flattened: boolean;

  constructor(path: Path, message: string, hint: string, flattened = false) {
    this.path = path;
    this.message = message;
    this.hint = hint;
    this.flattened = flattened;
  }
}

const EXAMPLE = 'Write servers: with a list of entries, each with an id and a url or a command.';

/** Takes a file apart, whichever of the accepted shapes it has. */
export function takeApart(root: Raw, findings: Findings): Parts | UnusableRoot {
  if (root === null) {
    findings.warn([], 'the file is empty', { hint: EXAMPLE });
    return { entries: [], blocks: {} };
  }
  if (!isObject(root)) {
    const message = `expected a mapping with "servers", got ${kindOf(root)}`;
    const hint = Array.isArray(root) ? 'Put the list under a key servers.' : EXAMPLE;
    return new UnusableRoot([], message, hint);
  }
  const misplaced = misplacedKey(root);
  if (misplaced) return misplaced;
  const both = ['servers', 'mcpServers'].filter((key) => Object.hasOwn(root, key));
  if (both.length === 2) {
    const message = '"servers" and "mcpServers" mean the same, expected one of them';
    return new UnusableRoot(['mcpServers'], message, 'Put all entries under "servers".');
  }
  const blocks = Object.fromEntries(
    Object.entries(root).filter(([key]) => ['serve', 'tokens', 'master_oauth'].includes(key)),
  );
  const [wrapper] = both;
  if (wrapper === undefined) return bareMap(root, blocks);
  warnUnknown(root, findings);
  const entries = wrapped(wrapper, root[wrapper] ?? null);
  return Array.isArray(entries) ? { entries, blocks } : entries;
}

/** A key of a server's entry that stands at the root, unless it names a server of a bare map. */
function misplacedKey(root: RawObject): UnusableRoot | undefined {
  for (const [key, value] of Object.entries(root)) {
    const inEntry = isKnown(key, ENTRY_KEYS) || normalKey(key, ENTRY_KEYS) === 'disabled';
    if (ROOT_KEYS.includes(key) || looksLikeServer(value)) continue;
    if (inEntry) {
      const message = `"${key}" belongs inside a server's entry`;
      return new UnusableRoot([key], message, fragmentHint(key), true);
    }
    if (isKnown(key, OAUTH_KEYS)) {
      const message = `"${key}" belongs inside a server's entry, in its block auth_config`;
      return new UnusableRoot([key], message, fragmentHint(key), true);
    }
  }
  return undefined;
}

function fragmentHint(key: string): string {
  const inner = isKnown(key, ENTRY_KEYS) ? `${key}: …` : `auth_config: { ${key}: … }`;
  return `Indent it below the server it is meant for: servers: [{ id: example, url: https://…, ${inner} }]`;
}

/** Keys that only an entry has; one of them tells a server that is called `oauth` from a fragment. */
function looksLikeServer(value: Raw): boolean {
  if (!isObject(value)) return false;
  const keys = Object.keys(value).map((key) => normalKey(key, ENTRY_KEYS));
  return ['url', 'command', 'transport', 'config', 'auth_strategy'].some((key) =>
    keys.includes(key),
  );
}

function warnUnknown(root: RawObject, findings: Findings): void {
  for (const key of Object.keys(root).filter((item) => !ROOT_KEYS.includes(item))) {
    findings.warn([key], `${key}: this key is not known and has no effect`, {
      hint: didYouMean(key, ROOT_KEYS),
    });
  }
}

function wrapped(wrapper: string, value: Raw): RawEntry[] | UnusableRoot {
  if (value === null) return [];
  if (Array.isArray(value)) {
    return value.map((raw, index) => {
      const path = [wrapper, index];
      return { name: idOf(raw) ?? `${wrapper}[${index}]`, path, raw, listed: true };
    });
  }
  if (!isObject(value)) {
    const message = `"${wrapper}": expected a list of entries or a map by name, got ${kindOf(value)}`;
    return new UnusableRoot([wrapper], message, EXAMPLE);
  }
  return Object.entries(value).map(([name, raw]) => ({
    name,
    path: [wrapper, name],
    raw,
    listed: false,
  }));
}

function idOf(raw: Raw): string | undefined {
  if (!isObject(raw)) return undefined;
  const key = Object.keys(raw).find((item) => normalKey(item, ENTRY_KEYS) === 'id');
  const id = key === undefined ? undefined : raw[key];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function bareMap(root: RawObject, blocks: RawObject): Parts | UnusableRoot {
  const others = Object.entries(root).filter(([key]) => !ROOT_KEYS.includes(key));
  const servers = others.filter(([, value]) => looksLikeServer(value) || hasEntryKey(value));
  const [stranger] = others.filter((entry) => !servers.includes(entry));
  if (stranger && (servers.length === 0 || nearest(stranger[0], ROOT_KEYS))) {
    const [key] = stranger;
    const message = `"${key}" is neither a key of the root nor a server's entry (a mapping with a url or a command)`;
    return new UnusableRoot([key], message, didYouMean(key, ROOT_KEYS) ?? EXAMPLE);
  }
  const entries = others.map(([name, raw]) => ({ name, path: [name], raw, listed: false }));
  return { entries, blocks };
}

function hasEntryKey(value: Raw): boolean {
  return (
    isObject(value) &&
    Object.keys(value).some((key) => isKnown(key, ENTRY_KEYS) && !Object.hasOwn(BLOCKS, key))
  );
}
