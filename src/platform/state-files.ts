import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Logger } from '../log.ts';
import type { StateFiles } from '../oauth/store/state-files.ts';
import { readRegularFile } from './regular-file.ts';
import { errorCode, removeAbandoned, removeFile, replaceFile } from './replace-file.ts';
import { watchFolder } from './watch-folder.ts';

const EXTENSION = '.json';

/** The files of a state folder: `<root>/<folder>/<name>.json`, mode 0600 in folders of mode 0700. */
export function createStateFiles(root: string, log: Logger): StateFiles {
  const start = join(root, sep);
  // Not joined: that takes as long as to look at the file, and each request looks at some.
  const fileOf = (folder: string, name: string) => `${start}${folder}${sep}${name}${EXTENSION}`;
  const swept = new Set<string>();
  const unlessUnreadable = <T>(path: string, use: () => T): T | undefined => {
    try {
      return use();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') log.warn(`${path} can't be read: ${String(error)}`);
      return undefined;
    }
  };
  return {
    read(folder, name) {
      const path = fileOf(folder, name);
      return unlessUnreadable(path, () => readRegularFile(path));
    },
    list(folder) {
      const path = join(root, folder);
      return unlessUnreadable(path, () => namesIn(path)) ?? [];
    },
    version: (folder, name) => versionOf(fileOf(folder, name)),
    async write(folder, name, text) {
      await replaceFile(fileOf(folder, name), text);
      if (swept.has(folder)) return;
      swept.add(folder);
      await removeAbandoned(join(root, folder));
    },
    remove: (folder, name) => removeFile(fileOf(folder, name)),
    watch: (folder, onChange) =>
      watchFolder(join(root, folder), {
        state: () => stateOf(join(root, folder)),
        onChange,
        log,
      }),
  };
}

function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(EXTENSION))
    .map((name) => name.slice(0, -EXTENSION.length))
    .sort();
}

/** Of the whole folder, for a watcher: none is like an empty one; one that can't be read is a state, too. */
function stateOf(folder: string): string {
  try {
    const files = namesIn(folder).map((name) => `${name}${EXTENSION}`);
    return files.map((file) => `${file} ${versionOf(join(folder, file))}`).join('\n');
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' ? '' : code;
  }
}

/** Each replacement is another file, so that two within one tick of the clock differ as well. */
function versionOf(path: string): string | undefined {
  try {
    // Most servers have no login, and each request asks: an error would cost ten times as much.
    const about = statSync(path, { bigint: true, throwIfNoEntry: false });
    return about && `${about.mtimeNs}-${about.ino}-${about.size}`;
  } catch {
    // Whoever then reads it is told why it can't be read.
    return undefined;
  }
}
