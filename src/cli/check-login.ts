import type { Context } from '../app/context.ts';
import {
  errorText,
  type FoundStatus,
  type LoginState,
  statusOf,
  wantsLogin,
} from '../app/login-status.ts';
import type { Workspace } from '../app/workspace.ts';
import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { MASTER } from '../config/master.ts';
import { fillSecrets } from '../config/secrets.ts';
import { type ErrorCode, McpMasterError, toMcpMasterError } from '../errors.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import { countTools } from './own-backend.ts';

/** The status of a server that was asked. */
export interface CheckedStatus extends FoundStatus {
  /** The sentence in `status.next`; undefined where a command mends it, or nothing is to be mended. */
  advice?: string | undefined;
}

/**
 * The status of a server with what it says now to its login, or to its credential of the configuration.
 * Programs on this computer have neither: they are not started.
 */
export async function checkLogin(
  before: FoundStatus,
  context: Context,
  workspace: Workspace,
): Promise<CheckedStatus> {
  const { server } = before;
  const { auth, challenges, records } = workspace.credentials;
  if (server.endpoint.kind === 'stdio' || !server.enabled) return before;
  const error = await asked(server, context, workspace).then(() => undefined, toMcpMasterError);
  // Its token may be a new one: what has become of it is on disk before it is read.
  await Promise.all([challenges.flush(), records.flush()]);
  const found = statusOf(server, workspace.credentials, context.now());
  const key = auth.loginKey(server);
  const state =
    key === undefined ? stateWithout(found, error) : stateOf(key, found, error, workspace);
  const masked = (text: string) => context.redactor.redact(text);
  const text = errorText(error);
  const checked = { ...found.status, state, last_error: text && masked(text) };
  if (state !== 'login_required') {
    const advice = error?.hint && masked(error.hint);
    return { ...found, status: { ...checked, next: advice ?? null }, advice };
  }
  const command = loginCommand(key?.server ?? server.name, key?.commandFlags);
  // Only so is a client registered anew.
  const next = error && wantsNewClient(error, found) ? `${command} --force` : command;
  return { ...found, status: { ...checked, next } };
}

/** The master has no server: there is a token, or there is none. */
async function asked(
  server: ServerConfig,
  context: Context,
  { connectDeps, credentials: { auth } }: Workspace,
): Promise<unknown> {
  if (server.name !== MASTER) return countTools(server, context, connectDeps);
  if (auth.hasMasterToken) return undefined;
  const { endpoint } = await fillSecrets(server, connectDeps.readSecret);
  return auth.proveToken(server, endpoint as RemoteEndpoint);
}

/** Of a server that nobody can log in to; or nobody has said where the master does. */
function stateWithout({ status }: FoundStatus, error: McpMasterError | undefined): LoginState {
  if (error === undefined || error.code === 'LOGIN_REQUIRED') return status.state;
  return error.code === 'KEYCHAIN_LOCKED' ? 'locked' : 'error';
}

function stateOf(
  { file }: LoginKey,
  found: FoundStatus,
  error: McpMasterError | undefined,
  { credentials: { challenges, logins } }: Workspace,
): LoginState {
  const { entry } = found;
  if (error !== undefined) {
    if (wantsNewClient(error, found)) return 'login_required';
    const inVain = error.code === 'INSUFFICIENT_SCOPE' && !wantsLogin(file, entry, challenges);
    return inVain ? 'error' : (CHECKED_STATES[error.code] ?? 'error');
  }
  // A list of tools says nothing of the call for which it has demanded a wider scope.
  if (wantsLogin(file, entry, challenges)) return 'login_required';
  return logins.index.version(file) === undefined ? 'not_needed' : 'logged_in';
}

/** What an authorization server answers to a client that it does not know (RFC 6749 §5.2). */
const UNKNOWN_CLIENT = new Set(['invalid_client', 'unauthorized_client']);

/** Whether the token can't be renewed since its client is forgotten, and another one can be registered. */
function wantsNewClient(error: McpMasterError, { server, status }: FoundStatus): boolean {
  if (error.code !== 'REFRESH_FAILED' || namesClient(server)) return false;
  // Of a token that has ended by itself, that is what is remembered.
  if (status.state === 'login_required') return true;
  const { oauthError, cause } = error;
  const told = oauthError ?? (cause instanceof McpMasterError ? cause.oauthError : undefined);
  return told !== undefined && UNKNOWN_CLIENT.has(told);
}

/** Whether the client is that of the configuration, which no login replaces. */
function namesClient({ endpoint }: ServerConfig): boolean {
  if (endpoint.kind === 'stdio' || !('oauth' in endpoint.auth)) return false;
  const { clientId, clientMetadataUrl } = endpoint.auth.oauth;
  return clientId !== undefined || clientMetadataUrl !== undefined;
}

const CHECKED_STATES: Partial<Record<ErrorCode, LoginState>> = {
  LOGIN_REQUIRED: 'login_required',
  INSUFFICIENT_SCOPE: 'login_required',
  KEYCHAIN_LOCKED: 'locked',
};
