import * as json from './json.ts';
import type { StateFiles } from './state-files.ts';

const FOLDER = 'step-ups';
const VERSION = 1;

/** Logins for the same wider scope, one after the other, after which another one is not worth a try. */
export const MOST_STEP_UPS = 3;

const schema = json.record({
  version: json.oneOf(VERSION),
  scopes: json.listOf(json.text),
  logins: json.number,
});

/** A demand for a wider scope, and the login that should have met it. */
export interface StepUp {
  /** Empty = the server did not say which. */
  demanded: readonly string[];
  granted: readonly string[];
}

/** Why another login is of no use: it has the scopes, or the last ones asked for them and got them not. */
export type Vain = 'granted' | 'refused';

/**
 * How often logins were made for a wider scope in vain (MCP specification, "Step-Up Authorization Flow":
 * clients should limit their tries). Kept on disk, since each login may happen in another process.
 */
export class StepUpRecords {
  readonly #files: StateFiles;

  constructor(files: StateFiles) {
    this.#files = files;
  }

  /** Why another login would not meet the demand; undefined where it may. */
  inVain(file: string, { demanded, granted }: StepUp): Vain | undefined {
    if (isMet({ demanded, granted })) return 'granted';
    return this.#triesOf(file, demanded) >= MOST_STEP_UPS ? 'refused' : undefined;
  }

  /** Hears of a login that was made for a demand. */
  async note(file: string, { demanded, granted }: StepUp): Promise<void> {
    if (isMet({ demanded, granted })) return this.clear(file);
    const logins = this.#triesOf(file, demanded) + 1;
    const text = JSON.stringify({ version: VERSION, scopes: demanded, logins });
    await this.#files.write(FOLDER, file, text);
  }

  /** Hears of a login that nobody had to make for a wider scope, or that there is none any more. */
  async clear(file: string): Promise<void> {
    if (this.#files.version(FOLDER, file) !== undefined) await this.#files.remove(FOLDER, file);
  }

  /** One that can't be read counts as none: then a person may try once more. */
  #triesOf(file: string, demanded: readonly string[]): number {
    const data = json.parse(schema, this.#files.read(FOLDER, file) ?? '');
    if (data === undefined) return 0;
    const isSame = includesAll(data.scopes, demanded) && includesAll(demanded, data.scopes);
    return isSame ? data.logins : 0;
  }
}

/** Of a demand that names no scopes nobody knows. */
function isMet({ demanded, granted }: StepUp): boolean {
  return demanded.length > 0 && includesAll(granted, demanded);
}

function includesAll(scopes: readonly string[], others: readonly string[]): boolean {
  return others.every((scope) => scopes.includes(scope));
}
