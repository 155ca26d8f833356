import type { MultiAuthManager } from '../auth/multi-auth-manager.ts';
import type { ConnectDeps } from '../backend/connect.ts';
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../log.ts';
import type { Fetch } from '../oauth/fetch.ts';
import type { Context } from './context.ts';
import { type CredentialOptions, type Credentials, openCredentials } from './credentials.ts';
import { type GlobalFlags, noConfigurationError, openSettings, type Settings } from './settings.ts';

/** What a command works with: the configuration, the log, and the doors to the servers. */
export interface Workspace extends Settings {
  connectDeps: ConnectDeps;
  /** For requests to authorization servers. */
  fetch: Fetch;
  credentials: Credentials;
  /** The same under another configuration, with connections and stores of its own. */
  reopen(config: Config): Workspace;
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

/**
 * Reads the configuration and opens what the commands need. Throws as {@link openSettings} does.
 *
 * @param quietLevel as there
 * @param brought used in place of what would be read or made here
 */
export async function openWorkspace(
  context: Context,
  flags: GlobalFlags,
  quietLevel?: LogLevel,
  brought: { config?: Config | undefined; manager?: MultiAuthManager | undefined } = {},
): Promise<Workspace> {
  const settings = await openSettings(context, flags, quietLevel, brought.config);
  return furnish(context, settings, brought.manager);
}

/** Opens what connections need beside the settings. */
export function furnish(
  context: Context,
  settings: Settings,
  manager?: MultiAuthManager,
): Workspace {
  const { folders, owner, log } = settings;
  const open = (config: Config): Workspace => ({
    ...settings,
    ...assemble(context, config, { folders, owner, log, manager }),
    reopen: open,
  });
  return open(settings.config);
}

/** The connections and stores of one configuration. */
function assemble(
  context: Context,
  config: Config,
  { folders, owner, log, manager }: Omit<CredentialOptions, 'fetch'>,
): Omit<Workspace, 'reopen' | keyof Settings> & Pick<Workspace, 'config'> {
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
  return { config, connectDeps, fetch, credentials, close };
}

/** Where commands are found although the PATH that a desktop client hands on lacks these folders. */
function commandFolders({ platform, homedir, nodeFolder, folderExists }: Context): string[] {
  const home = ['.local/bin', '.cargo/bin', '.bun/bin', '.deno/bin'];
  const shared = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin'];
  const posix = [...shared, ...home.map((folder) => `${homedir}/${folder}`)];
  return [nodeFolder, ...(platform === 'win32' ? [] : posix)].filter(folderExists);
}
