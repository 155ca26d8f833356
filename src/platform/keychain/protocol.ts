import type { Failure } from './failure.ts';

/** What the keychain's helper is asked, one JSON object a line, one at a time. */
export type KeychainRequest =
  | { operation: 'read'; accounts: readonly string[] }
  | { operation: 'write'; account: string; value: string }
  | { operation: 'delete'; account: string };

/** One account of a `read`: null = there is no such item. */
export type ReadOutcome = { value: string } | { failure: Failure } | null;

/** The helper's answer, also one JSON object a line: what it did, or why the keychain refused it all. */
export type KeychainResult =
  | { values: ReadOutcome[] }
  | { written: true }
  | { deleted: boolean }
  | { failure: Failure };

/** Longest line of either side in bytes: far above any value, and far below the memory there is. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;
