import { Backend, type BackendHandlers } from '../backend/backend.ts';
import type { ConnectDeps } from '../backend/connect.ts';
import { PROTOCOL_VERSIONS } from '../backend/handshake.ts';
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { methodNotFound } from '../proxy/rpc-errors.ts';
import type { JsonObject } from '../rpc/message.ts';

/** A server for the use of a command, with no desktop client behind: it may ask for nothing. */
export function createOwnBackend(
  server: ServerConfig,
  version: string,
  deps: ConnectDeps,
): Backend {
  const client = {
    protocolVersion: PROTOCOL_VERSIONS[0],
    capabilities: {},
    clientInfo: { name: 'mcp-master', title: 'MCP Master', version },
  };
  const handlers: BackendHandlers = {
    onReady: () => undefined,
    onNotification: () => undefined,
    onRequest: (request) => request.reply(methodNotFound(request.method)),
  };
  return new Backend(server, client, handlers, deps);
}

/** Connects to a server and resolves with its tools, as it lists them; `signal` calls that off. */
export async function listTools(
  server: ServerConfig,
  { version }: { version: string },
  deps: ConnectDeps,
  signal?: AbortSignal,
): Promise<JsonObject[]> {
  const backend = createOwnBackend(server, version, { ...deps, log: withoutWarnings(deps.log) });
  const onAbort = () => void backend.close();
  signal?.addEventListener('abort', onAbort);
  try {
    const session = await backend.connect();
    return await backend.list(session, 'tools');
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await backend.close();
  }
}

/** The number of a server's tools; as {@link listTools}. */
export async function countTools(...args: Parameters<typeof listTools>): Promise<number> {
  return (await listTools(...args)).length;
}

/** What went wrong is told by who has asked for the connection, and may be what a login is about to mend. */
function withoutWarnings(log: Logger): Logger {
  return { ...log, warn: log.info, named: (name) => withoutWarnings(log.named(name)) };
}
