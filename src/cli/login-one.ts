import type { Context } from '../app/context.ts';
import { isDetecting } from '../app/login-status.ts';
import { loginWork, lostKeychain } from '../app/login-work.ts';
import type { Workspace } from '../app/workspace.ts';
import { inTheRoomOf } from '../auth/sign-in-room.ts';
import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { MASTER } from '../config/master.ts';
import { fillSecrets } from '../config/secrets.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { LoginDeps } from '../oauth/login.ts';
import type { LoginTarget } from '../oauth/login-target.ts';
import type { LoginEntry } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import { SignInRecords } from '../oauth/store/sign-in-records.ts';
import type { LoginFlags } from './auth-login.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { invite } from './invite.ts';
import { inviteToDevice } from './invite-to-device.ts';
import type { LoginReport } from './login-report.ts';
import { countTools } from './own-backend.ts';
import { noLoginError } from './select.ts';

/** What {@link loginOne} works with. */
export interface LoginWork {
  context: Context;
  flags: LoginFlags;
  workspace: Workspace;
  report: LoginReport;
  signal: AbortSignal;
}

/** How a login ended. */
export type LoginOutcome =
  /** The server accepts it; `already`: the one that there was. */
  | {
      outcome: 'logged_in';
      server: string;
      login: LoginEntry;
      /** Null for the master, which no server can prove. */
      tools: number | null;
      already: boolean;
      /** Renewed by itself, also where there is no refresh token. */
      unattended: boolean;
    }
  /** The server has shown its tools to somebody without a login. */
  | { outcome: 'not_needed'; server: string; tools: number | null }
  /** The tokens are stored, but the server has not answered with its tools. */
  | { outcome: 'unproved'; server: string; error: McpMasterError };

/**
 * Logs in to one server, unless there is a login that it accepts, and proves it: the server must answer
 * with its tools. When it does not, the tokens are kept all the same.
 */
export async function loginOne(server: ServerConfig, work: LoginWork): Promise<LoginOutcome> {
  const { logins, auth } = work.workspace.credentials;
  const key = auth.loginKey(server);
  if (key === undefined) throw noLoginError(server);
  const before = await withoutLogin(key, server, work);
  if (before !== undefined) return before;
  await newLogin(server, work);
  const login = logins.index.get(key.file);
  if (login === undefined) throw vanishedError(server.name);
  try {
    const tools = await proved(server, work);
    return loggedIn(server, { login, tools, already: false }, work);
  } catch (error) {
    return { outcome: 'unproved', server: server.name, error: unproved(toMcpMasterError(error)) };
  }
}

/** What there is to say when nothing asks for a new login and the server is content as it is. */
async function withoutLogin(
  key: LoginKey,
  server: ServerConfig,
  work: LoginWork,
): Promise<LoginOutcome | undefined> {
  const { index } = work.workspace.credentials.logins;
  const before = index.get(key.file);
  if (asksForLogin(key, before, work)) return undefined;
  // Of one server, a person may want more than it shows to everybody.
  if (before === undefined && !(work.flags.all && isDetecting(server))) return undefined;
  try {
    const tools = await proved(server, work);
    if (before === undefined) return { outcome: 'not_needed', server: server.name, tools };
    tellWhatIsInVain(key, before, work);
    // Its token may have been renewed meanwhile.
    const login = index.get(key.file) ?? before;
    return loggedIn(server, { login, tools, already: true }, work);
  } catch (error) {
    const known = toMcpMasterError(error);
    if (callsForLogin(known, server, work)) {
      work.workspace.log.named(server.name).info(`a new login is needed: ${known.message}`);
      return undefined;
    }
    if (before === undefined || exitCodeOf(known.code) === EXIT.storage) throw error;
    return { outcome: 'unproved', server: server.name, error: known };
  }
}

/** Whether a new login is wanted whatever the server says to the one that there is. */
function asksForLogin(key: LoginKey, login: LoginEntry | undefined, work: LoginWork): boolean {
  const { flags, workspace } = work;
  if (flags.force === true || flags.scope !== undefined) return true;
  const isRefused = workspace.credentials.challenges.has(key.file);
  return isRefused && inVainBecause(key, login, work) === undefined;
}

/**
 * Why the wider scope that the server demands is no reason for another login of `--all`; undefined where it
 * is one, or where nothing is demanded. Who names the server may know better, and logs in again.
 */
