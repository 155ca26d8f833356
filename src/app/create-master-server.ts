import type { Config, Problem } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { SessionDeps } from '../proxy/client-session.ts';
import { noConfiguration } from '../proxy/instructions.ts';
import { MasterServer } from '../proxy/master-server.ts';
import type { Context } from './context.ts';
import { createSignInDesk, statusRow } from './sign-in.ts';
import type { Workspace } from './workspace.ts';

/** The MCP server that joins the servers of a workspace, over its own stores. */
export function createMasterServer(context: Context, workspace: Workspace): MasterServer {
  return new MasterServer(workspace.config, createSessionDeps(context, workspace));
}

/** What the sessions of its clients work with. Throws `CONFIG_INVALID` for an unknown `MCP_MASTER_BROWSER`. */
export function createSessionDeps(context: Context, workspace: Workspace): SessionDeps {
  const { folders, log, connectDeps, credentials } = workspace;
  return {
    backend: connectDeps,
    credentials: credentials.changes,
    catalogue: context.createCatalogueStore(folders, log),
    processors: context.processors,
    log,
    desk: createSignInDesk(context, workspace),
    statuses: { of: (server) => statusRow(server, context, workspace) },
    serverInfo: { name: 'mcp-master', title: 'MCP Master', version: context.version },
  };
}

/** Says in the log what was found wrong, or that there is no configuration at all. */
export function logProblems({ file, folder }: Config, problems: Problem[], log: Logger): void {
  if (file === undefined) log.warn(noConfiguration(folder));
  for (const { level, path, line, message, hint } of problems) {
    const where = `${file ?? ''}${line === undefined ? '' : `:${line}`}`;
    const text = `${where}${path === '' ? '' : ` ${path}`}: ${message}${hint ? ` ${hint}` : ''}`;
    if (level === 'error') log.error(text);
    else log.warn(text);
  }
}
