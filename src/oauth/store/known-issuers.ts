import * as json from './json.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'issuers';
const VERSION = 1;

const schema = json.record({ version: json.oneOf(VERSION), issuer: json.text });

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
    return text === undefined ? undefined : json.parse(schema, text)?.issuer;
  }

  async put(file: string, issuer: string): Promise<void> {
    if (this.get(file) === issuer) return;
    await this.#files.write(FOLDER, file, JSON.stringify({ version: VERSION, issuer }));
  }
}
