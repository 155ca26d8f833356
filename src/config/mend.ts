import { isCredentialName, looksLikeSecret } from './credentials.ts';
import { hasReference } from './interpolate.ts';
import {
  BLOCKS,
  ENTRY_KEYS,
  FREE_BLOCKS,
  isKnown,
  normalKey,
  OAUTH_KEYS,
  ROOT_KEYS,
} from './keys.ts';
import { type Token, tokenise } from './mend-tokens.ts';
import { own } from './source.ts';

/** Where the next key goes: the blocks that are open, by their normal names. */
interface Place {
  /** `servers`, or another block of the root. */
  root: string | undefined;
  /** A block of an entry, such as `auth_config`. */
  block: string | undefined;
  /** A block whose keys are free, inside of another: `extra_params`. */
  inner: string | undefined;
}

/**
 * A YAML text with its indentation restored from what each key means: a block's keys go below it,
 * an entry's keys below its `- id`. Values stay as they are, but for literal secrets, which become
 * `"***"`. The result need not be valid; callers check it.
 */
export function mend(text: string): string {
  const place: Place = { root: undefined, block: undefined, inner: undefined };
  const lines: string[] = [];
  for (const token of tokenise(text, isLikelyKey)) lines.push(writeToken(token, place));
  return `${lines.join('\n')}\n`;
}

/** On a line with several keys only known ones count, and free ones inside of a free block. */
function isLikelyKey(key: string, before: Token[]): boolean {
  if (isAnyKey(key)) return true;
  const owner = before.findLast((token) => token.key !== undefined && isAnyKey(token.key));
  return owner?.value === '' && FREE_BLOCKS.includes(normalKey(owner.key ?? '', ENTRY_KEYS));
}

function isAnyKey(key: string): boolean {
  if (ROOT_KEYS.includes(key) || isEntryKey(key)) return true;
  return Object.values(BLOCKS).some((block) => isKnown(key, block));
}

function isEntryKey(key: string): boolean {
  return isKnown(key, ENTRY_KEYS) || normalKey(key, ENTRY_KEYS) === 'disabled';
}

function writeToken(token: Token, place: Place): string {
  const { key } = token;
  if (key === undefined) return `${' '.repeat(depthOf(place) + 2)}- ${token.value}`;
  if (ROOT_KEYS.includes(key) && !token.dash) {
    Object.assign(place, { root: key, block: undefined, inner: undefined });
    return write(0, '', token, place);
  }
  if (token.dash) {
    Object.assign(place, { block: undefined, inner: undefined });
    return write(2, '- ', token, place);
  }
  if (place.root !== 'servers' && place.root !== 'mcpServers') return write(2, '', token, place);
  return writeInEntry(key, token, place);
}

function writeInEntry(key: string, token: Token, place: Place): string {
  const normal = normalKey(key, ENTRY_KEYS);
  if (place.inner !== undefined && !isKnown(key, OAUTH_KEYS) && !isEntryKey(key)) {
    return write(8, '', token, place);
  }
  place.inner = undefined;
  if (place.block !== undefined && belongsTo(key, place.block)) {
    if (token.value === '' && FREE_BLOCKS.includes(normalKey(key, OAUTH_KEYS))) {
      place.inner = normalKey(key, OAUTH_KEYS);
    }
    return write(6, '', token, place);
  }
  const opens =
    token.value === '' && (Object.hasOwn(BLOCKS, normal) || FREE_BLOCKS.includes(normal));
  place.block = opens ? normal : undefined;
  return write(4, '', token, place);
}

/** Free blocks take every key that is not one of the entry itself. */
function belongsTo(key: string, block: string): boolean {
  const keys = own(BLOCKS, block);
  return keys ? isKnown(key, keys) : !isEntryKey(key);
}

function depthOf({ root, block, inner }: Place): number {
  if (root !== 'servers' && root !== 'mcpServers') return 2;
  if (inner !== undefined) return 8;
  return block === undefined ? 4 : 6;
}

function write(indent: number, dash: string, token: Token, place: Place): string {
  const value = token.value === '' ? '' : ` ${shown(token, place)}`;
  return `${' '.repeat(indent)}${dash}${token.key}:${value}`;
}

/** A key that is not a setting's, and sounds like a credential inside of {}. */
const INLINE_SECRET =
  /((?:client_?secret|private_?key|[\w-]*(?:authorization|cookie|api[-_]?key|secret|password|signature|(?<!_)token(?!_))[\w-]*|\bkey)["']?\s*:\s*)("[^"]*"|'[^']*'|[^,}\s][^,}]*)/gi;
const QUERY_SECRET = /([?&][^=&\s]*(?:key|token|secret|password|signature)[^=&\s]*=)[^&\s"']+/gi;
const USER_INFO = /(:\/\/)[^\s/@]+@/g;

function shown({ key = '', value: written }: Token, { block, inner }: Place): string {
  const value = flowList(written);
  const free = FREE_BLOCKS.includes(inner ?? block ?? '');
  const isSetting = !free && isAnyKey(key);
  const secretSetting = ['client_secret', 'private_key', 'key'].includes(
    normalKey(key, OAUTH_KEYS),
  );
  const literal = !hasReference(unquote(value)) && looksLikeSecret(unquote(value));
  if (literal && (secretSetting || (!isSetting && isCredentialName(key)))) return '"***"';
  return value
    .replace(INLINE_SECRET, (all, name: string, secret: string) =>
      /[{[]/.test(value[0] ?? '') && !hasReference(unquote(secret.trim())) ? `${name}"***"` : all,
    )
    .replace(QUERY_SECRET, (all, name: string) => (hasReference(all) ? all : `${name}***`))
    .replace(USER_INFO, '$1***@');
}

/** A list whose items stand on the line of its key: `- a - b`. */
function flowList(value: string): string {
  if (!value.startsWith('- ')) return value;
  const items = value.slice(2).split(/\s+-\s+/);
  return `[${items.join(', ')}]`;
}

function unquote(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2');
}
