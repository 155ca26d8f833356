/**
 * Reads a value that comes from a file: gives it back as what it has to be, and throws where it is something else.
 * There is one for each kind of record. A start may read a hundred records before all else, and schemas of a package
 * would take as long to make as that.
 */
type Reader<T> = (value: unknown) => T;

/** The value of a JSON text; undefined when it is none, or not what is to be read. */
export function parse<T>(read: Reader<T>, text: string): T | undefined {
  try {
    return read(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function where<T>(isRight: (value: unknown) => value is T): Reader<T> {
  return (value) => {
    if (isRight(value)) return value;
    throw new TypeError('not what was expected');
  };
}

/** Any text. */
export const text = where((value) => typeof value === 'string');

/** A text that is not empty. */
export const word = where((value): value is string => typeof value === 'string' && value !== '');

/** A number; JSON can write ones that are too large for one. */
export const number = where((value): value is number => Number.isFinite(value));

/** True or false. */
export const flag = where((value) => typeof value === 'boolean');

const list = where((value): value is unknown[] => Array.isArray(value));

const mapping = where(
  (value): value is Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** One of some values. */
export function oneOf<const T extends readonly unknown[]>(...values: T): Reader<T[number]> {
  return where((value): value is T[number] => values.includes(value));
}

/** A list of values of a kind. */
export function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (value) => list(value).map((item) => read(item));
}

/** What may be missing. */
export function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value) => (value === undefined ? undefined : read(value));
}

/** How the members of a mapping are read. */
type Members<T> = { readonly [K in keyof T]: Reader<T[K]> };

/** What may be undefined may be missing. */
type Made<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: T[K];
};

/** A mapping with these members; others are left out. */
export function record<T extends object>(members: Members<T>): Reader<Made<T>> {
  const readers: Readonly<Record<string, Reader<unknown>>> = members;
  const keys = Object.keys(members);
  return (value) => {
    const given = mapping(value);
    const made: Record<string, unknown> = {};
    for (const key of keys) {
      // It has a reader, since that is where the keys are from.
      const member = readers[key]?.(given[key]);
      if (member !== undefined) made[key] = member;
    }
    // Each member has passed its reader.
    return made as Made<T>;
  };
}

/** A mapping with these members, and with whatever else is in it. */
export function openRecord<T extends object>(members: Members<T>): Reader<Made<T>> {
  const read = record(members);
  return (value) => ({ ...mapping(value), ...read(value) });
}
