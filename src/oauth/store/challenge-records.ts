import { z } from 'zod';
import { toMcpMasterError } from '../../errors.ts';
import type { Challenge } from '../discovery/challenge.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'challenges';
const VERSION = 1;

const schema = z.object({
  version: z.literal(VERSION),
  challenge: z.object({
    error: z.string().optional(),
    errorDescription: z.string().optional(),
    scopes: z.array(z.string()).optional(),
    resourceMetadata: z.string().optional(),
  }),
});

/**
 * What each server last demanded. Kept on disk, since the next login may happen in another process,
 * and since a server that was asked again need not repeat what it said about one tool.
 */
export class ChallengeRecords {
  readonly #files: StateFiles;
  readonly #warn: (message: string) => void;
  /** What was written last, so that a server that refuses each request costs one write. */
  readonly #written = new Map<string, string>();
  readonly #writing = new Set<Promise<void>>();

  constructor(files: StateFiles, warn: (message: string) => void) {
    this.#files = files;
    this.#warn = warn;
  }

  /** Undefined when the server has demanded nothing since its last login. */
  get(file: string): Challenge | undefined {
    const text = this.#files.read(FOLDER, file);
    if (text === undefined) return undefined;
    try {
      // The schema is this type, but for members that are absent instead of undefined.
      return schema.parse(JSON.parse(text)).challenge as Challenge;
    } catch {
      this.#warn(`what a server demanded, ${file}, can't be read and is left out`);
      return undefined;
    }
  }

  /** Remembers a demand. Failing to is told to the log: the request has its answer all the same. */
  note(file: string, challenge: Challenge): void {
    const text = JSON.stringify({ version: VERSION, challenge });
    if (this.#written.get(file) === text && this.has(file)) return;
    this.#written.set(file, text);
    const writing = this.#files
      .write(FOLDER, file, text)
      .catch((error: unknown) => {
        this.#warn(`what the server demands is not remembered: ${toMcpMasterError(error).message}`);
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Settles when everything that was noted is on disk, or can't get there. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  has(file: string): boolean {
    return this.#files.version(FOLDER, file) !== undefined;
  }

  async clear(file: string): Promise<void> {
    await this.flush();
    this.#written.delete(file);
    await this.#files.remove(FOLDER, file);
  }
}