function inVainBecause(
  { file }: LoginKey,
  login: LoginEntry | undefined,
  { flags, workspace }: LoginWork,
): string | undefined {
  if (login === undefined || flags.all !== true) return undefined;
  switch (workspace.credentials.challenges.inVain(file, login.scopes)) {
    case 'granted':
      return 'it demands scopes that the login has: another login is of no use';
    case 'refused':
      return 'it demands scopes that the last logins asked for and did not get: another one is of no use';
    default:
      return undefined;
  }
}

function tellWhatIsInVain(key: LoginKey, login: LoginEntry, work: LoginWork): void {
  const why = inVainBecause(key, login, work);
  if (why !== undefined) work.workspace.log.named(key.server).warn(why);
}

/** Where a login needs no person, a new one is tried before anybody hears of a problem. */
function callsForLogin({ code }: McpMasterError, server: ServerConfig, work: LoginWork): boolean {
  const { auth, logins } = work.workspace.credentials;
  if (code === 'REFRESH_FAILED') return auth.isUnattended(server);
  const key = auth.loginKey(server);
  if (code !== 'INSUFFICIENT_SCOPE' || key === undefined) return code === 'LOGIN_REQUIRED';
  return inVainBecause(key, logins.index.get(key.file), work) === undefined;
}

function loggedIn(
  server: ServerConfig,
  about: { login: LoginEntry; tools: number | null; already: boolean },
  { workspace }: LoginWork,
): LoginOutcome {
  const unattended = workspace.credentials.auth.isUnattended(server);
  return { outcome: 'logged_in', server: server.name, unattended, ...about };
}

async function newLogin(server: ServerConfig, work: LoginWork): Promise<void> {
  const { context, flags, workspace, signal } = work;
  const { login } = await import('../oauth/login.ts');
  const made = await loginWork(server, context, workspace);
  if (made === undefined) throw noLoginError(server);
  const options = {
    scopes: flags.scope?.split(/[\s,]+/).filter(Boolean),
    force: flags.force === true,
    patience: flags.timeout * 1000,
    signal,
  };
  const stop = new AbortController();
  const inviting = { ...work, closing: stop.signal };
  const deps: LoginDeps = {
    ...made.deps,
    invite: (invitation) => invite(made.target.key.server, invitation, inviting),
    inviteToDevice: (invitation) => inviteToDevice(made.target.key.server, invitation, inviting),
  };
  const attempt = () => login(made.target, options, deps);
  try {
    await attempt().catch(async (error: unknown) => {
      const again = await inRoomMade(toMcpMasterError(error), made.target, { work, attempt });
      if (again === undefined) throw error;
    });
  } catch (error) {
    throw lostKeychain(toMcpMasterError(error), workspace);
  } finally {
    stop.abort();
  }
}

/** The same once more, where a `serve` waits for the same person at the port that the redirect needs. */
async function inRoomMade<T>(
  { code }: McpMasterError,
  { settings: { redirectUri, redirectPort } }: LoginTarget,
  { work: { context, workspace }, attempt }: { work: LoginWork; attempt: () => Promise<T> },
): Promise<{ done: T } | undefined> {
  const port = redirectUri === undefined ? redirectPort : Number(new URL(redirectUri).port);
  if (code !== 'PORT_IN_USE' || port === undefined) return undefined;
  const { folders, log } = workspace;
  const records = new SignInRecords(context.createStateFiles(folders, log));
  return inTheRoomOf(port, { records, locks: context.createLocks(folders, log) }, attempt);
}

/** Of the master there are no tools: that there is a token is all that can be seen. */
async function proved(server: ServerConfig, work: LoginWork): Promise<number | null> {
  const { context, workspace, signal } = work;
  if (server.name !== MASTER) return countTools(server, context, workspace.connectDeps, signal);
  const { endpoint } = await fillSecrets(server, workspace.connectDeps.readSecret);
  // The shape of the master's login is that of a remote server.
  await workspace.credentials.auth.proveToken(server, endpoint as RemoteEndpoint);
  return null;
}
/** A server that demands another login right after this one would do so for ever. */
function unproved({ code, message, hint, cause }: McpMasterError): McpMasterError {
  if (code !== 'LOGIN_REQUIRED') {
    const what = `the login worked and is stored, but ${message}`;
    return new McpMasterError(code, what, { hint, cause });
  }
  const what = `the login worked, but its token is refused: ${message}`;
  return new McpMasterError('UNAUTHORIZED', what, {
    hint: 'Check `resource` and `scopes` in its auth_config, and that this account may use it.',
    cause,
  });
}

function vanishedError(server: string): McpMasterError {
  const message = `the login of "${server}" was deleted by another process while it was made`;
  return new McpMasterError('LOGIN_REQUIRED', message, { hint: 'Log in again.' });
}
