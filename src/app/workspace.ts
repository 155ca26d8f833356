import type { MultiAuthManager } from '../auth/multi-auth-manager.ts';
import type { ConnectDeps } from '../backend/connect.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { ConfigRequest } from '../config/locate.ts';
import { McpMasterError } from '../errors.ts';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../log.ts';
import type { Fetch } from '../oauth/fetch.ts';
import type { Owner } from '../oauth/store/login-key.ts';
import type { Context, Folders } from './context.ts';
import { type CredentialOptions, type Credentials, openCredentials } from './credentials.ts';

/** The flags that every command takes. */
export interface GlobalFlags {
  config?: string;
  profile?: string;
  logLevel?: LogLevel;
  json?: boolean;
  quiet?: boolean;
}

/** What a command works with: the configuration, the log, and the doors to the servers. */
export interface Workspace {
  config: Config;
  folders: Folders;
  log: Logger;
  connectDeps: ConnectDeps;
  /** For requests to authorization servers. */
  fetch: Fetch;
  credentials: Credentials;
  /** Whose logins and secrets these are. */
  owner: Owner;
  /** The same under another configuration, with connections and stores of its own. */
  reopen(config: Config): Workspace;
  /** Logs as this configuration says from now on. Throws `CONFIG_INVALID` for a level that is none. */
  useLogLevel(config: Config): void;
  /** Frees what connections and stores hold, and settles when nothing is left to be written. */
  close(): Promise<void>;
}

/** A workspace for a command that is of no use without a configuration. */
export async function openConfigured(
  context: Context,
  flags: GlobalFlags,
  quietLevel: LogLevel = 'error',
): Promise<Workspace> {
  const workspace = await openWorkspace(context, flags, quietLevel);
  if (workspace.config.file === undefined) throw noConfigurationError(workspace.config.folder);
  return workspace;
}

/** There is no configuration: what to do. */
export function noConfigurationError(folder: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', `there is no configuration in ${folder}`, {
    hint: 'Write config.yaml there with a list of servers, or name a file with --config.',
  });
}

/**
 * Reads the configuration and opens what the commands need. Throws `CONFIG_INVALID` when it can't be
 * read as a whole; a wrong entry is in `config.rejected`.
 *
 * @param quietLevel the log level where neither flag nor environment names one; absent = that of the
 * configuration
 * @param brought used in place of what would be read or made here
 */
export async function openWorkspace(
  context: Context,
  flags: GlobalFlags,
  quietLevel?: LogLevel,
  brought: { config?: Config | undefined; manager?: MultiAuthManager | undefined } = {},
): Promise<Workspace> {
  const folders = context.findFolders(flags.profile);
  const { redactor } = context;
  const sink = {
    level: levelOf(flags, context.env['MCP_MASTER_LOG_LEVEL']) ?? quietLevel ?? 'info',
    write: (line: string) => void context.stderr.write(line),
    redactor,
    now: context.now,
  };
  const log = createLogger(sink);
  const config = brought.config ?? (await readConfig(context, flags, folders));
  for (const secret of config.secrets) redactor.add(secret);
  const useLogLevel = ({ env, serve }: Config) => {
    sink.level = levelOf(flags, env['MCP_MASTER_LOG_LEVEL']) ?? quietLevel ?? serve.logLevel;
  };
  useLogLevel(config);
  const owner = {
    ...folders,
    commandFlags: commandFlags(folders, namedFile(flags, config), context),
  };
  const options = { folders, owner, log, manager: brought.manager };
  const open = (other: Config): Workspace => ({
    ...assemble(context, other, options),
    ...{ reopen: open, useLogLevel },
  });
  return open(config);
}

/** The connections and stores of one configuration. */
function assemble(
  context: Context,
  config: Config,
  { folders, owner, log, manager }: Omit<CredentialOptions, 'fetch'>,
): Omit<Workspace, 'reopen' | 'useLogLevel'> {
  const { redactor } = context;
  const http = context.createHttp(config.env, log);
  const fetch = context.createFetch(http);
  const credentials = openCredentials(context, config, { folders, owner, fetch, log, manager });
  const connectDeps: ConnectDeps = {
    spawn: context.spawn,
    http,
    surroundings: {
      env: context.env,
      platform: context.platform,
      commandFolders: commandFolders(context),
    },
    readSecret: (name) => credentials.secrets.read(name),
    auth: credentials.auth,
    log,
    redact: (text) => redactor.redact(text),
    now: context.now,
  };
  const close = async () => {
    await credentials.auth.settled();
    credentials.stores.close();
    http.close();
    await Promise.all([credentials.challenges.flush(), credentials.records.flush()]);
  };
  return { config, folders, log, connectDeps, fetch, credentials, owner, close };
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

/** Where commands are found although the PATH that a desktop client hands on lacks these folders. */
function commandFolders({ platform, homedir, nodeFolder, folderExists }: Context): string[] {
  const home = ['.local/bin', '.cargo/bin', '.bun/bin', '.deno/bin'];
  const shared = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin'];
  const posix = [...shared, ...home.map((folder) => `${homedir}/${folder}`)];
  return [nodeFolder, ...(platform === 'win32' ? [] : posix)].filter(folderExists);
}
