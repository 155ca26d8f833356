import type { Entry as KeyringEntry } from '@napi-rs/keyring';
import { classify } from './failure.ts';

/** The items of the keychain that are ours, each a few bytes under an account. Blocking. */
export interface Items {
  get(account: string): Uint8Array | undefined;
  set(account: string, bytes: Uint8Array): void;
  /** Whether there was one. */
  remove(account: string): boolean;
}

const SERVICE = 'mcp-master';

/** Else the library falls back to the kernel's keyring in silence, which forgets within days. */
const OPTIONS = { linux: { store: 'secret-service' } } as const;

/**
 * The items of the operating system's keychain. Each call opens an entry of its own, since one that
 * is kept fails once the service was restarted; an entry holds a connection until it is garbage.
 */
export class KeyringItems implements Items {
  /** Entries that were opened so far. */
  opened = 0;
  readonly #Entry: typeof KeyringEntry;

  constructor(Entry: typeof KeyringEntry) {
    this.#Entry = Entry;
  }

  get(account: string): Uint8Array | undefined {
    const bytes = this.#with(account, (entry) => entry.getSecret());
    return bytes === null ? undefined : Uint8Array.from(bytes);
  }

  set(account: string, bytes: Uint8Array): void {
    this.#with(account, (entry) => entry.setSecret(bytes));
  }

  remove(account: string): boolean {
    return this.#with(account, (entry) => entry.deleteCredential());
  }

  #with<T>(account: string, use: (entry: KeyringEntry) => T): T {
    try {
      return use(this.#open(account));
    } catch (error) {
      if (classify(error).kind !== 'session') throw error;
      return use(this.#open(account));
    }
  }

  #open(account: string): KeyringEntry {
    this.opened += 1;
    return new this.#Entry(SERVICE, account, OPTIONS);
  }
}
