import type { LoginNames } from '../auth/login-names.ts';
import type { ServerConfig } from '../config/config.ts';
import { MASTER, usesMasterToken } from '../config/master.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { AuthRecord, RecordedError } from '../oauth/store/auth-record.ts';
import type { AuthRecords } from '../oauth/store/auth-records.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { LoginEntry, LoginIndex } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import { isoTime } from './times.ts';

/** Where the login of a server stands; null where nothing is known, or nothing is to be known. */
export interface LoginStatus {
  server: string;
  strategy: string;
  /** `locked` and `error` only where the servers were contacted. */
  state: LoginState;
  store: string | null;
  /** RFC 3339. */
  expires_at: string | null;
  has_refresh_token: boolean | null;
  scopes: string[] | null;
  issuer: string | null;
  /** RFC 3339; exact to a minute. */
  last_used: string | null;
  /** `CODE: message`; null when all is well since. */
  last_error: string | null;
  /** The command that mends it. */
  next: string | null;
}

export type LoginState =
  | 'logged_in'
  | 'expired'
  | 'login_required'
  | 'not_needed'
  | 'locked'
  | 'error';

/** The status of a server with what it was made of. */
export interface FoundStatus {
  status: LoginStatus;
  server: ServerConfig;
  /** The record of its login; undefined = there is none that can be read. */
  entry: LoginEntry | undefined;
  /** What is written down of its authentication; undefined = nothing is. */
  record: AuthRecord | undefined;
}

/** What is on disk of logins: no keychain. */
export interface StatusSources {
  auth: Pick<
    LoginNames,
    'loginKey' | 'loginKeys' | 'recordName' | 'isUnattended' | 'hasMasterToken'
  >;
  logins: { index: Pick<LoginIndex, 'get' | 'version'> };
  challenges: Pick<ChallengeRecords, 'has' | 'inVain'>;
  records: Pick<AuthRecords, 'get'>;
}

/** Where a server stands by what is on disk: neither a keychain nor a server is asked. */
export function statusOf(server: ServerConfig, sources: StatusSources, now: number): FoundStatus {
  const { auth, records, logins } = sources;
  const { name, endpoint } = server;
  const key = auth.loginKey(server);
  const recordName = auth.recordName(server, key);
  const record = recordName === undefined ? undefined : records.get(recordName);
  const entry = key && logins.index.get(key.file);
  const known = { key, entry, record, now };
  const state = stateOf(server, known, sources);
  const status: LoginStatus = {
    server: name,
    strategy: endpoint.kind === 'stdio' ? 'none' : endpoint.auth.strategy,
    state,
    store: entry?.store ?? (isMasterToken(server, sources) ? 'env' : null),
    expires_at: isoTime(entry?.expiresAt),
    has_refresh_token: entry?.hasRefreshToken ?? null,
    scopes: entry?.scopes ?? null,
    issuer: entry?.issuer ?? null,
    last_used: isoTime(record?.lastUsedAt),
    last_error: errorText(record?.lastError),
    next: MENDED_BY_LOGIN.has(state) ? nextStep(server, known, sources) : null,
  };
  return { status, server, entry, record };
}

/** Whether a login is of use only with a client that is registered anew. */
export function wantsNewClient(server: ServerConfig, sources: StatusSources, now: number): boolean {
  const { entry, record } = statusOf(server, sources, now);
  return !sources.auth.isUnattended(server) && isClientGone({ entry, record, now });
}

/** How an error is shown where there is room for one line. */
export function errorText(error: Pick<RecordedError, 'code' | 'message'> | undefined) {
  return error === undefined ? null : `${error.code}: ${error.message}`;
}

/** Whether nothing is to be done by a person. */
export function isFine({ status, server }: FoundStatus): boolean {
  return !server.enabled || FINE.has(status.state);
}

const FINE = new Set<LoginState>(['logged_in', 'not_needed']);

const MENDED_BY_LOGIN = new Set<LoginState>(['expired', 'login_required']);

/** What is known of a login. */
interface Known {
  key: LoginKey | undefined;
  entry: LoginEntry | undefined;
  record: AuthRecord | undefined;
  now: number;
}

