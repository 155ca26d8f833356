import { canonical } from './fingerprint.ts';
import { type KeySet, normalKey, spellings } from './keys.ts';
import { type FindingOptions, type Findings, formatPath } from './problems.ts';
import type { Path, Raw, RawObject } from './source.ts';
import { didYouMean } from './suggest.ts';

/**
 * One part of a file (a server's entry, the root's blocks) while it is read: knows where each key of
 * the normal form stands in the file, so that findings name what the user wrote.
 */
export class Section {
  /** Values that are stored secrets, by their paths in the normal form. */
  readonly secretRefs: { path: Path; name: string }[] = [];
  readonly #findings: Findings;
  readonly #base: Path;
  readonly #places = new Map<string, Path>();
  readonly #unresolved = new Set<string>();

  constructor(findings: Findings, base: Path) {
    this.#findings = findings;
    this.#base = base;
    this.#places.set(JSON.stringify([]), base);
  }

  get failed(): boolean {
    return this.#findings.failed;
  }

  /** The path in the file of a path in the normal form. */
  place(path: Path): Path {
    for (let length = path.length; length >= 0; length--) {
      const start = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (start) return [...start, ...path.slice(length)];
    }
    return path;
  }

  /** Notes that a key of the normal form has another path in the file. */
  setPlace(path: Path, place: Path): void {
    this.#places.set(JSON.stringify(path), place);
  }

  /** The key path as the user wrote it, from the start of this section. */
  label(path: Path): string {
    return formatPath(this.place(path).slice(this.#base.length));
  }

  /** Notes that the value at a path could not be found out: further findings about it are noise. */
  setUnresolved(path: Path): void {
    this.#unresolved.add(JSON.stringify(path));
  }

  /** Whether a value at a path, or one below it, could not be found out. */
  isUnresolved(path: Path): boolean {
    if (this.#unresolved.size === 0) return false;
    const start = JSON.stringify(path).slice(0, -1);
    return [...this.#unresolved].some(
      (item) => item === `${start}]` || item.startsWith(`${start},`),
    );
  }

  error(path: Path, message: string, options?: FindingOptions): void {
    this.#findings.error(this.place(path), this.#labelled(path, message), options);
  }

  warn(path: Path, message: string, options?: FindingOptions): void {
    this.#findings.warn(this.place(path), this.#labelled(path, message), options);
  }

  /**
   * The mapping at `path` with its keys in their normal spelling. Warns of unknown ones, unless
   * `misplaced` has reported them; two spellings of one key with different values are an error.
   */
  rename(
    path: Path,
    raw: RawObject,
    keys: KeySet,
    misplaced: (key: string, value: Raw) => boolean = () => false,
  ): RawObject {
    // As nearly all are written: no key is unknown, and none is there under two names.
    const isNormal = Object.keys(raw).every((key) => keys.known.includes(key));
    return isNormal ? { ...raw } : this.#renamed(path, raw, keys, misplaced);
  }

  #renamed(
    path: Path,
    raw: RawObject,
    keys: KeySet,
    misplaced: (key: string, value: Raw) => boolean,
  ): RawObject {
    const place = this.place(path);
    const written = new Map<string, string>();
    const values = new Map<string, Raw>();
    for (const [key, value] of Object.entries(raw)) {
      const normal = normalKey(key, keys);
      const before = written.get(normal);
      if (!keys.known.includes(normal)) {
        if (!misplaced(key, value)) this.#unknown([...place, key], key, keys);
      } else if (before === undefined) {
        written.set(normal, key);
        values.set(normal, value);
        this.setPlace([...path, normal], [...place, key]);
      } else if (meaning(normal, values.get(normal)) !== meaning(normal, value)) {
        const message = `"${before}" and "${key}" mean the same and have different values`;
        this.#findings.error([...place, key], message, { hint: `Keep one of them.` });
      }
    }
    return Object.fromEntries(values);
  }

  #unknown(place: Path, key: string, keys: KeySet): void {
    const label = formatPath(place.slice(this.#base.length));
    this.#findings.warn(place, `${label}: this key is not known and has no effect`, {
      hint: didYouMean(key, spellings(keys)),
    });
  }

  #labelled(path: Path, message: string): string {
    const label = this.label(path);
    return label === '' ? message : `${label}: ${message}`;
  }
}

/** Equal for values that mean the same: the transports have several spellings of their values too. */
function meaning(key: string, value: Raw | undefined): string {
  if (key !== 'transport' || typeof value !== 'string') return canonical(value ?? null);
  return value.toLowerCase().replace(/[-_]/g, '').replace('streamablehttp', 'http');
}
