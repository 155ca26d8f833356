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
import { type ErrorCode, type McpMasterError, toMcpMasterError } from '../errors.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import { countTools } from './own-backend.ts';

/**
 * The status of a server with what it says now to its login, or to its credential of the configuration.
 * Programs on this computer have neither: they are not started.
 */
export async function checkLogin(
  before: FoundStatus,
  context: Context,
  workspace: Workspace,
): Promise<FoundStatus> {
  const { server } = before;
  const { auth, challenges, records } = workspace.credentials;
  if (server.endpoint.kind === 'stdio' || !server.enabled) return before;
  const error = await asked(server, context, workspace).then(() => undefined, toMcpMasterError);
  // Its token may be a new one: what has become of it is on disk before it is read.
  await Promise.all([challenges.flush(), records.flush()]);
  const found = statusOf(server, workspace.credentials, context.now());
  const key = auth.loginKey(server);
  const state = key === undefined ? stateWithout(error) : stateOf(key, found, error, workspace);
  const next =
    state === 'login_required' ? loginCommand(key?.server ?? server.name, key?.commandFlags) : null;
  return { ...found, status: { ...found.status, state, next, last_error: errorText(error) } };
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

/** Of a server that nobody can log in to. */
function stateWithout(error: McpMasterError | undefined): LoginState {
  if (error === undefined) return 'not_needed';
  return error.code === 'KEYCHAIN_LOCKED' ? 'locked' : 'error';
}

function stateOf(
  { file }: LoginKey,
  { entry }: FoundStatus,
  error: McpMasterError | undefined,
  { credentials: { challenges, logins } }: Workspace,
): LoginState {
  if (error !== undefined) {
    const inVain = error.code === 'INSUFFICIENT_SCOPE' && !wantsLogin(file, entry, challenges);
    return inVain ? 'error' : (CHECKED_STATES[error.code] ?? 'error');
  }
  // A list of tools says nothing of the call for which it has demanded a wider scope.
  if (wantsLogin(file, entry, challenges)) return 'login_required';
  return logins.index.version(file) === undefined ? 'not_needed' : 'logged_in';
}

const CHECKED_STATES: Partial<Record<ErrorCode, LoginState>> = {
  LOGIN_REQUIRED: 'login_required',
  INSUFFICIENT_SCOPE: 'login_required',
  KEYCHAIN_LOCKED: 'locked',
};
