import type { Context } from '../app/context.ts';
import { type FoundStatus, isFine, statusOf } from '../app/login-status.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import type { ServerConfig } from '../config/config.ts';
import type { CheckedStatus } from './check-login.ts';
import { EXIT } from './exit-codes.ts';
import { showStatus } from './status-table.ts';

/** The flags of `auth status`. */
export interface StatusFlags extends GlobalFlags {
  server?: string;
  /** Contacts the servers, too. */
  check?: boolean;
}

/**
 * `mcp-master auth status`: from the index alone, so that no keychain asks for anything; with `--check`
 * also from what each server says to its login.
 */
export async function authStatus(context: Context, flags: StatusFlags): Promise<number> {
  const workspace = await openConfigured(context, flags, 'warn');
  const servers = await wanted(workspace, flags);
  for (const { name } of workspace.config.rejected)
    workspace.log.error(`server "${name}" is left out: see config check`);
  const remembered = servers.map((server) =>
    statusOf(server, workspace.credentials, context.now()),
  );
  const found = flags.check === true ? await checkAll(remembered, context, workspace) : remembered;
  await workspace.close();
  showStatus(found, flags, context);
  return found.every(isFine) ? EXIT.done : EXIT.login;
}

async function wanted(
  { config }: Workspace,
  { server: name }: StatusFlags,
): Promise<ServerConfig[]> {
  const hasMaster =
    config.masterOauth !== undefined || Boolean(config.env['MCP_MASTER_TOKEN']?.trim());
  const named = config.servers.filter((server) => server.name === name);
  if (named.length > 0 || (name === undefined && !hasMaster)) {
    return name === undefined ? config.servers : named;
  }
  const { loginNamed, masterIn } = await import('./select.ts');
  if (name !== undefined) return [loginNamed(name, config)];
  return [masterIn(config), ...config.servers].flatMap((server) => server ?? []);
}

/** Loaded when it is asked for: what talks to servers takes longer to load than all the rest. */
async function checkAll(
  remembered: FoundStatus[],
  context: Context,
  workspace: Workspace,
): Promise<CheckedStatus[]> {
  const { checkLogin } = await import('./check-login.ts');
  return Promise.all(remembered.map((found) => checkLogin(found, context, workspace)));
}
