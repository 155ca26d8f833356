import { MasterServer } from '../proxy/master-server.ts';
import type { SessionDeps } from '../proxy/open-session.ts';
import type { Context } from './context.ts';
import { greetingDeps } from './greeting.ts';
import { createSignInDesk, statusRow } from './sign-in.ts';
import type { Workspace } from './workspace.ts';

/** The MCP server that joins the servers of a workspace, over its own stores. */
export function createMasterServer(context: Context, workspace: Workspace): MasterServer {
  const deps = createSessionDeps(context, workspace);
  return new MasterServer(workspace.config, greetingDeps(context, workspace), async () => deps);
}

/** What the sessions of its clients work with. Throws `CONFIG_INVALID` for an unknown `MCP_MASTER_BROWSER`. */
export function createSessionDeps(context: Context, workspace: Workspace): SessionDeps {
  const { log, connectDeps, credentials } = workspace;
  return {
    backend: connectDeps,
    credentials: credentials.changes,
    processors: context.processors,
    log,
    desk: createSignInDesk(context, workspace),
    statuses: { of: (server) => statusRow(server, context, workspace) },
  };
}
