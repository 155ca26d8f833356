import type { McpMasterError } from '../../errors.ts';

export type StoreName = 'keychain' | 'file';

/**
 * Where secrets are kept. Every method rejects with `KEYCHAIN_UNAVAILABLE`, `KEYCHAIN_LOCKED`,
 * `ENCRYPTION_KEY_INVALID`, `ENCRYPTION_KEY_WRONG` or `STORE_UNAVAILABLE` (a full disk), with a hint; none
 * waits for ever.
 */
export interface SecretStore {
  readonly name: StoreName;
  /**
   * The values of the accounts that there are, in one round; an item that is there but can't be read
   * (damaged, another key) is the error that says so, and the others are read all the same.
   */
  read(accounts: readonly string[]): Promise<Map<string, string | McpMasterError>>;
  /** Replaces the value as a whole: a reader sees the old or the new one. Read back before it resolves. */
  write(account: string, value: string): Promise<void>;
  /** Makes sure that a value of this length could be written now, and touches no other item. */
  rehearse(length: number): Promise<void>;
  /** Resolves with whether there was one. A damaged one is deleted, too. */
  delete(account: string): Promise<boolean>;
  /** Writes, reads back and deletes a value of the size of a large login (8 KB). */
  probe(): Promise<void>;
  /** Frees what it holds (a helper process), at once. */
  close(): void;
}
