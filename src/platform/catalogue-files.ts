import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CatalogueStore } from '../proxy/catalogue.ts';
import { replaceFile } from './replace-file.ts';

/**
 * Catalogues as files, one for each key, readable by their owner alone: a tool's description may
 * tell more than its server should to others. Several processes may share the folder: each file is
 * replaced as a whole.
 */
export function createCatalogueFiles(cacheFolder: string, log: Logger): CatalogueStore {
  const folder = join(cacheFolder, 'catalogue');
  const fileOf = (key: string) => join(folder, `${key}.json`);
  return {
    read(key) {
      try {
        return statSync(fileOf(key)).isFile() ? readFileSync(fileOf(key), 'utf8') : undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          log.warn(`the remembered tools in ${fileOf(key)} can't be read: ${String(error)}`);
        }
        return undefined;
      }
    },
    async write(key, text) {
      try {
        await replaceFile(fileOf(key), text);
      } catch (error) {
        log.warn(`the tools can't be remembered: ${toMcpMasterError(error).message}`);
      }
    },
  };
}
