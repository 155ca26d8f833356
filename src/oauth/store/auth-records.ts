import { type McpMasterError, toMcpMasterError } from '../../errors.ts';
import { excerpt } from '../shown.ts';
import {
  type AuthRecord,
  emptyPart,
  joinParts,
  parseRecord,
  type RecordPart,
  serialiseRecord,
  withoutFuture,
} from './auth-record.ts';
import type { Locks } from './locks.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'records';

/** What is worth seeing at once is written this much later, together with what comes meanwhile. */
const SOON_MS = 200;
/** But not more often than this: some servers refuse every request. */
const PAUSE_MS = 2000;
/** What changes with each request is written once in this time. */
const SELDOM_MS = 60_000;

/** Whoever holds the lock only writes a file. */
const PATIENCE_MS = 5000;

/** What {@link AuthRecords} works with. */
export interface AuthRecordsDeps {
  files: StateFiles;
  locks: Locks;
  /** Milliseconds since the epoch. */
  now(): number;
  warn(message: string): void;
  /** Masks secrets. */
  redact(text: string): string;
}

/**
 * How the authentication at each server goes: a file each, without a secret, for `auth status` and
 * `doctor`. What happens is noted at once and written in the background, added to what other processes
 * have written; it keeps no process alive. Nothing here fails a request: what can't be written is told
 * to the log, once, and kept for the next time.
 */
export class AuthRecords {
  readonly #deps: AuthRecordsDeps;
  /** What is not on disk yet, by name. */
  #pending = new Map<string, RecordPart>();
  /** The code of the failure that each record has, as far as it is from here. */
  readonly #failing = new Map<string, string>();
  #writing: Promise<void> | undefined;
  #timer: { handle: NodeJS.Timeout; at: number } | undefined;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #warned = false;

  constructor(deps: AuthRecordsDeps) {
    this.#deps = deps;
  }

  /** What is on disk; undefined when nothing is, or when it can't be read, which the log is told. */
  get(name: string): AuthRecord | undefined {
    const stored = this.#read(name);
    if (stored === undefined) return undefined;
    const { wellAt: _, ...record } = stored;
    return record;
  }

  /** A credential is sent. Costs next to nothing. */
  used(name: string): void {
    this.#part(name).lastUsedAt = this.#deps.now();
    this.#writeWithin(SELDOM_MS);
  }

  /** The login was renewed: what failed before does not count any more. */
  refreshed(name: string): void {
    this.#part(name).refreshes += 1;
    this.#well(name);
    this.#writeWithin(PAUSE_MS);
  }

  /** The server has answered 401. */
  refused(name: string): void {
    this.#part(name).refusals += 1;
    this.#writeWithin(PAUSE_MS);
  }

  /** The authentication has failed; the same again is not worth a write of its own. */
  failed(name: string, { code, message, status, oauthError }: McpMasterError): void {
    const part = this.#part(name);
    const at = Math.max(this.#deps.now(), part.wellAt ?? 0);
    const shown = excerpt(this.#deps.redact(message));
    part.lastError = { at, code, message: shown, status, oauthError };
    this.#writeWithin(this.#failing.get(name) === code ? SELDOM_MS : PAUSE_MS);
    this.#failing.set(name, code);
  }

  /** It works: what failed before does not count any more. Costs a look at the file. */
  succeeded(name: string): void {
    const pending = this.#pending.get(name);
    const isNews =
      pending?.lastError !== undefined ||
      this.#writing !== undefined ||
      this.#read(name)?.lastError !== undefined;
    if (!isNews && pending === undefined) return;
    this.#well(name);
    this.#writeWithin(isNews ? PAUSE_MS : SELDOM_MS);
  }

  /** Settles when all that was noted is on disk, or can't get there. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#pending.size > 0) await this.#writeAll();
  }

  /** Forgets a server. A record that can't be removed is told to the log. */
  async remove(name: string): Promise<void> {
    await this.#writing;
    this.#pending.delete(name);
    this.#failing.delete(name);
    const { files, locks } = this.#deps;
    if (files.version(FOLDER, name) === undefined) return;
    try {
      const patience = { patienceMs: PATIENCE_MS };
      await locks.hold(lockName(name), () => files.remove(FOLDER, name), patience);
    } catch (error) {
      this.#deps.warn(`a record stays where it is: ${toMcpMasterError(error).message}`);
    }
  }

  /** What this process has to add to a record. */
  #part(name: string): RecordPart {
    let part = this.#pending.get(name);
    if (part === undefined) {
      part = emptyPart();
      this.#pending.set(name, part);
    }
    return part;
  }

  #well(name: string): void {
    const part = this.#part(name);
    const now = this.#deps.now();
    const { at = 0 } = part.lastError ?? this.#read(name)?.lastError ?? {};
    // What happens within one millisecond has an order, too.
    part.wellAt = at < now ? now : now + 1;
    part.lastError = undefined;
    this.#failing.delete(name);
  }

  /** Sees to it that all is written soon, but at least `pause` after the last time. */
  #writeWithin(pause: number): void {
    const now = this.#deps.now();
    // A clock that was set back must not put it off for long.
    const wait = Math.min(Math.max(this.#lastWrite + pause - now, SOON_MS), pause);
    const at = now + wait;
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at) return;
      clearTimeout(this.#timer.handle);
    }
    this.#timer = { at, handle: setTimeout(() => void this.#writeAll(), wait).unref() };
  }

  /** Everything that is pending, after what is being written. Never rejects. */
  #writeAll(): Promise<void> {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
    const writing = (this.#writing ?? Promise.resolve()).then(async () => {
      const batch = this.#pending;
      this.#pending = new Map();
      this.#lastWrite = this.#deps.now();
      await Promise.all([...batch].map(([name, part]) => this.#write(name, part)));
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #write(name: string, part: RecordPart): Promise<void> {
    try {
      await this.#add(name, part);
      this.#warned = false;
    } catch (error) {
      const newer = this.#pending.get(name) ?? emptyPart();
      this.#pending.set(name, joinParts(part, newer));
      if (this.#warned) return;
      this.#warned = true;
      const why = toMcpMasterError(error).message;
      this.#deps.warn(`the records of the authentication are not up to date: ${why}`);
    }
  }

  /** Adds to what is on disk, which another process may be changing as well. */
  #add(name: string, part: RecordPart): Promise<void> {
    const { files, locks, now } = this.#deps;
    const patience = { patienceMs: PATIENCE_MS };
    return locks.hold(
      lockName(name),
      async (lock) => {
        const stored = withoutFuture(this.#read(name) ?? emptyPart(), part, now());
        // Suspended for long: somebody else may have added to it meanwhile.
        if (!lock.isHeld()) return this.#add(name, part);
        await files.write(FOLDER, name, serialiseRecord(joinParts(stored, part)));
      },
      patience,
    );
  }

  #read(name: string): RecordPart | undefined {
    const text = this.#deps.files.read(FOLDER, name);
    if (text === undefined) return undefined;
    const record = parseRecord(text);
    if (record === undefined) {
      this.#deps.warn(`the record ${name} is damaged or of a newer version, and is left out`);
    }
    return record;
  }
}

function lockName(name: string): string {
  return `record-${name}`;
}
