import type { Config, Environment, OAuthSettings } from '../config/config.ts';

/** Which configuration is wanted. All of it may be left out. */
export interface LoadOptions {
  /** Default: `MCP_MASTER_CONFIG`, else `config.{yaml,yml,json,jsonc}` in the user's folder. */
  file?: string;
  /** Default: `MCP_MASTER_PROFILE`, else none. */
  profile?: string;
  /** In place of the environment of the process. */
  env?: Environment;
}

/** A configuration, and how it was asked for. */
export interface LoadedConfig extends Config {
  /** The same as `masterOauth`, under its name in the file. */
  master_oauth: OAuthSettings | undefined;
  /** A server with this configuration has its logins where these options lead. */
  request: LoadOptions;
}

/**
 * Loads the configuration as `mcp-master serve` does: wrong entries are left out and named in
 * `rejected`, and without any file there are no servers. Rejects with a `CONFIG_INVALID` that names
 * file, line and what was expected when the file can't be used as a whole.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { readConfig } = await import('../app/settings.ts');
  const { openContext } = await import('./open-context.ts');
  const { context, flags } = openContext(options);
  const config = await readConfig(context, flags, context.findFolders(flags.profile));
  return { ...config, master_oauth: config.masterOauth, request: options };
}
