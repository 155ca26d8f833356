import type { Config, ServerConfig } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';
import { serverNamed } from './select.ts';

/** The server of a name, for a command that connects to it. Throws as {@link serverNamed}, and when it is disabled. */
export function enabledServer(
  name: string,
  config: Pick<Config, 'servers' | 'rejected'>,
): ServerConfig {
  const server = serverNamed(name, config);
  if (server.enabled) return server;
  throw new McpMasterError('CONFIG_INVALID', `server "${name}" is disabled`, {
    hint: 'Set "enabled" to true in its entry of the configuration.',
  });
}
