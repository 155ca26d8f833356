import type { ServerConfig } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';
import { loginCommand, loginRequired } from '../oauth/login-command.ts';
import { shownUrl } from '../oauth/shown.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { LoginEntry } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';

/** Whose request was refused, and the record of the login that it was sent with; undefined = none. */
export interface RefusedRequest {
  server: ServerConfig;
  key: LoginKey;
  entry: LoginEntry | undefined;
  /** Whether its login needs no person. */
  unattended: boolean;
  /** Why its token can't be renewed at the moment. */
  setback: McpMasterError | undefined;
  challenges: Pick<ChallengeRecords, 'inVain'>;
}

/** A refusal in terms of logins: what it means for a person, and the command that helps. */
export function explainRefusal(error: McpMasterError, refused: RefusedRequest): McpMasterError {
  const { server, key, entry, setback } = refused;
  const { message, cause, code } = error;
  const { commandFlags } = key;
  if (code === 'UNAUTHORIZED' && error.status === 401) {
    if (setback !== undefined) return notRenewed(error, setback);
    if (refused.unattended) return clientRefused(error, refused);
    const what =
      entry === undefined
        ? `it needs a login: ${message}`
        : `it refused the login that is stored: ${message}; sent was ${tokenOf(entry)}`;
    return loginRequired(server.name, what, { cause, commandFlags });
  }
  if (code !== 'INSUFFICIENT_SCOPE') return error;
  return new McpMasterError(code, message, { hint: stepUpHint(refused), cause });
}

/** The same of the master's login: a server that does not accept its token is not helped by another one. */
export function explainMaster(error: McpMasterError, refused: RefusedRequest): McpMasterError {
  const { key, entry, setback } = refused;
  const { message, cause, code, status } = error;
  const command = loginCommand(key.server, key.commandFlags);
  if (code === 'UNAUTHORIZED' && status === 401) {
    if (setback !== undefined) return notRenewed(error, setback);
    if (entry === undefined) {
      return loginRequired(key.server, `the master has no login: ${message}`, { cause, ...key });
    }
    const what = `it refused the master's token: ${message}; sent was ${tokenOf(entry)}`;
    return new McpMasterError(code, what, {
      hint: `Check that this server accepts tokens of that issuer, and \`audience\`, \`resource\` and \`scopes\` of the root's master_oauth; after a change: ${command}`,
      ...{ cause, status },
    });
  }
  if (code !== 'INSUFFICIENT_SCOPE') return error;
  return new McpMasterError(code, message, {
    hint: `Add the scopes to \`scopes\` of the root's master_oauth, and log in again: ${command}`,
    ...{ cause, status },
  });
}

/** A refusal of what is no login: a token from elsewhere, a header, an API key. */
export function explainFixed(
  error: McpMasterError,
  { endpoint }: Pick<ServerConfig, 'endpoint'>,
): McpMasterError {
  const { code, message, cause, status } = error;
  if (code !== 'UNAUTHORIZED' || status !== 401 || endpoint.kind === 'stdio') return error;
  const { auth } = endpoint;
  const told = (what: string, hint: string) =>
    new McpMasterError(code, `${what}: ${message}`, { hint, cause, status });
  switch (auth.strategy) {
    case 'master_oauth':
      return told(
        "it refused the master's token, MCP_MASTER_TOKEN",
        'Set MCP_MASTER_TOKEN to a token that this server accepts, or unset it to use the login of the master.',
      );
    case 'proxy_oauth':
      return told(
        `it refused the token of ${auth.oauth.tokenSource}`,
        'Renew it where it comes from; where it is unset, the login of this server is used instead.',
      );
    case 'bypass_auth':
      return told(
        'it wants a credential, and bypass_auth sends none',
        'Choose another `auth_strategy`, or take it out, so that a login is found.',
      );
    default:
      return told(
        'it refused the credential of the configuration',
        'Check the header or the API key of its entry; a stored one is changed by `mcp-master secret set`.',
      );
  }
}

/** The way to a wider scope (MCP specification, "Step-Up Authorization Flow"), as long as there is one. */
function stepUpHint({ server, key, entry, unattended, challenges }: RefusedRequest): string {
  const vain = entry && challenges.inVain(key.file, entry.scopes);
  if (unattended) {
    if (vain === 'granted') {
      return 'Ask whoever runs the server what the client may do there: its token has the scopes that it asks for.';
    }
    return 'Add the scopes that it asks for to `scopes` in its auth_config, if the client may have them.';
  }
  switch (vain) {
    case 'granted':
      return 'Ask whoever runs the server what your account may do there: another login is of no use, since this one has the scopes that it asks for.';
    case 'refused':
      return 'Ask whoever runs the server to give your account the scopes: another login is of no use, since the last ones asked for them and did not get them.';
    default:
      return `Log in again for the scopes that it asks for: ${loginCommand(server.name, key.commandFlags)}`;
  }
}

/** Another token might have been accepted, and needs no person but a moment. */
function notRenewed({ message }: McpMasterError, setback: McpMasterError): McpMasterError {
  const { code, message: why, hint } = setback;
  const what = `it refused the token, which can not be renewed now: ${why} (${message})`;
  return new McpMasterError(code, what, { hint, cause: setback });
}

/** Nobody logs in there: what the client gets without a person is what it gets. */
function clientRefused(
  { code, message, cause, status }: McpMasterError,
  { entry }: RefusedRequest,
): McpMasterError {
  const sent = entry === undefined ? '' : `; sent was ${tokenOf(entry)}`;
  return new McpMasterError(
    code,
    `it refused the token of the configured client: ${message}${sent}`,
    {
      hint: 'Check `client_id`, `scopes` and `resource` in its auth_config, and what the client may do there.',
      ...{ cause, status },
    },
  );
}

/** An access token without its text. */
function tokenOf({ issuer, scopes, expiresAt }: LoginEntry): string {
  const granted = scopes.length === 0 ? 'no scopes' : `the scopes ${scopes.join(' ')}`;
  const life =
    expiresAt === undefined
      ? 'of unknown life'
      : `good until ${new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z')}`;
  return `an access token of ${shownUrl(issuer)} with ${granted}, ${life}`;
}
