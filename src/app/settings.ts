import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { ConfigRequest } from '../config/locate.ts';
import { McpMasterError } from '../errors.ts';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../log.ts';
import type { Owner } from '../oauth/store/login-key.ts';
import type { Context, Folders } from './context.ts';

/** The flags that every command takes. */
export interface GlobalFlags {
  config?: string;
  profile?: string;
  logLevel?: LogLevel;
  json?: boolean;
  quiet?: boolean;
}

/** What a command begins with: the configuration and the log. Loads nothing that connections need. */
export interface Settings {
  config: Config;
  folders: Folders;
  log: Logger;
  /** Whose logins and secrets these are. */
  owner: Owner;
  /** Logs as this configuration says from now on. Throws `CONFIG_INVALID` for a level that is none. */
  useLogLevel(config: Config): void;
}

/**
 * Reads the configuration. Throws `CONFIG_INVALID` when it can't be read as a whole; a wrong entry is in
 * `config.rejected`.
 *
 * @param quietLevel the log level where neither flag nor environment names one; absent = that of the
 * configuration
 * @param brought used in place of what would be read here
 */
export async function openSettings(
  context: Context,
  flags: GlobalFlags,
  quietLevel?: LogLevel,
  brought?: Config,
): Promise<Settings> {
  const folders = context.findFolders(flags.profile);
  const { redactor } = context;
  const sink = {
    level: levelOf(flags, context.env['MCP_MASTER_LOG_LEVEL']) ?? quietLevel ?? 'info',
    write: (line: string) => void context.stderr.write(line),
    redactor,
    now: context.now,
  };
  const log = createLogger(sink);
  const config = brought ?? (await readConfig(context, flags, folders));
  for (const secret of config.secrets) redactor.add(secret);
  const useLogLevel = ({ env, serve }: Config) => {
    sink.level = levelOf(flags, env['MCP_MASTER_LOG_LEVEL']) ?? quietLevel ?? serve.logLevel;
  };
  useLogLevel(config);
  const owner = {
    ...folders,
    commandFlags: commandFlags(folders, namedFile(flags, config), context),
  };
  return { config, folders, log, owner, useLogLevel };
}

/** There is no configuration: what to do. */
export function noConfigurationError(folder: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', `there is no configuration in ${folder}`, {
    hint: 'Write config.yaml there with a list of servers, or name a file with --config.',
  });
}

/** The configuration that flag or environment names, else the user's own. Rejects as {@link loadConfig} does. */
export function readConfig(
  context: Context,
  flags: GlobalFlags,
  folders: Folders,
): Promise<Config> {
  return loadConfig(configRequest(context, flags, folders), context.files);
}

/** Which configuration {@link readConfig} reads. */
export function configRequest(
  { env }: Pick<Context, 'env'>,
  flags: GlobalFlags,
  folders: Folders,
): ConfigRequest {
  const file = flags.config || env['MCP_MASTER_CONFIG'] || undefined;
  return { file, folder: folders.config };
}

/** What a command that is shown needs so that it is about the same configuration. */
function commandFlags(
  { profile }: Folders,
  file: string | undefined,
  { platform }: Context,
): string {
  const named = file === undefined ? '' : ` --config=${quoted(file, platform)}`;
  return (profile && ` --profile=${profile}`) + named;
}

/** The file that a flag or the environment of a desktop client names: a terminal does not know it. */
function namedFile(
  { config: flag }: GlobalFlags,
  { file, env }: Pick<Config, 'file' | 'env'>,
): string | undefined {
  return flag || env['MCP_MASTER_CONFIG'] ? file : undefined;
}

/** As a shell takes it for one word, whatever is in it. */
function quoted(word: string, platform: NodeJS.Platform): string {
  if (/^[\w./:\\-]+$/.test(word)) return word;
  return platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}

function levelOf(
  { logLevel, quiet }: GlobalFlags,
  named: string | undefined,
): LogLevel | undefined {
  if (logLevel !== undefined) return logLevel;
  if (quiet === true) return 'error';
  if (named === undefined || named === '') return undefined;
  const level = LOG_LEVELS.find((known) => known === named);
  if (level !== undefined) return level;
  throw new McpMasterError('CONFIG_INVALID', `MCP_MASTER_LOG_LEVEL is "${named}"`, {
    hint: `Use one of ${LOG_LEVELS.join(', ')}.`,
  });
}
