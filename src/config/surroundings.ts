import type { Environment, Problem } from './config.ts';
import { isCredentialName } from './credentials.ts';
import { mergeEnvironment, parseDotEnv } from './environment.ts';
import { type ConfigDeps, type Location, pathsOf } from './locate.ts';
import { own } from './source.ts';

/** Environment variables of the program itself that are credentials. */
const OWN_SECRETS = ['MCP_MASTER_TOKEN', 'OAUTH_ENCRYPTION_KEY'];

/** Variables whose value is where a secret is, and none itself. */
const NAMES_A_PLACE = /_(FILE|PATH|DIR|URL)$/i;

/** What surrounds a configuration file. */
export interface Surroundings {
  /** The process environment over what the `.env` file adds to it. */
  env: Environment;
  /** Where relative paths of the configuration start. */
  base: string;
  /** The configuration folder. */
  folder: string;
  /** Credentials of the environment that are known by their names. */
  secrets: string[];
  /** What is wrong with the `.env` file: warnings, since the process environment may do. */
  problems: Problem[];
}

/** Reads the `.env` file beside the configuration, if there is one, below the process environment. */
export function readSurroundings({ base, folder }: Location, deps: ConfigDeps): Surroundings {
  const file = pathsOf(deps.platform).join(base, '.env');
  const stat = deps.stat(file);
  const problems: Problem[] = [];
  const values = stat ? readValues(file, deps, problems) : {};
  const credentials = Object.entries(values).filter(
    ([name, value]) => value !== '' && isCredentialName(name) && !NAMES_A_PLACE.test(name),
  );
  if (stat && credentials.length > 0 && isReadableByOthers(stat.mode, deps.platform)) {
    problems.push(exposed(file));
  }
  const env = mergeEnvironment(deps.env, values, deps.platform);
  const ownSecrets = OWN_SECRETS.map((name) => own(env, name)).filter(
    (value) => value !== undefined,
  );
  return {
    env,
    base,
    folder,
    secrets: [...new Set([...credentials.map(([, value]) => value), ...ownSecrets])],
    problems,
  };
}

/** Whether others than the owner may read a file (POSIX permissions; Windows has none). */
export function isReadableByOthers(mode: number, platform: string): boolean {
  return platform !== 'win32' && (mode & 0o077) !== 0;
}

/** The warning about a file with secrets that others may read. */
export function exposed(file: string): Problem {
  return warning(`other users may read ${file}, which has secrets in it`, `Run: chmod 600 ${file}`);
}

function readValues(file: string, deps: ConfigDeps, problems: Problem[]): Record<string, string> {
  try {
    const { values, brokenLines } = parseDotEnv(deps.readFile(file));
    for (const line of brokenLines) {
      const message = `${file}:${line}: expected NAME=value, the line is left out`;
      problems.push(warning(message, 'Put a value with line breaks in double quotes.'));
    }
    return values;
  } catch {
    problems.push(warning(`${file} can't be read, and is left out`, 'Check its rights.'));
    return {};
  }
}

function warning(message: string, hint: string): Problem {
  return { level: 'warning', code: 'CONFIG_INVALID', path: '', line: undefined, message, hint };
}
