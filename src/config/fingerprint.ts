import { hash } from 'node:crypto';
import { isObject, type Raw } from './source.ts';

/** The SHA-256 digest, in hex, of a value's {@link canonical} text. */
export function fingerprint(value: Raw): string {
  return hash('sha256', canonical(value));
}

/** JSON in which the order of keys does not show: equal for equal content. */
export function canonical(value: Raw): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(',')}}`;
}
