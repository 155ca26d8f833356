import { toMcpMasterError } from '../../errors.ts';
import type { Challenge } from '../discovery/challenge.ts';
import * as json from './json.ts';
import type { StateFiles } from './state-files.ts';
import { StepUpRecords, type Vain } from './step-up-records.ts';

const FOLDER = 'challenges';
const VERSION = 1;
const WIDER = 'insufficient_scope';

const schema = json.record({
  version: json.oneOf(VERSION),
  challenge: json.record({
    error: json.optional(json.text),
    errorDescription: json.optional(json.text),
    scopes: json.optional(json.listOf(json.text)),
    resourceMetadata: json.optional(json.text),
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
  /** What is on its way to the disk counts already; undefined = it is being removed. */
  readonly #underWay = new Map<string, { text: string | undefined }>();
  /** The last of the changes of each file, which are made one after the other. None rejects. */
  readonly #changes = new Map<string, Promise<void>>();
  readonly #stepUps: StepUpRecords;

  constructor(files: StateFiles, warn: (message: string) => void) {
    this.#files = files;
    this.#warn = warn;
    this.#stepUps = new StepUpRecords(files);
  }

  /** Undefined when the server has demanded nothing since its last login. */
  get(file: string): Challenge | undefined {
    const coming = this.#underWay.get(file);
    const text = coming === undefined ? this.#files.read(FOLDER, file) : coming.text;
    if (text === undefined) return undefined;
    const data = json.parse(schema, text);
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
    this.#inBackground(this.#replace(file, text));
  }

  /** Remembers that a login is needed, where nothing is known of what for. */
  noteNeed(file: string): void {
    if (!this.has(file)) this.note(file, {});
  }

  /** Settles when everything that was noted or forgotten is so on disk, too, or can't be. */
  async flush(): Promise<void> {
    await Promise.all(this.#changes.values());
  }

  has(file: string): boolean {
    const coming = this.#underWay.get(file);
    if (coming !== undefined) return coming.text !== undefined;
    return this.#files.version(FOLDER, file) !== undefined;
  }

  /**
   * Why another login would not meet the wider scope that a server demands of a login with these
   * scopes; undefined where it may, and where nothing of that kind is demanded.
   */
  inVain(file: string, granted: readonly string[]): Vain | undefined {
    const demand = this.get(file);
    if (demand?.error !== WIDER) return undefined;
    return this.#stepUps.inVain(file, { demanded: demand.scopes ?? [], granted });
  }

  /** Forgets a demand that a request with a token has met; one for a wider scope stays. */
  clearMet(file: string): void {
    if (!this.has(file) || this.get(file)?.error === WIDER) return;
    this.#inBackground(this.#replace(file, undefined));
  }

  /**
   * Forgets a demand for the sake of a new login. Rejects when it can't be removed.
   *
   * @param granted the scopes of that login: should the server demand more all the same, it is known that a
   * login was tried. Undefined = there is no login any more, and nothing to be known of it
   */
  async clear(file: string, granted?: readonly string[]): Promise<void> {
    const demand = this.get(file);
    this.#inBackground(
      this.#inTurn(file, () =>
        granted !== undefined && demand?.error === WIDER
          ? this.#stepUps.note(file, { demanded: demand.scopes ?? [], granted })
          : this.#stepUps.clear(file),
      ),
    );
    await this.#replace(file, undefined);
  }

  /** @param text undefined = removes it */
  #replace(file: string, text: string | undefined): Promise<void> {
    const coming = { text };
    this.#underWay.set(file, coming);
    if (text === undefined) this.#written.delete(file);
    return this.#inTurn(file, async () => {
      // Another one has come after it, and counts instead.
      if (this.#underWay.get(file) !== coming) return;
      try {
        if (text === undefined) await this.#files.remove(FOLDER, file);
        else await this.#files.write(FOLDER, file, text);
      } finally {
        if (this.#underWay.get(file) === coming) this.#underWay.delete(file);
      }
    });
  }

  /**
   * Makes a change after those of the same file that came before it: a write that takes its time must not
   * bring back what was removed meanwhile. Rejects when the change fails; the next one is made all the same.
   */
  #inTurn(file: string, change: () => Promise<void>): Promise<void> {
    const before = this.#changes.get(file);
    const changing = before === undefined ? change() : before.then(change);
    const done = changing
      .catch(() => undefined)
      .finally(() => {
        if (this.#changes.get(file) === done) this.#changes.delete(file);
      });
    this.#changes.set(file, done);
    return changing;
  }

  #inBackground(changing: Promise<void>): void {
    changing.catch((error: unknown) => {
      this.#warn(`what a server demands is not up to date: ${toMcpMasterError(error).message}`);
    });
  }
}
