import type { Raw } from './source.ts';

/** The end of a key. Where a text looks the same from within, more keys are counted than there are, and never fewer. */
const KEY_END = /"\s*:/g;

/**
 * The content of a text that is JSON as RFC 8259 has it, without repeated keys; undefined for every other one, which
 * is for `parseJson`. The engine's own parser takes a small part of the time, and nothing has to be loaded for it.
 */
export function parsePlainJson(text: string): Raw | undefined {
  let root: Raw;
  try {
    root = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Of a key that appears twice the parser keeps the last value, and says nothing: fewer keys are there than written.
  const written = text.match(KEY_END)?.length ?? 0;
  return written === keysOf(root) ? root : undefined;
}

/** The number of keys in a value, on all levels. */
function keysOf(value: Raw): number {
  if (typeof value !== 'object' || value === null) return 0;
  const items = Object.values(value);
  let count = Array.isArray(value) ? 0 : items.length;
  for (const item of items) count += keysOf(item);
  return count;
}
