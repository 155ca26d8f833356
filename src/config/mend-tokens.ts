/** A piece of a YAML text whose layout is lost: a key with its value, or an item of a list. */
export interface Token {
  /** It has a `-` before it: it starts an item. */
  dash: boolean;
  /** Undefined for an item that is a mere value. */
  key: string | undefined;
  /** As it is written; '' when the value is a block that follows. */
  value: string;
}

const KEY = /(?<=^|\s)(-\s+)?([A-Za-z_$][\w.-]*|"[^"]*"|'[^']*'):(?=\s|$)/g;
const QUOTED = /(?<=^|[\s,:[{])("(?:[^"\\]|\\.)*"|'[^']*')(?!\s*:)/g;
const BRACKETED = /[{[][^{}[\]]*[}\]]/g;

/**
 * Cuts a text into keys and values. The first word before a colon on a line is always a key; another
 * one on the same line is, when `isKey` says so: a value may have colons, too.
 */
export function tokenise(text: string, isKey: (key: string, before: Token[]) => boolean): Token[] {
  const tokens: Token[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (!/^\s*(#|$|---)/.test(line)) cutLine(line.trim(), tokens, isKey);
  }
  return tokens;
}

function cutLine(
  line: string,
  tokens: Token[],
  isKey: (key: string, before: Token[]) => boolean,
): void {
  let start = 0;
  let open: Token | undefined;
  for (const match of withoutInner(line).matchAll(KEY)) {
    const [whole, dash, quoted = ''] = match;
    const key = quoted.replace(/^["']|["']$/g, '');
    if (match.index > 0 && !isKey(key, tokens)) continue;
    if (open) open.value = line.slice(start, match.index).trim();
    open = { dash: dash !== undefined, key, value: '' };
    tokens.push(open);
    start = match.index + whole.length;
  }
  if (open) open.value = line.slice(start).trim();
  else {
    const value = line.replace(/^-\s*/, '');
    tokens.push({ dash: value !== line, key: undefined, value });
  }
}

/** The line with what stands in quotes and brackets blanked out: no key of the outer level is there. */
function withoutInner(line: string): string {
  const blank = (inner: string) => '.'.repeat(inner.length);
  let outer = line.replace(QUOTED, blank);
  for (let before = ''; before !== outer; ) {
    before = outer;
    outer = outer.replace(BRACKETED, blank);
  }
  return outer;
}
