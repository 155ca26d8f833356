import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Entry as KeyringEntry } from '@napi-rs/keyring';
import { classify } from './failure.ts';

/** The items of the keychain that are ours, each a few bytes under an account. */
export interface Items {
  get(account: string): Promise<Uint8Array | undefined>;
  set(account: string, bytes: Uint8Array): Promise<void>;
  /** Whether there was one. */
  remove(account: string): Promise<boolean>;
}

const SERVICE = 'mcp-master';

/** Else the library falls back to the kernel's keyring in silence, which forgets within days. */
const OPTIONS = { linux: { store: 'secret-service' } } as const;

/** A session bus allows a user 256 connections by default, for all programs together. */
const MOST_OPEN = 8;

/** How often a call is made that fails because other processes change the same item. */
const MOST_TRIES = 3;

/**
 * The items of the operating system's keychain; a call blocks the thread. Each opens an entry of its
 * own, since one that is kept fails once the service was restarted; and an entry holds a connection
 * until it is collected as garbage, which is therefore asked for.
 */
export class KeyringItems implements Items {
  readonly #Entry: typeof KeyringEntry;
  readonly #collectGarbage: () => void;
  #open = 0;

  constructor(Entry: typeof KeyringEntry, collectGarbage: () => void) {
    this.#Entry = Entry;
    this.#collectGarbage = collectGarbage;
  }

  async get(account: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#with(account, (entry) => entry.getSecret());
    return bytes === null ? undefined : Uint8Array.from(bytes);
  }

  async set(account: string, bytes: Uint8Array): Promise<void> {
    await this.#with(account, (entry) => entry.setSecret(bytes));
  }

  remove(account: string): Promise<boolean> {
    return this.#with(account, (entry) => entry.deleteCredential());
  }

  async #with<T>(account: string, use: (entry: KeyringEntry) => T): Promise<T> {
    if (this.#open >= MOST_OPEN) await this.#release();
    for (let tries = 1; ; tries++) {
      try {
        return use(this.#entry(account));
      } catch (error) {
        if (classify(error).kind !== 'changed' || tries === MOST_TRIES) throw error;
      }
    }
  }

  #entry(account: string): KeyringEntry {
    this.#open += 1;
    return new this.#Entry(SERVICE, account, OPTIONS);
  }

  async #release(): Promise<void> {
    this.#collectGarbage();
    // What is collected gives up its connection in the next turn of the event loop.
    await nextTurn();
    this.#open = 0;
  }
}
