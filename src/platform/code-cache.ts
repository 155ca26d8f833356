import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Script } from 'node:vm';

/** A file that was not written for so long belongs to a Node.js or a program that is gone. */
const FORGOTTEN_MS = 90 * 24 * 3_600_000;

const DIGEST_BYTES = 32;

/**
 * What V8 made of the program's sources, kept in a file from one start to the next: to parse and compile
 * them again, function by function, is a quarter of what a start takes. (`module.enableCompileCache` of
 * Node.js 22 keeps what is compiled at once, and not what is compiled when it is first called: it saves
 * a third as much.)
 *
 * What is kept is looked up by the digest of its source, V8 refuses what another V8 has made, and the
 * file has a digest of its own, since V8 trusts whatever bytes it gets. It is used only where nobody but
 * this user can have written it. Whatever is wrong with it, the program is compiled as if it were not there.
 */
export class CodeCache {
  readonly #file: string | undefined;
  readonly #kept: Map<string, Buffer>;
  readonly #fresh = new Map<string, Script>();
  /** Whether what was kept is of this program, and not of one that it has replaced. */
  #isSameProgram: boolean | undefined;

  /** `file`: undefined = nothing is kept. */
  constructor(file: string | undefined) {
    this.#file = file;
    this.#kept = file === undefined ? new Map() : readKept(file);
  }

  /** What was kept of a source with this {@link digestOf}. The first that is asked for is the program's entry. */
  find(digest: string): Buffer | undefined {
    const found = this.#kept.get(digest);
    this.#isSameProgram ??= found !== undefined;
    return found;
  }

  /** Notes a script that had to be compiled: it is kept with what has been called of it when this is saved. */
  add(digest: string, script: Script): void {
    this.#fresh.set(digest, script);
  }

  /** Writes the file if there is anything new. Never throws: without it, the next start takes as long as this one. */
  save(): void {
    if (this.#file === undefined || this.#fresh.size === 0) return;
    if (this.#isSameProgram !== true) this.#kept.clear();
    this.#isSameProgram = true;
    for (const [digest, script] of this.#fresh) this.#kept.set(digest, script.createCachedData());
    this.#fresh.clear();
    try {
      writeKept(this.#file, [...this.#kept]);
    } catch {
      // A full disk, or a folder that can't be written to: said where something is lost by it.
    }
  }
}

/** The digest of a source, and what V8 made of it. */
type Kept = [digest: string, data: Buffer];

/** The SHA-256 digest, in hex, under which what is made of a source is kept. */
export function digestOf(source: Buffer): string {
  return sha256(source).toString('hex');
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Digest of the rest, length of the index, index as JSON: [digest, length] of each, and the data in that order. */
function writeKept(file: string, entries: Kept[]): void {
  const index = Buffer.from(
    JSON.stringify(entries.map(([digest, data]) => [digest, data.length] as const)),
  );
  const size = Buffer.alloc(4);
  size.writeUInt32LE(index.length);
  const content = Buffer.concat([size, index, ...entries.map(([, data]) => data)]);
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  removeForgotten(folder);
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, Buffer.concat([sha256(content), content]), { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function removeForgotten(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const about = statSync(path, { throwIfNoEntry: false });
    const isForgotten = about?.isFile() && Date.now() - about.mtimeMs > FORGOTTEN_MS;
    if (isForgotten) rmSync(path);
  }
}

function readKept(file: string): Map<string, Buffer> {
  try {
    return takeApart(readOwn(file));
  } catch {
    // Not there yet, cut off, or made by somebody else: the program is compiled anew, and kept anew.
    return new Map();
  }
}

function takeApart(bytes: Buffer): Map<string, Buffer> {
  const content = bytes.subarray(DIGEST_BYTES);
  if (!sha256(content).equals(bytes.subarray(0, DIGEST_BYTES))) throw new Error('damaged');
  let at = 4 + content.readUInt32LE();
  // The digest proves that this is what was written.
  const index = JSON.parse(content.toString('utf8', 4, at)) as [string, number][];
  return new Map(
    index.map(([digest, length]) => {
      at += length;
      return [digest, content.subarray(at - length, at)];
    }),
  );
}

/** Rejects what is no file of this user's own: it would be run. */
function readOwn(file: string): Buffer {
  // A pipe in its place would be waited for. Windows has no such flag, and no such pipes.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const about = fstatSync(descriptor);
    if (!about.isFile() || !isOwn(about)) throw new Error('not ours');
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** On Windows, the folders of a user are closed to others. */
function isOwn({ uid, mode }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || (uid === user && (mode & 0o022) === 0);
}
