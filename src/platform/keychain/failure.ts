/**
 * Why the keychain refused: `locked`; `silent` = it does not answer; `no-collection` = nothing to put
 * an item into; `unavailable` = no such service; `binding` = the native package is missing;
 * `changed` = the service was restarted, or the item
 * deleted, in the middle of a call, so that another try helps; `helper` = our own
 * program for it does not run; `damaged` = one item is not what was written;
 * `ambiguous` = there is another item of the same name;
 * `other` = none of these.
 */
export type FailureKind =
  | 'locked'
  | 'silent'
  | 'no-collection'
  | 'unavailable'
  | 'binding'
  | 'changed'
  | 'helper'
  | 'damaged'
  | 'ambiguous'
  | 'other';

/** A refusal of the keychain, in the words of its library. */
export interface Failure {
  kind: FailureKind;
  message: string;
}

/** Thrown for an item that can't be what was written. */
export class DamagedItem extends Error {}

/** In this order: the library gives every error the same code, so that only the message tells. */
const MESSAGES: readonly [RegExp, FailureKind][] = [
  [/prompt was dismissed|IsLocked|interaction is not allowed|-25308/i, 'locked'],
  [/no result found/i, 'no-collection'],
  [/native binding|cannot find (package|module)/i, 'binding'],
  [/did not receive a reply|timed out/i, 'silent'],
  [/autolaunch|not provided by any|failed to connect/i, 'unavailable'],
  [/does not exist|no such (interface|object)|recipient disconnected/i, 'changed'],
  [/matched by \d+ credentials/i, 'ambiguous'],
];

/** What an error of the keychain's library means. */
export function classify(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DamagedItem) return { kind: 'damaged', message };
  const known = MESSAGES.find(([form]) => form.test(message));
  return { kind: known?.[1] ?? 'other', message };
}

/** Whether a failure is the whole keychain's: the next item would fail as well, or prompt again. */
export function concernsAll({ kind }: Failure): boolean {
  return kind !== 'damaged' && kind !== 'ambiguous' && kind !== 'other';
}
