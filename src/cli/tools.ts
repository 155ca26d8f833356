import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import { createToolSieve } from '../backend/tool-schemas.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { enabledServer } from './enabled-server.ts';
import { EXIT } from './exit-codes.ts';
import { listTools } from './own-backend.ts';
import { reportError } from './report-error.ts';
import { rejectedError } from './select.ts';
import {
  matches,
  type OfferedTools,
  serversThatName,
  type ToolRow,
  toolRows,
} from './tool-rows.ts';
import { renderTools } from './tool-table.ts';

/** The flags of `tools`. */
export interface ToolsFlags extends GlobalFlags {
  /** Only tools with this in name or description. */
  search?: string;
}

/**
 * `mcp-master tools [SERVER]`: the tools of one server or of all, as a client of `serve` sees them. Those
 * of mcp-master itself, which depend on logins, are not among them.
 */
export async function tools(
  context: Context,
  only: string | undefined,
  flags: ToolsFlags,
): Promise<number> {
  const { rows, hasErrors } = await shownTools(context, only, flags);
  // Nothing is held any more, and signals end the program as usual: its reader may be slow.
  context.stdout.write(
    flags.json === true ? `${JSON.stringify(rows, null, 2)}\n` : show(rows, flags, context),
  );
  return hasErrors ? EXIT.failed : EXIT.done;
}

async function shownTools(context: Context, only: string | undefined, flags: ToolsFlags) {
  const workspace = await openConfigured(context, flags, 'warn');
  const { config, log } = workspace;
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort());
  try {
    const servers = serversToAsk(only, config);
    const asked = await Promise.all(
      servers.map((server) => ask(server, context, workspace, interrupted.signal)),
    );
    if (interrupted.signal.aborted) throw interruption();
    const errors = [...asked.flatMap(({ error }) => error ?? []), ...rejections(only, config)];
    for (const error of errors) await reportError(error, context);
    const rows = toolRows(asked, config.serve.nameLimit, (message) => log.warn(message))
      .filter(({ server }) => only === undefined || server === only)
      .filter((row) => flags.search === undefined || matches(row, flags.search));
    return { rows, hasErrors: errors.length > 0 };
  } finally {
    await workspace.close();
    release();
  }
}

function serversToAsk(only: string | undefined, config: Config): ServerConfig[] {
  if (only === undefined) return config.servers.filter(({ enabled }) => enabled);
  return serversThatName(enabledServer(only, config), config.servers);
}

/** A server that does not answer offers nothing. */
interface Asked extends OfferedTools {
  error?: McpMasterError;
}

async function ask(
  config: ServerConfig,
  context: Context,
  { connectDeps, log }: Workspace,
  signal: AbortSignal,
): Promise<Asked> {
  try {
    const listed = await listTools(config, context, connectDeps, signal);
    return { config, tools: await createToolSieve(log)(config.name, listed) };
  } catch (error) {
    return { config, tools: [], error: toMcpMasterError(error) };
  }
}

/** The entries that are left out; one that is named is an error of its own. */
function rejections(only: string | undefined, { rejected }: Config): McpMasterError[] {
  if (only !== undefined) return [];
  return rejected.flatMap(({ name }) => rejectedError(name, rejected) ?? []);
}

function show(rows: ToolRow[], { search }: ToolsFlags, context: Context): string {
  if (rows.length > 0) return renderTools(rows, context);
  if (search === undefined) return 'There are no tools.\n';
  return `No tool has "${search}" in its name or description.\n`;
}

function interruption(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the listing was interrupted', {
    hint: 'Run it again, for one server if the others are slow: mcp-master tools SERVER',
  });
}
