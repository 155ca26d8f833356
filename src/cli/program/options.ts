import { InvalidArgumentError } from 'commander';

/** Hears the exit code of a command that has run. */
export type Done = (exitCode: number) => void;

/** How long a person has for a login, in seconds: RFC 8252 leaves it open; tabs get forgotten. */
export const LOGIN_SECONDS = 600;

/** An option that may be given once: the last of two would win without a word. */
export function once(value: string, before: string | undefined): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError('It was given twice.');
}

export function parseScope(value: string): string {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected scopes, separated by spaces.');
}

export function parseTimeout(value: string): number {
  const seconds = Number(value);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= LOGIN_SECONDS) return seconds;
  throw new InvalidArgumentError(`Expected whole seconds, 1 to ${LOGIN_SECONDS}.`);
}
