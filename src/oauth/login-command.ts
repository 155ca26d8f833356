import { McpMasterError } from '../errors.ts';

/** What a person types to log in. `commandFlags`: what stands behind it, such as ` --profile=work`. */
export function loginCommand(server: string, commandFlags = ''): string {
  return `mcp-master auth login --server=${server}${commandFlags}`;
}

/** The error for a server whose calls need a login, with the command that makes one. */
export function loginRequired(
  server: string,
  message: string,
  { cause, commandFlags }: { cause?: unknown; commandFlags?: string } = {},
): McpMasterError {
  return new McpMasterError('LOGIN_REQUIRED', message, {
    hint: `Log in: ${loginCommand(server, commandFlags)}`,
    cause,
  });
}
