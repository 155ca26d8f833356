import { randomUUID } from 'node:crypto';
// By this name Node.js loads them when they are first used.
import { promises as files } from 'node:fs';
import { dirname, join } from 'node:path';
import { promises as timers } from 'node:timers';
import { McpMasterError } from '../errors.ts';

/** Windows refuses to replace a file that another program, often a virus scanner, looks at. */
const BUSY = new Set(['EPERM', 'EBUSY', 'EACCES']);
const RENAME_WAITS_MS = [10, 30, 100, 300];

const TEMPORARY = '.tmp';

/** A writer that lives is done long before. */
const ABANDONED_MS = 3_600_000;

/**
 * Replaces a file as a whole, on the disk when it resolves: whoever reads it, and whoever starts
 * after a power cut, finds the old or the new text. Mode 0600, in a folder that is made with 0700.
 * Rejects with {@link fileError}; the old file is intact then. Not by the package `write-file-atomic`, which on a
 * full disk replaces the file by the part of the new text that still fitted, and reports no error.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}${TEMPORARY}`;
  try {
    await files.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeNew(temporary, text);
    await renameOver(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw fileError(path, 'written', error);
  }
}

/** Removes what killed writers have left behind in a folder. Never rejects: it is tried again another time. */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await files.readdir(folder).catch(() => []);
  for (const name of names.filter((file) => file.endsWith(TEMPORARY))) {
    const path = join(folder, name);
    const about = await files.stat(path).catch(() => undefined);
    const isAbandoned = about !== undefined && Date.now() - about.mtimeMs > ABANDONED_MS;
    if (isAbandoned) await removeIfThere(path);
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await files.open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Renames over what is there, with patience for Windows. */
export async function renameOver(from: string, to: string): Promise<void> {
  for (const wait of RENAME_WAITS_MS) {
    try {
      await files.rename(from, to);
      return;
    } catch (error) {
      if (!BUSY.has(errorCode(error))) throw error;
      await timers.setTimeout(wait);
    }
  }
  await files.rename(from, to);
}

/** For a temporary file: why it was not finished says more than why it can't be removed. */
async function removeIfThere(path: string): Promise<void> {
  await files.rm(path, { force: true }).catch(() => undefined);
}

/** Removes a file. Resolves with whether there was one; rejects with {@link fileError}. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await files.rm(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw fileError(path, 'removed', error);
  }
}

const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOSPC: ['the disk is full', 'Free some space, then try again.'],
  EDQUOT: ['your quota of the disk is used up', 'Free some space, then try again.'],
  EROFS: ['the disk is read-only', 'Set MCP_MASTER_HOME to a folder that you can write to.'],
  EACCES: ['permission denied', 'Make its folder yours, or set MCP_MASTER_HOME to one that is.'],
  EPERM: ['not permitted', 'Make its folder yours, or set MCP_MASTER_HOME to one that is.'],
  ENOTDIR: ['a part of its path is no folder', 'Move away what is there in place of a folder.'],
  EEXIST: ['a part of its path is no folder', 'Move away what is there in place of a folder.'],
  EISDIR: ['there is a folder in its place', 'Move that folder away.'],
};

/** `STORE_UNAVAILABLE` for a file that could not be `written`, `read`, …, with the reason and the way out. */
export function fileError(path: string, done: string, error: unknown): McpMasterError {
  const code = errorCode(error);
  const [reason, hint] = REASONS[code] ?? [String(error), 'Check the disk and the folder.'];
  const shown = code === '' ? reason : `${reason} (${code})`;
  return new McpMasterError('STORE_UNAVAILABLE', `${path} can't be ${done}: ${shown}`, {
    hint,
    cause: error,
  });
}

/** The system's name of an error, such as `ENOENT`; '' when it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
