import { parseEnv } from 'node:util';
import type { Environment } from './config.ts';
import type { Lookup } from './interpolate.ts';
import { lineAt, own } from './source.ts';

/** One assignment, comment or blank line; a value in quotes may have several lines. */
const STATEMENT =
  /^[ \t]*(?:(?:export[ \t]+)?[A-Za-z_][\w.-]*[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`)?.*|#.*)?$/gm;

/** What a `.env` file says. */
export interface DotEnv {
  values: Record<string, string>;
  /** The 1-based lines that are neither an assignment nor a comment. */
  brokenLines: number[];
}

/**
 * Reads the text of a `.env` file: `NAME=value`, quotes, `export`, comments. Never throws. Broken
 * lines are taken out first, because the parser of Node 20.17 lets them swallow the next line.
 */
export function parseDotEnv(text: string): DotEnv {
  const clean = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const brokenLines: number[] = [];
  const rest = clean.replace(STATEMENT, (statement) => statement.replace(/[^\n]/g, ' '));
  const kept = clean.split('\n');
  for (const match of rest.matchAll(/\S.*/g)) {
    const line = lineAt(rest, match.index);
    brokenLines.push(line);
    kept[line - 1] = '';
  }
  const values = Object.entries(parseEnv(kept.join('\n')));
  const strings = values.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { values: Object.fromEntries(strings), brokenLines };
}

/** The process environment over the values of a `.env` file. */
export function mergeEnvironment(
  process: Environment,
  values: Environment,
  platform: string,
): Environment {
  const known = new Set(Object.keys(process).map((name) => fold(name, platform)));
  const added = Object.entries(values).filter(([name]) => !known.has(fold(name, platform)));
  return Object.fromEntries([...Object.entries(process), ...added]);
}

/** Looks variables up as the platform does: on Windows the case of a name does not matter. */
export function lookupIn(env: Environment, platform: string): Lookup {
  if (platform !== 'win32') return (name) => own(env, name);
  const folded = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [fold(name, platform), value]),
  );
  return (name) => own(folded, fold(name, platform));
}

function fold(name: string, platform: string): string {
  return platform === 'win32' ? name.toUpperCase() : name;
}