function stateOf(server: ServerConfig, known: Known, sources: StatusSources): LoginState {
  const { key } = known;
  if (key === undefined) return stateWithoutLogin(server, sources);
  const state = stateOfLogin(server, key, known, sources);
  const isMissing = state === 'login_required' || state === 'expired';
  return isMissing && isPassed(server, sources) ? 'not_needed' : state;
}

function stateOfLogin(
  server: ServerConfig,
  key: LoginKey,
  known: Known,
  { auth, challenges, logins }: StatusSources,
): LoginState {
  const { entry } = known;
  const refused = wantsLogin(key.file, entry, challenges);
  if (auth.isUnattended(server)) return unattendedState(known, refused);
  if (entry === undefined) {
    const isDamaged = logins.index.version(key.file) !== undefined;
    return refused || isDamaged || !isDetecting(server) ? 'login_required' : 'not_needed';
  }
  if (refused) return 'login_required';
  if (isClientGone(known)) return 'login_required';
  return isOver(known) && !entry.hasRefreshToken ? 'expired' : 'logged_in';
}

/** Of what has no login: the master's token may come from outside, or may not be there at all. */
function stateWithoutLogin(server: ServerConfig, { auth }: StatusSources): LoginState {
  if (!usesMaster(server)) return 'not_needed';
  return auth.hasMasterToken ? 'logged_in' : 'login_required';
}

function usesMaster({ endpoint }: ServerConfig): boolean {
  return endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'master_oauth';
}

function isMasterToken(server: ServerConfig, { auth }: StatusSources): boolean {
  return server.name === MASTER && auth.hasMasterToken;
}

/** Whether the master's token is sent to a server that has none of its own. */
function isPassed(server: ServerConfig, { auth, logins }: StatusSources): boolean {
  if (usesMaster(server) || !usesMasterToken(server)) return false;
  const [, master] = auth.loginKeys(server);
  return (
    auth.hasMasterToken || (master !== undefined && logins.index.get(master.file) !== undefined)
  );
}

function isOver({ entry, now }: Pick<Known, 'entry' | 'now'>): boolean {
  return (entry?.expiresAt ?? Number.POSITIVE_INFINITY) <= now;
}

/** Whether the token has ended, and the authorization server does not know the client any more. */
function isClientGone(known: Omit<Known, 'key'>): boolean {
  const { code, oauthError = '' } = known.record?.lastError ?? {};
  return isOver(known) && code === 'REFRESH_FAILED' && UNKNOWN_CLIENT.has(oauthError);
}

const UNKNOWN_CLIENT = new Set(['invalid_client', 'unauthorized_client']);

function nextStep(
  server: ServerConfig,
  known: Known,
  { auth }: Pick<StatusSources, 'auth'>,
): string {
  const { key } = known;
  const command = loginCommand(
    key?.server ?? (usesMaster(server) ? MASTER : server.name),
    key?.commandFlags,
  );
  // Only so is a client registered anew.
  const isGone = !auth.isUnattended(server) && isClientGone(known);
  return isGone ? `${command} --force` : command;
}

/** Whether a server has refused since this login was made, and another one may be of use. */
export function wantsLogin(
  file: string,
  entry: LoginEntry | undefined,
  challenges: Pick<ChallengeRecords, 'has' | 'inVain'>,
): boolean {
  if (!challenges.has(file)) return false;
  return entry === undefined || challenges.inVain(file, entry.scopes) === undefined;
}

/** A token that needs no person is asked for when it is needed, unless the client gets none. */
function unattendedState({ entry, record }: Known, refused: boolean): LoginState {
  if (isClientRefused(record?.lastError)) return 'login_required';
  if (entry === undefined) return 'not_needed';
  return refused ? 'login_required' : 'logged_in';
}

/** Whether it was the client that was refused, or its token, and not one call or the network that failed. */
function isClientRefused({ status = 0, oauthError = '' }: Partial<RecordedError> = {}): boolean {
  if (status === 429 || status >= 500) return false;
  return status === 401 || CLIENT_ERRORS.has(oauthError);
}

/** What an authorization server answers when a person has to change something (RFC 6749 §5.2, RFC 8707 §2). */
const CLIENT_ERRORS = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
]);

/** Whether it is left to the server to say whether it wants a login. */
export function isDetecting({ endpoint }: ServerConfig): boolean {
  return endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'detect';
}
