import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Rest, SignInRecords } from '../oauth/store/sign-in-records.ts';

/** What {@link SignInNotes} work with. */
export interface SignInNotesDeps {
  records: SignInRecords;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
}

/** What processes note for each other about asking somebody to log in. */
export class SignInNotes {
  readonly #file: string;
  readonly #deps: SignInNotesDeps;

  constructor(file: string, deps: SignInNotesDeps) {
    this.#file = file;
    this.#deps = deps;
  }

  /** Others ask nobody for the same login, unless nobody can be asked here. */
  async shown(isShown: boolean): Promise<void> {
    const { records } = this.#deps;
    const record = records.get(this.#file);
    if (record.invitation === undefined || (record.isShown ?? false) === isShown) return;
    await this.#put({ ...record, isShown });
  }

  /** The person has said no to a login that another process makes: nobody asks then. */
  async refused(code: string): Promise<void> {
    const { records, now } = this.#deps;
    await this.#put({ ...records.get(this.#file), rest: { code, since: now() } });
  }

  /**
   * Whether somebody was asked in vain: not who was not asked, nor whose client has gone.
   *
   * @param asked whether somebody was asked here; undefined = not by this process
   */
  restAfter(thrown: unknown, asked: boolean | undefined, before: Rest | undefined) {
    const { records, now } = this.#deps;
    const { code } = toMcpMasterError(thrown);
    const { invitation, isShown, rest } = records.get(this.#file);
    if (code === 'INTERRUPTED' || invitation === undefined) return rest ?? before;
    // The browser may not have opened; but who says no has been asked, however that was.
    const wasAsked = (asked ?? isShown === true) || code === 'ACCESS_DENIED';
    return wasAsked ? { code, since: now() } : (rest ?? before);
  }

  async #put(record: Parameters<SignInRecords['put']>[1]): Promise<void> {
    const { records, log } = this.#deps;
    await records.put(this.#file, record).catch((error: unknown) => {
      const { message }: McpMasterError = toMcpMasterError(error);
      log.warn(`other clients may ask for the same login: ${message}`);
    });
  }
}
