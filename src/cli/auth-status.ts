import type { ServerConfig } from '../config/config.ts';
import { type ErrorCode, toMcpMasterError } from '../errors.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { LoginEntry } from '../oauth/store/login-index.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { countTools } from './own-backend.ts';
import { createPaint, printable, renderTable } from './render.ts';
import { rejectedError, unknownServer } from './select.ts';
import { inWords, isoTime } from './times.ts';
import { type GlobalFlags, openConfigured, type Workspace } from './workspace.ts';

/** The flags of `auth status`. */
export interface StatusFlags extends GlobalFlags {
  server?: string;
  /** Contacts the servers, too. */
  check?: boolean;
}

/** Where the login of a server stands; null where nothing is known, or nothing is to be known. */
export interface LoginStatus {
  server: string;
  strategy: string;
  /** `locked` and `error` only where the servers were contacted. */
  state: 'logged_in' | 'expired' | 'login_required' | 'not_needed' | 'locked' | 'error';
  store: string | null;
  /** RFC 3339. */
  expires_at: string | null;
  has_refresh_token: boolean | null;
  scopes: string[] | null;
  issuer: string | null;
  last_used: string | null;
  last_error: string | null;
  /** The command that mends it. */
  next: string | null;
}

/**
 * `mcp-master auth status`: from the index alone, so that no keychain asks for anything; with `--check`
 * also from what each server says to its login.
 */
export async function authStatus(context: Context, flags: StatusFlags): Promise<number> {
  const workspace = await openConfigured(context, flags, 'warn');
  const { config, log } = workspace;
  const servers = config.servers.filter(({ name }) => (flags.server ?? name) === name);
  if (servers.length === 0 && flags.server !== undefined) {
    const names = config.servers.map(({ name }) => name);
    throw rejectedError(flags.server, config.rejected) ?? unknownServer(flags.server, names);
  }
  for (const { name } of config.rejected)
    log.error(`server "${name}" is left out: see config check`);
  const remembered = servers.map((server) => statusOf(server, workspace, context.now()));
  const found =
    flags.check === true
      ? await Promise.all(remembered.map((one) => check(one, context, workspace)))
      : remembered;
  await workspace.close();
  context.stdout.write(
    flags.json === true
      ? `${JSON.stringify(
          found.map(({ status }) => status),
          null,
          2,
        )}\n`
      : render(found, context),
  );
  const fine = found.every(({ status, server }) => !server.enabled || FINE.has(status.state));
  return fine ? EXIT.done : EXIT.login;
}

const FINE = new Set<LoginStatus['state']>(['logged_in', 'not_needed']);

interface Found {
  status: LoginStatus;
  server: ServerConfig;
  entry: LoginEntry | undefined;
}

const NOTHING_KNOWN = {
  store: null,
  expires_at: null,
  has_refresh_token: null,
  scopes: null,
  issuer: null,
  last_used: null,
  last_error: null,
  next: null,
};

function statusOf(server: ServerConfig, { credentials }: Workspace, now: number): Found {
  const { name, endpoint } = server;
  const strategy = endpoint.kind === 'stdio' ? 'none' : endpoint.auth.strategy;
  const key = credentials.authenticator.loginKey(server);
  const entry = key && credentials.logins.index.get(key.file);
  // What a server has refused since its login was made wants another one.
  const refused = key !== undefined && credentials.challenges.has(key.file);
  const recorded = key !== undefined && credentials.logins.index.version(key.file) !== undefined;
  const needed = refused || recorded || strategy !== 'detect';
  const state = key === undefined ? 'not_needed' : stateOf(entry, { refused, needed, now });
  const next = MENDED_BY_LOGIN.has(state) ? loginCommand(name, key?.commandFlags) : null;
  const who = { server: name, strategy, state };
  const status = { ...who, ...NOTHING_KNOWN, ...shown(entry), next };
  return { status, server, entry };
}

