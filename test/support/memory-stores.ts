import { McpMasterError } from '../../src/errors.ts';
import type { HeldLock, LockOptions, Locks } from '../../src/oauth/store/locks.ts';
import type { SecretStore, StoreName } from '../../src/oauth/store/secret-store.ts';
import type { StateFiles } from '../../src/oauth/store/state-files.ts';

/** A token store in memory for unit tests, which touch no keychain and no disk. */
export class MemoryStore implements SecretStore {
  readonly name: StoreName;
  readonly items = new Map<string, string>();
  /** Accounts that can't be read. */
  readonly damaged = new Set<string>();
  /** How often it was asked for anything. */
  calls = 0;
  /** What every call rejects with from now on. */
  failure: McpMasterError | undefined;

  constructor(name: StoreName) {
    this.name = name;
  }

  async read(accounts: readonly string[]): Promise<Map<string, string | McpMasterError>> {
    this.#count();
    const found = new Map<string, string | McpMasterError>();
    for (const account of accounts) {
      const value = this.items.get(account);
      if (value !== undefined) found.set(account, value);
      if (this.damaged.has(account)) found.set(account, new McpMasterError('INTERNAL', 'damaged'));
    }
    return found;
  }

  async write(account: string, value: string): Promise<void> {
    this.#count();
    this.items.set(account, value);
  }

  rehearse(length: number): Promise<void> {
    return this.write('rehearsal', '0'.repeat(length));
  }

  async delete(account: string): Promise<boolean> {
    this.#count();
    return this.items.delete(account);
  }

  async probe(): Promise<void> {
    this.#count();
  }

  close(): void {}

  #count(): void {
    this.calls += 1;
    if (this.failure !== undefined) throw this.failure;
  }
}

/** State files in memory; a change is told to those who watch at once. */
export function memoryFiles(): StateFiles & { texts: Map<string, string> } {
  const texts = new Map<string, string>();
  const versions = new Map<string, number>();
  const watchers = new Set<[string, () => void]>();
  const at = (folder: string, name: string) => `${folder}/${name}`;
  const changed = (folder: string, name: string) => {
    versions.set(at(folder, name), (versions.get(at(folder, name)) ?? 0) + 1);
    for (const [watched, onChange] of watchers) if (watched === folder) onChange();
  };
  return {
    texts,
    read: (folder, name) => texts.get(at(folder, name)),
    list: (folder) =>
      [...texts.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
    version: (folder, name) =>
      texts.has(at(folder, name)) ? String(versions.get(at(folder, name))) : undefined,
    write: async (folder, name, text) => {
      texts.set(at(folder, name), text);
      changed(folder, name);
    },
    remove: async (folder, name) => {
      const there = texts.delete(at(folder, name));
      changed(folder, name);
      return there;
    },
    watch: (folder, onChange) => {
      const watcher: [string, () => void] = [folder, onChange];
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** Locks of one process, for unit tests. */
export class MemoryLocks implements Locks {
  /** The one who holds each lock; `over` settles when it is free for the next. */
  readonly #turns = new Map<
    string,
    { held: boolean; isOver: boolean; over: Promise<void>; end(): void }
  >();

  async hold<T>(
    name: string,
    work: (lock: HeldLock) => Promise<T>,
    { signal, onWait }: LockOptions = {},
  ): Promise<T> {
    const before = this.#turns.get(name);
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const turn = { held: true, isOver: false, over, end };
    this.#turns.set(name, turn);
    if (before?.isOver === false) onWait?.();
    await before?.over;
    try {
      signal?.throwIfAborted();
      return await work({ isHeld: () => turn.held });
    } finally {
      turn.isOver = true;
      turn.end();
    }
  }

  /** Takes every lock away from its holder, as happens to a process that is suspended for long. */
  loseAll(): void {
    for (const turn of this.#turns.values()) {
      turn.held = false;
      turn.end();
    }
  }
}
