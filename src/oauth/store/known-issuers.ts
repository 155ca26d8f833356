import * as v from 'valibot';
import { parseJson } from './json.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'issuers';
const VERSION = 1;

const schema = v.object({ version: v.literal(VERSION), issuer: v.string() });

/**
 * The authorization server that a configured client was first used at. A server could name another
 * one later, to be sent the client's secret; that is known beyond a logout.
 */
export class KnownIssuers {
  readonly #files: StateFiles;

  constructor(files: StateFiles) {
    this.#files = files;
  }

  /** Undefined before the first login, or when the record can't be read. */
  get(file: string): string | undefined {
    const text = this.#files.read(FOLDER, file);
    return text === undefined ? undefined : parseJson(schema, text)?.issuer;
  }

  async put(file: string, issuer: string): Promise<void> {
    if (this.get(file) === issuer) return;
    await this.#files.write(FOLDER, file, JSON.stringify({ version: VERSION, issuer }));
  }
}
