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
