import { z } from 'zod';
import { nearest } from './suggest.ts';

/*
 * The kinds of values. Each has one message, which completes "expected …". Texts stand for numbers
 * and switches too, because `${PORT}` is a text in the file.
 */

/** A mapping with known keys; others are left out. */
export const block = <S extends z.ZodRawShape>(shape: S) => z.object(shape, { error: 'a mapping' });

/** Any text. */
const text = (expected = 'text') => z.string({ error: expected });

/** A text that is not empty. */
export const word = (expected = 'text') => text(expected).min(1, { error: expected });

/** Text, or a number or switch that is meant as text. */
export const textLike = (expected = 'text') =>
  z
    .union([z.string(), z.number(), z.boolean()], { error: expected })
    .transform((value, context) => {
      if (typeof value === 'number' && !isExact(value)) {
        context.addIssue({ code: 'custom', message: 'text in quotes: such a number loses digits' });
      }
      return String(value);
    });

/** Text by name. */
export const texts = (expected = 'a mapping of names to text') =>
  z.record(z.string(), textLike(), { error: expected });

/** A list of texts. */
export const list = (expected = 'a list of texts') =>
  z.array(textLike(expected), { error: expected });

/** A switch: true or false. */
export const flag = () =>
  z.union([z.boolean(), z.string()], { error: 'true or false' }).transform((value, context) => {
    if (value === true || value === 'true') return true;
    if (value !== false && value !== 'false') {
      context.addIssue({ code: 'custom', message: 'true or false' });
    }
    return false;
  });

/** Which numbers are allowed. */
interface NumberRule {
  expected: string;
  test(value: number): boolean;
}

/** A number, or a text that is one. */
const number = ({ expected, test }: NumberRule) =>
  z.union([z.number(), z.string()], { error: expected }).transform((value, context) => {
    const parsed = typeof value === 'string' ? parseNumber(value) : value;
    if (!Number.isFinite(parsed) || !test(parsed)) {
      context.addIssue({ code: 'custom', message: expected });
    }
    return parsed;
  });

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

/** One of some words. `synonyms` maps other accepted spellings to one of them. */
export const choice = <const T extends string>(
  choices: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
) => {
  const expected = `one of ${choices.join(', ')}`;
  return z
    .union([z.enum(choices), z.string(), z.boolean()], { error: expected })
    .transform((value, context): T | undefined => {
      const given = String(value).toLowerCase();
      const chosen =
        choices.find((item) => item === given) ?? new Map(Object.entries(synonyms)).get(given);
      if (chosen === undefined) {
        const suggestion = nearest(given, choices);
        context.addIssue({ code: 'custom', message: expected, params: { word: true, suggestion } });
      }
      return chosen;
    });
};

function isExact(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** `Number('')` is 0 and `Number('0x10')` is 16: neither is what was meant. */
function parseNumber(value: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
}
