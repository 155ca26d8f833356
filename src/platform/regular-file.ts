import { readFileSync, type Stats, statSync } from 'node:fs';

/** Nobody writes such a file by hand; reading it would take longer than a client waits. */
const LARGEST = 1024 * 1024;

/**
 * The text of a file. Throws `ENOTREG` for a pipe or a device, which may have no end, and `EFBIG`
 * beyond 1 MiB.
 */
export function readRegularFile(path: string): string {
  const stats = statSync(path);
  // A folder gets the system's own error, which says what it is.
  if (!stats.isFile() && !stats.isDirectory()) throw failure('ENOTREG', path);
  if (stats.size > LARGEST) throw failure('EFBIG', path);
  return readFileSync(path, 'utf8');
}

/** Undefined when there is no such file, also when a part of its path is no folder. */
export function statFile(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whether there is a folder that can be looked at: where nobody lets us look, there is none for us. */
export function isFolder(path: string): boolean {
  try {
    return statFile(path)?.isDirectory() === true;
  } catch {
    return false;
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
