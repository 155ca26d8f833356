import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Items } from '../../src/platform/keychain/items.ts';

/**
 * Items as files, each replaced as a whole, for several processes that change parts of values at the
 * same time: gnome-keyring 42 aborts when one deletes an item that another is reading.
 */
export class FileItems implements Items {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get(account: string): Promise<Uint8Array | undefined> {
    return unlessAbsent(() => readFile(this.#fileOf(account)));
  }

  async set(account: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `.${randomUUID()}`);
    await writeFile(temporary, bytes);
    await rename(temporary, this.#fileOf(account));
  }

  async remove(account: string): Promise<boolean> {
    const removed = await unlessAbsent(() => rm(this.#fileOf(account)).then(() => true));
    return removed === true;
  }

  #fileOf(account: string): string {
    return join(this.#folder, encodeURIComponent(account));
  }
}

async function unlessAbsent<T>(use: () => Promise<T>): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
