import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BIN, supportProgram } from './bin.ts';

/** What a process has loaded. */
export interface Loaded {
  /** Modules of Node.js by their names, and files. */
  loaded: string[];
  /** The files of the built program among them. */
  files: string[];
  /** Those of them that came with what V8 had made of them at another start. */
  kept: string[];
  /** Whether a text is in one of these files. */
  has(text: string | RegExp): boolean;
}

/** Has a process note, for {@link readLoaded}, what it loads; `first`: up to its first output. */
export function loadHook(folder: string, first = false): Record<string, string> {
  return {
    NODE_OPTIONS: `--require ${supportProgram('load-hook.cjs')}`,
    LOAD_HOOK: join(folder, 'loaded'),
    ...(first && { LOAD_HOOK_FIRST: '1' }),
  };
}

/** What a process with {@link loadHook} has loaded until its end, or its first output. */
export async function readLoaded(folder: string, first = false): Promise<Loaded> {
  const text = await readFile(join(folder, `loaded${first ? '.first' : ''}.json`), 'utf8');
  const { loaded, kept } = JSON.parse(text) as { loaded: string[]; kept: string[] };
  const built = join(dirname(dirname(BIN)), 'dist');
  const files = loaded.filter((name) => name.startsWith(built));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const has = (part: string | RegExp) => texts.some((source) => source.search(part) >= 0);
  return { loaded, files, kept: kept.filter((name) => name.startsWith(built)), has };
}
