import type { OAuthSettings } from '../../config/config.ts';
import type { ErrorCode, McpMasterError } from '../../errors.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { endpointError } from './endpoint-errors.ts';
import type { Refusal } from './endpoint-post.ts';

type GrantName = NonNullable<OAuthSettings['grant']>;

const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['access_denied', 'ACCESS_DENIED'],
  ['invalid_scope', 'INVALID_SCOPE'],
  ['expired_token', 'LOGIN_TIMEOUT'],
]);

const HINTS: ReadonlyMap<string, string> = new Map([
  ['access_denied', 'Log in again and allow the access, or ask who manages the account.'],
  [
    'invalid_scope',
    'Check `scopes` or --scope; without them, those that the server names are asked for.',
  ],
  ['invalid_target', 'Set `resource` to what the provider knows, or to false.'],
  ['expired_token', 'Start the login again, and enter the new code before it expires.'],
]);

/** What `invalid_grant` means for a login. */
const SPENT: Partial<Record<GrantName, string>> = {
  authorization_code:
    'Log in again: the code was used before, has expired, or is for another redirect URI.',
  device_code: 'Log in again: the code was used before, or has expired.',
};

/** What has to be switched on at the provider: `unauthorized_client`, `unsupported_grant_type`. */
const GRANT_NAMES: Partial<Record<GrantName, string>> = {
  device_code: 'device code',
  client_credentials: 'client credentials',
};

/**
 * The error for a token request of a login (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2):
 * `ACCESS_DENIED`, `INVALID_SCOPE`, `LOGIN_TIMEOUT`, else `TOKEN_REQUEST_FAILED`.
 */
export function tokenError(
  refusal: Refusal,
  client: ClientRegistration,
  grant: GrantName = 'authorization_code',
): McpMasterError {
  const { error = '' } = refusal;
  const code = CODES.get(error) ?? 'TOKEN_REQUEST_FAILED';
  const spent = error === 'invalid_grant' ? SPENT[grant] : undefined;
  const hint = HINTS.get(error) ?? spent ?? grantHint(refusal, grant);
  return endpointError(code, refusal, hint ?? clientHint(refusal, client));
}

/**
 * The error for a refresh (RFC 6749 §6): `REFRESH_REJECTED` when the server says that the refresh
 * token is good for nothing any more (`invalid_grant`), else `REFRESH_FAILED`: it may still be good.
 */
export function refreshError(refusal: Refusal, client: ClientRegistration): McpMasterError {
  const { error = '', status = 0 } = refusal;
  if (error === 'invalid_grant' && status < 500 && status !== 429) {
    return endpointError('REFRESH_REJECTED', refusal, 'Log in again: mcp-master auth login.');
  }
  const hint = clientHint(refusal, client) ?? 'Try again; if it stays so, log in again.';
  return endpointError('REFRESH_FAILED', refusal, hint);
}

/**
 * The error for a token that a client renews with its own credentials: always `REFRESH_FAILED`, since
 * nothing that is stored is to blame.
 */
export function renewalError(refusal: Refusal, client: ClientRegistration): McpMasterError {
  const { error = '' } = refusal;
  const hint =
    grantHint(refusal, 'client_credentials') ??
    (error === 'access_denied' ? undefined : HINTS.get(error)) ??
    configuredHint(client);
  return endpointError('REFRESH_FAILED', refusal, hint);
}

function grantHint({ error = '' }: Refusal, grant: GrantName): string | undefined {
  const name = GRANT_NAMES[grant];
  if (name === undefined) return undefined;
  if (!['unauthorized_client', 'unsupported_grant_type'].includes(error)) return undefined;
  return `Allow the client the grant of ${name} at the provider, or take \`grant\` out of its auth_config: then the login goes through a browser.`;
}

function clientHint(
  { error = '', status }: Refusal,
  client: ClientRegistration,
): string | undefined {
  if (!['invalid_client', 'unauthorized_client'].includes(error) && status !== 401)
    return undefined;
  switch (client.source) {
    case 'configured':
      return configuredHint(client);
    case 'metadata_document':
      return 'Check the document at `client_metadata_url`, and that the server can read it.';
    case 'dynamic':
      return 'Log in with --force, which registers a new client.';
  }
}

function configuredHint({ authMethod }: ClientRegistration): string {
  return authMethod === 'private_key_jwt'
    ? 'Check `client_id` and `private_key`, and that the provider has its public key.'
    : 'Check `client_id`, `client_secret` and `token_endpoint_auth_method`.';
}
