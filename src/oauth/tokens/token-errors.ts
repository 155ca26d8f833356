import type { ErrorCode, McpMasterError } from '../../errors.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { endpointError } from './endpoint-errors.ts';
import type { Refusal } from './endpoint-post.ts';

const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['access_denied', 'ACCESS_DENIED'],
  ['invalid_scope', 'INVALID_SCOPE'],
]);

const CLIENT_HINTS = {
  configured: 'Check `client_id`, `client_secret` and `token_endpoint_auth_method`.',
  metadata_document:
    'Check the document at `client_metadata_url`, and that the server can read it.',
  dynamic: 'Log in with --force, which registers a new client.',
};

/**
 * The error for a token request of a login (RFC 6749 §5.2, RFC 8707 §2): `ACCESS_DENIED`,
 * `INVALID_SCOPE`, else `TOKEN_REQUEST_FAILED`.
 */
export function tokenError(refusal: Refusal, { source }: ClientRegistration): McpMasterError {
  const { error = '', status } = refusal;
  const code = CODES.get(error) ?? 'TOKEN_REQUEST_FAILED';
  return endpointError(code, refusal, loginHint(error) ?? clientHint(error, status, source));
}

/**
 * The error for a refresh (RFC 6749 §6): `REFRESH_REJECTED` when the server says that the refresh
 * token is good for nothing any more (`invalid_grant`), else `REFRESH_FAILED`: it may still be good.
 */
export function refreshError(refusal: Refusal, { source }: ClientRegistration): McpMasterError {
  const { error = '', status = 0 } = refusal;
  if (error === 'invalid_grant' && status < 500 && status !== 429) {
    return endpointError('REFRESH_REJECTED', refusal, 'Log in again: mcp-master auth login.');
  }
  const hint = clientHint(error, status, source) ?? 'Try again; if it stays so, log in again.';
  return endpointError('REFRESH_FAILED', refusal, hint);
}

function loginHint(error: string): string | undefined {
  switch (error) {
    case 'access_denied':
      return 'Log in again and allow the access, or ask who manages the account.';
    case 'invalid_scope':
      return 'Check `scopes` or --scope; without them, those that the server names are asked for.';
    case 'invalid_target':
      return 'Set `resource` to what the provider knows, or to false.';
    case 'invalid_grant':
      return 'Log in again: the code was used before, has expired, or is for another redirect URI.';
    default:
      return undefined;
  }
}

function clientHint(
  error: string,
  status: number | undefined,
  source: ClientRegistration['source'],
): string | undefined {
  const refused = ['invalid_client', 'unauthorized_client'].includes(error) || status === 401;
  return refused ? CLIENT_HINTS[source] : undefined;
}
