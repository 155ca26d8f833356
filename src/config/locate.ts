import { type PlatformPath, posix, win32 } from 'node:path';
import type { Environment } from './config.ts';

/** Which configuration is wanted. */
export interface ConfigRequest {
  /** From `--config` or `MCP_MASTER_CONFIG`: absolute, relative to the working folder, or `~/…`. */
  file?: string | undefined;
  /** The configuration folder, where `config.{yaml,yml,json,jsonc}` is looked for otherwise. */
  folder: string;
}

/** The world that the loader sees. */
export interface ConfigDeps {
  /** The text of a file. Throws an error with a `code` (`ENOENT`, …) when it can't be read. */
  readFile(path: string): string;
  /** Undefined when there is no such file. */
  stat(path: string): { mode: number; uid: number } | undefined;
  env: Environment;
  /** As `process.platform`. */
  platform: string;
  cwd: string;
  homedir: string;
}

/** Where the configuration is. */
export interface Location {
  /** Absolute; undefined when there is none. */
  file: string | undefined;
  /** Where the file is, and its `.env`: the configuration folder when there is no file. */
  base: string;
  /** The configuration folder, absolute. */
  folder: string;
  /** More than one file is there, and nothing says which is meant. */
  rivals: string[];
}

const NAMES = ['config.yaml', 'config.yml', 'config.json', 'config.jsonc'];

/** The rules for paths of a platform. */
export function pathsOf(platform: string): PlatformPath {
  return platform === 'win32' ? win32 : posix;
}

/** Finds the configuration file. A file that was asked for by name need not exist. */
export function locate(request: ConfigRequest, deps: ConfigDeps): Location {
  const path = pathsOf(deps.platform);
  const folder = path.resolve(deps.cwd, request.folder);
  if (request.file !== undefined) {
    const named = request.file.replace(/^~(?=$|[/\\])/, () => deps.homedir);
    const file = path.resolve(deps.cwd, named);
    return { file, base: path.dirname(file), folder, rivals: [] };
  }
  const there = NAMES.map((name) => path.join(folder, name)).filter((file) => deps.stat(file));
  return { file: there[0], base: folder, folder, rivals: there.length > 1 ? there : [] };
}
