import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import { MASTER } from '../config/master.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { keyOfFile, type LoginKey } from '../oauth/store/login-key.ts';
import type { StoredLogin } from '../oauth/store/stored-login.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { loginServers, masterIn } from './select.ts';

/** The flags of `auth logout`. */
export interface LogoutFlags extends GlobalFlags {
  server?: string;
  all?: boolean;
}

/** What happened to one login. */
interface Logout {
  server: string;
  /** False: there was none. */
  removed: boolean;
  /** Whether the authorization server has taken the tokens back (RFC 7009). */
  revoked: boolean;
}

/**
 * `mcp-master auth logout`: revokes where the server offers that, then deletes, also when revoking
 * failed: a person who logs out wants the tokens gone from this computer above all.
 */
export async function authLogout(context: Context, flags: LogoutFlags): Promise<number> {
  const workspace = await openConfigured(context, flags, 'warn');
  try {
    const keys = keysOf(workspace, flags);
    const done: Logout[] = [];
    for (const key of keys) done.push(await logout(key, context, workspace));
    context.stdout.write(
      flags.json === true ? `${JSON.stringify(done, null, 2)}\n` : done.map(sentence).join(''),
    );
    if (done.length === 0) context.stderr.write('There is no login.\n');
    return EXIT.done;
  } finally {
    await workspace.close();
  }
}

/** Also the logins of servers that the configuration has no more, or has with another address. */
function keysOf(workspace: Workspace, flags: LogoutFlags): LoginKey[] {
  const { logins, auth } = workspace.credentials;
  // Those with a damaged record, too: their tokens are there all the same.
  const stored = logins.index.files().flatMap((file) => keyOfFile(file, workspace.owner) ?? []);
  if (flags.all === true && flags.server === undefined) return stored;
  const named = stored.filter(({ server }) => server === flags.server);
  if (named.length > 0 && flags.all !== true) return named;
  return loginServers(workspace, flags).flatMap((server) => {
    const key = auth.loginKey(server);
    // Of the others that use it nobody has said anything.
    if (key !== undefined && key.server !== server.name) throw mastersError(server.name);
    return key === undefined ? [] : [key];
  });
}

function mastersError(server: string): McpMasterError {
  const message = `server "${server}" has no login of its own: it is sent the master's token`;
  return new McpMasterError('CONFIG_INVALID', message, {
    hint: 'To log out of all servers that are sent it: mcp-master auth logout --server=master',
  });
}

async function logout(key: LoginKey, context: Context, workspace: Workspace): Promise<Logout> {
  const { logins, challenges, records, auth } = workspace.credentials;
  const revoked = await revoke(key, context, workspace);
  const removed = await logins.remove(key);
  const configured = workspace.config.servers.find(
    (server) => auth.loginKey(server)?.account === key.account,
  );
  if (removed) await records.remove(key.file);
  // A server that had a login needs one, also where the configuration leaves that to be seen; a client
  // that logs in as itself gets another one when it needs it.
  const isNeeded = configured !== undefined && !auth.isUnattended(configured);
  if (!isNeeded) await challenges.clear(key.file);
  else if (removed) challenges.note(key.file, {});
  return { server: key.server, removed, revoked };
}

async function revoke(key: LoginKey, context: Context, workspace: Workspace): Promise<boolean> {
  const { credentials, fetch, config, log, connectDeps } = workspace;
  const named = log.named(key.server);
  try {
    const login = await credentials.logins.read(key);
    if (login === undefined) return false;
    const { revokeTokens } = await import('../oauth/tokens/revocation.ts');
    const client = await clientOf(login, key);
    const secret = (value: string) => context.redactor.addPassing(value);
    const deps = { fetch, log: named, now: context.now, secret };
    return await revokeTokens({ ...login, client }, deps);
  } catch (error) {
    const { code, message } = toMcpMasterError(error);
    // Files can be deleted without their key, but a keychain has to be there.
    const keyless = code === 'ENCRYPTION_KEY_WRONG' || code === 'ENCRYPTION_KEY_INVALID';
    if (exitCodeOf(code) === EXIT.storage && !keyless) throw error;
    named.error(`the tokens are deleted here, but were not revoked at the server: ${message}`);
    return false;
  }

  /** With its secret, where the configuration still has the server. */
  async function clientOf({ client }: StoredLogin, { server: name, account }: LoginKey) {
    const named = name === MASTER ? masterIn(config) : undefined;
    const server = named ?? config.servers.find((known) => known.name === name);
    if (server === undefined) return client;
    if (credentials.auth.loginKey(server)?.account !== account) return client;
    const [{ fillSecrets }, { withSettings }] = await Promise.all([
      import('../config/secrets.ts'),
      import('../oauth/client/configured-client.ts'),
    ]);
    const { endpoint } = await fillSecrets(server, connectDeps.readSecret);
    const target =
      endpoint.kind === 'stdio' ? undefined : credentials.auth.loginTarget(server, endpoint);
    return withSettings(client, await credentials.filled(name, target?.settings ?? {}));
  }
}

function sentence({ server, removed, revoked }: Logout): string {
  if (!removed) return `${server}: there was no login.\n`;
  const where = revoked ? 'here and at the authorization server' : 'on this computer';
  return `Logged out of ${server} ${where}.\n`;
}
