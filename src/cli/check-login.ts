import { type ErrorCode, toMcpMasterError } from '../errors.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { Context } from './context.ts';
import { errorText, type FoundStatus, type LoginState } from './login-status.ts';
import { countTools } from './own-backend.ts';
import type { Workspace } from './workspace.ts';

/** The status of a server with what it says to its login now, if it has a use for one. */
export async function checkLogin(
  found: FoundStatus,
  context: Context,
  workspace: Workspace,
): Promise<FoundStatus> {
  const { server, status } = found;
  const { authenticator, logins } = workspace.credentials;
  const key = authenticator.loginKey(server);
  if (key === undefined || !server.enabled) return found;
  try {
    await countTools(server, context, workspace.connectDeps);
    const hasLogin = logins.index.version(key.file) !== undefined;
    const state = hasLogin ? 'logged_in' : 'not_needed';
    return { ...found, status: { ...status, state, last_error: null, next: null } };
  } catch (thrown) {
    const error = toMcpMasterError(thrown);
    const state = CHECKED_STATES[error.code] ?? 'error';
    const next = state === 'login_required' ? loginCommand(server.name, key.commandFlags) : null;
    return { ...found, status: { ...status, state, next, last_error: errorText(error) } };
  }
}

const CHECKED_STATES: Partial<Record<ErrorCode, LoginState>> = {
  LOGIN_REQUIRED: 'login_required',
  INSUFFICIENT_SCOPE: 'login_required',
  KEYCHAIN_LOCKED: 'locked',
};
