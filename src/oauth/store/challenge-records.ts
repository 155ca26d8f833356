import { z } from 'zod';
import { toMcpMasterError } from '../../errors.ts';
import type { Challenge } from '../discovery/challenge.ts';
import { parseJson } from './json.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'challenges';
const VERSION = 1;
const WIDER = 'insufficient_scope';

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
    const { data } = schema.safeParse(parseJson(text));
    if (data === undefined) {
      this.#warn(`what a server demanded, ${file}, can't be read and is left out`);
      return undefined;
    }
    // The schema is this type, but for members that are absent instead of undefined.
    return data.challenge as Challenge;
  }

  /** Remembers a demand. Failing to is told to the log: the request has its answer all the same. */
  note(file: string, challenge: Challenge): void {
    const text = JSON.stringify({ version: VERSION, challenge });
    if (this.#written.get(file) === text && this.has(file)) return;
    // A wider scope that was asked for is not forgotten over the next plain 401.
    if (challenge.error !== WIDER && this.get(file)?.error === WIDER) return;
    this.#written.set(file, text);
    this.#inBackground(this.#files.write(FOLDER, file, text));
  }

  /** Remembers that a login is needed, where nothing is known of what for. */
  noteNeed(file: string): void {
    if (!this.has(file)) this.note(file, {});
  }

  #inBackground(changing: Promise<unknown>): void {
    const done = changing
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#warn(`what a server demands is not up to date: ${toMcpMasterError(error).message}`);
      })
      .finally(() => this.#writing.delete(done));
    this.#writing.add(done);
  }

  /** Settles when everything that was noted is on disk, or can't get there. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  has(file: string): boolean {
    return this.#files.version(FOLDER, file) !== undefined;
  }

  /** Forgets a demand that a request with a token has met; one for a wider scope stays. */
  clearMet(file: string): void {
    if (!this.has(file) || this.get(file)?.error === WIDER) return;
    this.#written.delete(file);
    this.#inBackground(this.#files.remove(FOLDER, file));
  }

  async clear(file: string): Promise<void> {
    await this.flush();
    this.#written.delete(file);
    await this.#files.remove(FOLDER, file);
  }
}
