import { hash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
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
/** Whoever writes is done long before. */
const ABANDONED_MS = 3_600_000;

/** Our files: a command, the version of Node.js and the processor, a digest; and what ends those that are being written. */
const OURS = /^[a-z-]+-v[\d.]+[\w.-]*-\w+-[\da-f]{12}$/;
const WRITING = /\.[\da-f]{8}-[\da-f-]{27}$/;

/** The first runs of a command are not like those that follow: each of so many adds what it has called. */
const RUNS = 5;

/** Ours have less than a hundredth of it, in bytes. */
const LARGEST = 100 * 1024 * 1024;

const DIGEST_BYTES = 32;

/** What was made of a program: how many runs have added to it, and by the digests of the sources what V8 made of each. */
interface Kept {
  runs: number;
  data: Map<string, Buffer>;
}

/**
 * What V8 made of the program's sources, kept in a file from one start to the next: to parse and compile
 * them again, function by function, is a quarter of what a start takes. (`module.enableCompileCache` of
 * Node.js 22 keeps what is compiled at once, and not what is compiled when it is first called: it saves
 * a third as much.)
 *
 * V8 checks that it is of the same version, flags and length of the source, and trusts all else. So the name of the file
 * stands for one build of Node.js and its options (see {@link codeFile}), the file has a digest of its own, what is in it is
 * looked up by the digest of its source, and it is read only where nobody but this user can have written it.
 */
export class CodeCache {
  readonly #file: string;
  #kept: Kept;
  /** The scripts of this process, by the digests of their sources. */
  readonly #scripts = new Map<string, Script>();
  /** Whether one of them was compiled since the file was read or written. */
  #isGrown = false;
  /** Whether what was kept is of this program, and not of one that it has replaced. */
  #isSameProgram: boolean | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#kept = readKept(file);
  }

  /** What was kept of a source with this {@link digestOf}. The first that is asked for is the program's entry. */
  find(digest: string): Buffer | undefined {
    const found = this.#kept.data.get(digest);
    this.#isSameProgram ??= found !== undefined;
    return found;
  }

  /** Notes a script; what has been called of it is kept when this is saved. `isNew`: it had to be compiled. */
  add(digest: string, script: Script, isNew: boolean): void {
    this.#scripts.set(digest, script);
    this.#isGrown ||= isNew;
  }

  /** Writes the file if there is anything new. Never throws: without it, the next start takes as long as this one. */
  save(): void {
    const { runs, data: before } = this.#isSameProgram === true ? this.#kept : nothing();
    if (!this.#isGrown && runs >= RUNS) return;
    this.#isGrown = false;
    try {
      writeOwn(this.#file, () => {
        const made = [...this.#scripts].map(
          ([digest, script]) => [digest, script.createCachedData()] as const,
        );
        this.#kept = { runs: Math.min(runs + 1, RUNS), data: new Map([...before, ...made]) };
        this.#isSameProgram = true;
        return putTogether(this.#kept);
      });
    } catch {
      // A full disk, or a folder that can't be written to: said where something is lost by it.
    }
  }
}

/**
 * The file for what a command calls: another one for each build of Node.js, each place of the program and all options,
 * since what V8 makes under one of these is of no use under another, or worse.
 */
export function codeFile(folder: string, command: string): string {
  const { execPath, execArgv, version, versions, arch, env } = process;
  const about = statSync(execPath, { throwIfNoEntry: false });
  const build = [
    execPath,
    about?.size,
    about?.mtimeMs,
    versions.v8,
    execArgv,
    env['NODE_OPTIONS'],
    __dirname,
  ];
  const digest = hash('sha256', JSON.stringify(build)).slice(0, 12);
  return join(folder, `${command}-${version}-${arch}-${digest}`);
}

/** The SHA-256 digest, in hex, under which what is made of a source is kept. */
export function digestOf(source: Buffer): string {
  return hash('sha256', source);
}

function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** Digest of the rest, length of the index, index as JSON (runs, then digest and length of each), the data in that order. */
function putTogether({ runs, data }: Kept): Buffer {
  const sizes = [...data].map(([digest, bytes]) => [digest, bytes.length] as const);
  const index = Buffer.from(JSON.stringify([runs, sizes]));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(index.length);
  const content = Buffer.concat([size, index, ...data.values()]);
  return Buffer.concat([sha256(content), content]);
}

function takeApart(bytes: Buffer): Kept {
  const content = bytes.subarray(DIGEST_BYTES);
  if (!sha256(content).equals(bytes.subarray(0, DIGEST_BYTES))) throw new Error('damaged');
  let at = 4 + content.readUInt32LE();
  // The digest proves that this is what was written.
  const [runs, sizes] = JSON.parse(content.toString('utf8', 4, at)) as [number, [string, number][]];
  const data = sizes.map(([digest, length]): [string, Buffer] => {
    at += length;
    return [digest, content.subarray(at - length, at)];
  });
  return { runs, data: new Map(data) };
}

function readKept(file: string): Kept {
  try {
    return takeApart(readOwn(file));
  } catch {
    // Not there yet, cut off, or made by somebody else: the program is compiled anew, and kept anew.
    return nothing();
  }
}

function nothing(): Kept {
  return { runs: 0, data: new Map() };
}

/** Throws for what is no file of this user's own in a folder of their own: it would be run. */
function readOwn(file: string): Buffer {
  if (!isOwn(lstatSync(dirname(file)))) throw new Error('not our folder');
  // No link is followed, and no pipe waited for. Windows has no such flags.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const about = fstatSync(descriptor);
    if (!about.isFile() || !isOwn(about) || about.size > LARGEST) throw new Error('not ours');
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Replaces a file as a whole. `make` is called when there is a place for it. */
function writeOwn(file: string, make: () => Buffer): void {
  const folder = dirname(file);
  makeOwnFolder(folder);
  const temporary = `${file}.${randomUUID()}`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    try {
      writeFileSync(descriptor, make());
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  removeForgotten(folder);
}

/**
 * Throws where others own what it would be made in, since under `sudo` a user's folders would become root's; and where
 * more is missing than our own two levels.
 */
function makeOwnFolder(folder: string): void {
  const missing: string[] = [];
  let existing = folder;
  while (statSync(existing, { throwIfNoEntry: false }) === undefined) {
    if (missing.length === 2) throw new Error('not there');
    missing.unshift(existing);
    existing = dirname(existing);
  }
  if (!isMine(statSync(existing))) throw new Error('not our folder');
  // One by one: where nothing can be made, as in /proc, `recursive` never ends.
  for (const path of missing) mkdirSync(path, { mode: 0o700 });
}

/** Whether it is this user's, and nobody else may write it. On Windows, the folders of a user are closed to others. */
function isOwn(about: Stats): boolean {
  return isMine(about) && (process.platform === 'win32' || (about.mode & 0o022) === 0);
}

function isMine({ uid }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

function removeForgotten(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!OURS.test(name.replace(WRITING, ''))) continue;
    const path = join(folder, name);
    const { mtimeMs = Date.now() } = lstatSync(path, { throwIfNoEntry: false }) ?? {};
    const limit = WRITING.test(name) ? ABANDONED_MS : FORGOTTEN_MS;
    if (Date.now() - mtimeMs > limit) rmSync(path, { force: true, recursive: true });
  }
}
