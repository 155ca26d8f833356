import { createMasterServer } from '../app/create-master-server.ts';
import { logProblems } from '../app/greeting.ts';
import { openWorkspace } from '../app/workspace.ts';
import type { MultiAuthManager } from '../auth/multi-auth-manager.ts';
import { createClientTransport } from '../proxy/client-transport.ts';
import type { ClientTransport } from './client-transport.ts';
import type { MasterConfig, MasterServerOptions } from './master-server.ts';
import { openContext } from './open-context.ts';

/** A server with its stores and connections. */
export interface OpenServer {
  /** Serves one client until it goes. Default: stdin and stdout of this process. */
  serve(transport: ClientTransport | undefined): Promise<void>;
  /** Ends the sessions of all clients. */
  close(): Promise<void>;
  /** Frees everything; nobody may be served any more. */
  release(): Promise<void>;
}

/** Opens what `mcp-master serve` works with. Rejects with `CONFIG_INVALID`. */
export async function openServer(
  config: MasterConfig | undefined,
  manager: MultiAuthManager | undefined,
  { logLevel }: MasterServerOptions,
): Promise<OpenServer> {
  const { context, flags, killAll } = openContext(config?.request ?? {});
  const told = { ...flags, ...(logLevel !== undefined && { logLevel }) };
  const workspace = await openWorkspace(context, told, 'warn', { config, manager });
  const { log, close } = workspace;
  logProblems(workspace.config, workspace.config.problems, log);
  const server = createMasterServer(context, workspace);
  process.on('exit', killAll);
  return {
    serve: async (transport) => {
      if (transport !== undefined) return server.serve(transport);
      await server.serve(createClientTransport(context.stdin, await context.claimStdout(), log));
      // Else it would keep the process from its end.
      context.stdin.pause();
    },
    close: () => server.close(),
    release: async () => {
      await close();
      process.off('exit', killAll);
    },
  };
}
