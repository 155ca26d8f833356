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
 * The items of the operating system's keychain; a call blocks the thread. An entry holds a connection
 * until it is collected as garbage, which is therefore asked for now and then. Until then an entry is
 * used again: gnome-keyring 42 may abort when a connection is opened while it is busy with others.
 */
export class KeyringItems implements Items {
  readonly #Entry: typeof KeyringEntry;
  readonly #collectGarbage: () => void;
  readonly #entries = new Map<string, KeyringEntry>();
  /** Entries that may still hold a connection. */
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
    for (let tries = 1; ; tries++) {
      const used = this.#entries.get(account);
      try {
        return use(used ?? (await this.#add(account)));
      } catch (error) {
        this.#entries.delete(account);
        const { kind } = classify(error);
        // One that is kept fails once the service was restarted, in many words.
        const worthwhile = kind === 'changed' || (used !== undefined && kind === 'other');
        if (!worthwhile || tries === MOST_TRIES) throw error;
      }
    }
  }

  async #add(account: string): Promise<KeyringEntry> {
    if (this.#open >= MOST_OPEN) await this.#release();
    this.#open += 1;
    const entry = new this.#Entry(SERVICE, account, OPTIONS);
    this.#entries.set(account, entry);
    return entry;
  }

  async #release(): Promise<void> {
    this.#entries.clear();
    this.#collectGarbage();
    // What is collected gives up its connection in the next turn of the event loop.
    await nextTurn();
    this.#open = 0;
  }
}
