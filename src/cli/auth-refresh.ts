import type { Context } from '../app/context.ts';
import { statusOf } from '../app/login-status.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { fillSecrets } from '../config/secrets.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { soon, unlessAborted } from '../oauth/unless-aborted.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { reportError } from './report-error.ts';
import { loginServers, noLoginError } from './select.ts';
import { showStatus } from './status-table.ts';

/** The flags of `auth refresh`. */
export interface RefreshFlags extends GlobalFlags {
  server?: string;
  all?: boolean;
}

/**
 * After Ctrl-C, what the server answers in this time is still saved: when it has carried out the
 * renewal, the refresh token from before may be of no use any more.
 */
const GRACE_MS = 2000;

/** `mcp-master auth refresh`: renews logins now, whatever their expiry, and tells where they stand then. */
export async function authRefresh(context: Context, flags: RefreshFlags): Promise<number> {
  const workspace = await openConfigured(context, flags, 'warn');
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort());
  try {
    const servers = serversToRenew(workspace, flags);
    if (servers.length === 0) context.stderr.write('There is no login.\n');
    if (servers.length === 0 && flags.json !== true) return EXIT.done;
    const renewing = Promise.all(servers.map((server) => renew(server, workspace)));
    const ends = await unlessAborted(renewing, interrupted.signal).catch(() =>
      soon(renewing, GRACE_MS),
    );
    if (ends === 'later') throw interruption();
    const errors = ends.flatMap((error) => error ?? []);
    for (const error of errors) await reportError(error, context);
    // What has become of them is on disk before it is read.
    const { challenges, records } = workspace.credentials;
    await Promise.all([challenges.flush(), records.flush()]);
    const found = servers.map((server) => statusOf(server, workspace.credentials, context.now()));
    const told = new Set(servers.flatMap(({ name }, at) => (ends[at] === undefined ? [] : [name])));
    showStatus(found, { ...flags, told }, context);
    return exitOf(errors, flags);
  } finally {
    await workspace.close();
    release();
  }
}

/** The one that is named, whether or not there is a login of it; else those that have one. */
function serversToRenew(workspace: Workspace, flags: RefreshFlags): ServerConfig[] {
  const { auth, logins } = workspace.credentials;
  return loginServers(workspace, flags).filter((server) => {
    const key = auth.loginKey(server);
    if (key === undefined) throw noLoginError(server);
    return flags.all !== true || logins.index.version(key.file) !== undefined;
  });
}

/** Resolves with what went wrong; undefined when nothing did. */
async function renew(
  server: ServerConfig,
  { credentials, connectDeps }: Workspace,
): Promise<McpMasterError | undefined> {
  try {
    const { endpoint } = await fillSecrets(server, connectDeps.readSecret);
    // Only remote servers have logins, and filling in secrets changes nothing of that.
    await credentials.auth.renewNow(server, endpoint as RemoteEndpoint);
    return undefined;
  } catch (thrown) {
    const { code, message, hint, cause } = toMcpMasterError(thrown);
    return new McpMasterError(code, `server "${server.name}": ${message}`, { hint, cause });
  }
}

function exitOf([first]: McpMasterError[], { all }: RefreshFlags): number {
  if (first === undefined) return EXIT.done;
  return all === true ? EXIT.login : exitCodeOf(first.code);
}

function interruption(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the renewal was interrupted', {
    hint: 'See where the login stands: mcp-master auth status',
  });
}
