import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Config, Problem } from './config.ts';
import { DEFAULT_SERVE } from './defaults.ts';
import { type ConfigDeps, type ConfigRequest, locate } from './locate.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** What `config check` shows. */
export interface ConfigCheck {
  /** Absolute; undefined when there is no configuration file, or more than one. */
  file: string | undefined;
  /** Undefined when the file is of no use as a whole; `problems` then says why. */
  config: Config | undefined;
  /** Errors and warnings, in the order of the file. */
  problems: Problem[];
}

/**
 * Loads the configuration. Wrong entries are left out and named in `rejected`; with no file at all
 * the result has no servers. Rejects with a `CONFIG_INVALID` that names file, line and what was
 * expected when a named file is missing, or when the file can't be used as a whole.
 */
export async function loadConfig(request: ConfigRequest, deps: ConfigDeps): Promise<Config> {
  const { file, config, problems } = await checkConfig(request, deps);
  if (config) return config;
  const errors = problems.filter(({ level }) => level === 'error');
  const message = errors.map((problem) => describe(file, problem)).join('\n');
  const hint = errors.find((problem) => problem.hint !== undefined)?.hint;
  throw new McpMasterError('CONFIG_INVALID', message, { hint });
}

/**
 * The same, but with every problem as data, also those for which {@link loadConfig} rejects. Rejects
 * only with an `INTERNAL` error, for a fault of the program.
 */
export async function checkConfig(request: ConfigRequest, deps: ConfigDeps): Promise<ConfigCheck> {
  const location = locate(request, deps);
  const { file, rivals } = location;
  if (rivals.length > 0) return unusable(undefined, several(rivals));
  try {
    const surroundings = readSurroundings(location, deps);
    if (file === undefined) return withoutFile(surroundings);
    // Checking costs more to load than all the rest: not without a file.
    const { assemble } = await import('./assemble.ts');
    return { file, ...(await assemble(file, surroundings, deps)) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw toMcpMasterError(error);
    return unusable(file, 'the file is nested too deeply');
  }
}

/** `config.yaml:3: message`, as one line of an error's text. */
function describe(file: string | undefined, { line, message }: Problem): string {
  if (file === undefined) return message;
  return line === undefined ? `${file}: ${message}` : `${file}:${line}: ${message}`;
}

function several(rivals: string[]): string {
  return `there are several configuration files, expected one (or --config): ${rivals.join(', ')}`;
}

function unusable(file: string | undefined, message: string): ConfigCheck {
  const problem: Problem = {
    level: 'error',
    code: 'CONFIG_INVALID',
    path: '',
    line: undefined,
    message,
    hint: file === undefined ? 'Keep one of them, or name one with --config.' : undefined,
  };
  return { file, config: undefined, problems: [problem] };
}

function withoutFile({ env, folder, secrets, problems }: Surroundings): ConfigCheck {
  const config: Config = {
    file: undefined,
    folder,
    servers: [],
    rejected: [],
    problems,
    serve: { ...DEFAULT_SERVE },
    tokens: { store: undefined },
    masterOauth: undefined,
    secretRefs: [],
    secrets,
    env,
  };
  return { file: undefined, config, problems };
}
