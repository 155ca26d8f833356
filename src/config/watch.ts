import { type ConfigDeps, type ConfigRequest, type Location, locate, pathsOf } from './locate.ts';

/** How often it is looked at, in milliseconds. */
const LOOK_MS = 400;

/** A change counts when nothing more has happened for so long: an editor may write in several steps. */
const SETTLE_MS = 200;

/** Some editors delete the file before they write it anew. */
const GONE_MS = 800;

/**
 * Tells when the configuration file, or the `.env` beside it, is another one than before: written, replaced,
 * made or gone. It goes by the text: links, network disks and folders that are replaced as a whole need no
 * care of their own. Never keeps the process alive.
 */
export class ConfigWatch {
  readonly #request: ConfigRequest;
  readonly #deps: ConfigDeps;
  #told: Look;
  /** What is there since a moment ago, and may be followed by more. */
  #latest: Look;
  #timer: NodeJS.Timeout | undefined;

  /** What is there now is no change: to be made before the configuration is read. */
  constructor(request: ConfigRequest, deps: ConfigDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#told = look(request, deps);
    this.#latest = this.#told;
  }

  /** Calls back after each change until it is stopped. */
  start(onChange: () => void): void {
    this.#later(LOOK_MS, onChange);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #later(delay: number, onChange: () => void): void {
    this.#timer = setTimeout(() => this.#compare(onChange), delay).unref();
  }

  #compare(onChange: () => void): void {
    const now = look(this.#request, this.#deps);
    const isSettled = now.text === this.#latest.text;
    this.#latest = now;
    if (!isSettled) {
      this.#later(now.isGone ? GONE_MS : SETTLE_MS, onChange);
      return;
    }
    // First, since whoever is called back may stop it.
    this.#later(LOOK_MS, onChange);
    if (now.text === this.#told.text) return;
    this.#told = now;
    onChange();
  }
}

/** What there is to be read. */
interface Look {
  text: string;
  isGone: boolean;
}

function look(request: ConfigRequest, deps: ConfigDeps): Look {
  let location: Location;
  try {
    location = locate(request, deps);
  } catch (error) {
    return { text: codeOf(error), isGone: true };
  }
  const { file, base, rivals } = location;
  const environment = pathsOf(deps.platform).join(base, '.env');
  const paths = new Set([file ?? [], rivals, environment].flat());
  const texts = [...paths].map((path) => [path, textOf(path, deps)] as const);
  // One that is empty for a moment is about to be written.
  const isGone = texts.every(([path, found]) => path !== file || !found.text);
  return { text: JSON.stringify(texts), isGone };
}

/** The text, or why there is none: who loads the configuration says so. */
function textOf(path: string, { readFile }: ConfigDeps): { text?: string; code?: string } {
  try {
    return { text: readFile(path) };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
