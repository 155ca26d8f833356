import type { Config, ServeSettings } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';

/** Whether calls may open the browser. Throws `CONFIG_INVALID` for an unknown `MCP_MASTER_BROWSER`. */
export function browserSetting({ env, serve }: Config): ServeSettings['browser'] {
  const named = env['MCP_MASTER_BROWSER'];
  if (named === undefined || named === '') return serve.browser;
  if (named === 'on_call' || named === 'never') return named;
  throw new McpMasterError('CONFIG_INVALID', `MCP_MASTER_BROWSER is "${named}"`, {
    hint: 'Use on_call or never.',
  });
}
