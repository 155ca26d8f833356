import * as v from 'valibot';
import { defineKind } from './schema-blocks.ts';
import { isObject, type Raw, type RawObject } from './source.ts';

/*
 * The kinds of values. Each has one message, which completes "expected …". Texts stand for numbers
 * and switches too, because `${PORT}` is a text in the file.
 */

/** A text that is not empty. */
export const word = (expected = 'text') =>
  defineKind({
    isPlain: (value) => isText(value) && value !== '',
    schema: () => v.pipe(v.string(expected), v.minLength(1, expected)),
  });

/** Text, or a number or switch that is meant as text. */
export const textLike = (expected = 'text') =>
  defineKind({
    isPlain: isText,
    schema: () =>
      v.pipe(
        v.union([v.string(), v.pipe(v.number(), v.finite(expected)), v.boolean()], expected),
        v.check(isExact, 'text in quotes: such a number loses digits'),
        v.transform(String),
      ),
  });

/** Text by name. A `v.record` would pass over names such as `constructor`. */
export const texts = (expected = 'a mapping of names to text') =>
  defineKind({
    isPlain: (value) => isObject(value) && Object.values(value).every(isText),
    schema: () =>
      v.pipe(
        v.custom<RawObject>(isObject, expected),
        v.transform((value) => new Map(Object.entries(value))),
        v.map(v.string(), textLike().schema()),
        v.transform((value): Record<string, string> => Object.fromEntries(value)),
      ),
  });

/** A list of texts. */
export const list = (expected = 'a list of texts') =>
  defineKind({
    isPlain: isListOfTexts,
    schema: () => v.array(textLike(expected).schema(), expected),
  });

/** A list of texts, or a text with blanks between them. */
export const scopes = () =>
  defineKind({
    isPlain: (value) => isText(value) || isListOfTexts(value),
    schema: () =>
      v.union(
        [list().schema(), v.string()],
        'a list of scopes, or one text with blanks between them',
      ),
  });

/** A text, or `false` for none. */
export const textOrFalse = (expected: string) =>
  defineKind({
    isPlain: (value) => isText(value) || value === false,
    schema: () => v.union([v.string(), v.literal(false)], expected),
  });

/** A text of a form. */
export const formed = (form: RegExp, expected: string, problem: string) =>
  defineKind({
    isPlain: (value) => isText(value) && form.test(value),
    schema: () => v.pipe(v.string(expected), v.regex(form, problem)),
  });

/** A switch: true or false. */
export const flag = () => {
  const expected = 'true or false';
  return defineKind({
    isPlain: (value) => typeof value === 'boolean',
    schema: () =>
      v.pipe(
        v.union([v.boolean(), v.string()], expected),
        v.check((value) => ['true', 'false'].includes(String(value)), expected),
        v.transform((value) => String(value) === 'true'),
      ),
  });
};

/** Which numbers are allowed. */
interface NumberRule {
  expected: string;
  test(value: number): boolean;
}

/** A number, or a text that is one. */
const number = ({ expected, test }: NumberRule) => {
  const isRight = (value: number) => Number.isFinite(value) && test(value);
  return defineKind({
    isPlain: (value) => typeof value === 'number' && isRight(value),
    schema: () =>
      v.pipe(
        v.union([v.number(), v.string()], expected),
        v.transform((value) => (typeof value === 'string' ? parseNumber(value) : value)),
        v.check(isRight, expected),
      ),
  });
};

/** A timer of Node.js fires at once beyond this many seconds. */
const MAX_SECONDS = 2_147_483;

/** A length of time that is more than nothing. */
export const seconds = () =>
  number({
    expected: `a number of seconds above 0 and up to ${MAX_SECONDS}`,
    test: (value) => value > 0 && value <= MAX_SECONDS,
  });

/** A length of time that may be nothing. */
export const secondsOrNone = () =>
  number({
    expected: `a number of seconds from 0 to ${MAX_SECONDS}`,
    test: (value) => value >= 0 && value <= MAX_SECONDS,
  });

/** A whole number within bounds. */
export const whole = (least: number, most: number) =>
  number({
    expected: `a whole number from ${least} to ${most}`,
    test: (value) => Number.isInteger(value) && value >= least && value <= most,
  });

/**
 * One of some words, which are in lower case. `synonyms` maps other accepted spellings to one of them. Another word
 * is an issue of the type `values`, which has the words as its requirement.
 */
export const choice = <const T extends string>(
  choices: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
) =>
  defineKind({
    isPlain: (value) => choices.some((known) => known === value),
    schema: () => {
      const expected = `one of ${choices.join(', ')}`;
      const meanings = new Map<string, string>(Object.entries(synonyms));
      return v.pipe(
        v.union([v.picklist(choices), v.string(), v.boolean()], expected),
        v.transform((value) => {
          const given = String(value).toLowerCase();
          return meanings.get(given) ?? given;
        }),
        v.values(choices, expected),
        // Nothing else has passed.
        v.transform((value) => value as T),
      );
    },
  });

function isText(value: Raw): value is string {
  return typeof value === 'string';
}

function isListOfTexts(value: Raw): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isExact(value: string | number | boolean): boolean {
  return typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** `Number('')` is 0 and `Number('0x10')` is 16: neither is what was meant. */
function parseNumber(value: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
}