/** What the server says to its login, if it has a use for one. */
async function check(found: Found, context: Context, workspace: Workspace): Promise<Found> {
  const { server, status } = found;
  const { authenticator, logins } = workspace.credentials;
  const key = authenticator.loginKey(server);
  if (key === undefined || !server.enabled) return found;
  try {
    await countTools(server, context, workspace.connectDeps);
    const hasLogin = logins.index.version(key.file) !== undefined;
    const state = hasLogin ? 'logged_in' : 'not_needed';
    return { ...found, status: { ...status, state, next: null } };
  } catch (error) {
    const { code, message } = toMcpMasterError(error);
    const state = CHECKED_STATES[code] ?? 'error';
    const next = state === 'login_required' ? loginCommand(server.name, key.commandFlags) : null;
    return { ...found, status: { ...status, state, next, last_error: message } };
  }
}

const CHECKED_STATES: Partial<Record<ErrorCode, LoginStatus['state']>> = {
  LOGIN_REQUIRED: 'login_required',
  INSUFFICIENT_SCOPE: 'login_required',
  KEYCHAIN_LOCKED: 'locked',
};

const MENDED_BY_LOGIN = new Set<LoginStatus['state']>(['expired', 'login_required']);

function stateOf(
  entry: LoginEntry | undefined,
  { refused, needed, now }: { refused: boolean; needed: boolean; now: number },
): LoginStatus['state'] {
  if (entry === undefined) return needed ? 'login_required' : 'not_needed';
  const { expiresAt = Number.POSITIVE_INFINITY, hasRefreshToken } = entry;
  if (expiresAt <= now && !hasRefreshToken) return 'expired';
  return refused ? 'login_required' : 'logged_in';
}

function shown(entry: LoginEntry | undefined): Partial<LoginStatus> {
  if (entry === undefined) return {};
  const { store, scopes, issuer, expiresAt, hasRefreshToken } = entry;
  const expires_at = isoTime(expiresAt);
  return { store, scopes, issuer, expires_at, has_refresh_token: hasRefreshToken };
}

function render(found: Found[], context: Context): string {
  if (found.length === 0) return 'No server is configured.\n';
  const paint = createPaint(context.terminal.stdout, context.env);
  const colours = {
    logged_in: paint.green,
    expired: paint.red,
    login_required: paint.yellow,
    not_needed: paint.dim,
    locked: paint.red,
    error: paint.red,
  };
  const rows = found.map(({ status, entry }) => [
    { text: status.server },
    { text: status.strategy },
    { text: status.state.replace('_', ' '), paint: colours[status.state] },
    { text: status.store ?? '-' },
    { text: entry === undefined ? '-' : expiry(entry, context.now()) },
    { text: status.has_refresh_token === null ? '-' : status.has_refresh_token ? 'yes' : 'no' },
    { text: shortened(printable(status.scopes?.join(' ') || '-')) },
  ]);
  const headings = ['SERVER', 'STRATEGY', 'STATE', 'STORE', 'EXPIRES', 'REFRESH', 'SCOPES'];
  const errors = found.flatMap(({ status }) =>
    status.last_error === null
      ? []
      : [`\n${paint.bold(status.server)} ${printable(status.last_error)}\n`],
  );
  const next = found.flatMap(({ status }) => (status.next === null ? [] : [`  ${status.next}\n`]));
  const todo = next.length === 0 ? '' : `\nNext:\n${next.join('')}`;
  return renderTable(headings, rows, paint) + errors.join('') + todo;
}

const LONGEST_SCOPES = 60;

function shortened(text: string): string {
  return text.length > LONGEST_SCOPES ? `${text.slice(0, LONGEST_SCOPES)}…` : text;
}

function expiry({ expiresAt }: LoginEntry, now: number): string {
  if (expiresAt === undefined) return 'unknown';
  const left = expiresAt - now;
  return left > 0 ? `in ${inWords(left)}` : `${inWords(-left)} ago`;
}
