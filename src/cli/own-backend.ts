import { Backend, type BackendHandlers } from '../backend/backend.ts';
import type { ConnectDeps } from '../backend/connect.ts';
import { PROTOCOL_VERSIONS } from '../backend/handshake.ts';
import type { ServerConfig } from '../config/config.ts';
import { methodNotFound } from '../proxy/rpc-errors.ts';

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

/** Connects to a server and resolves with the number of its tools; `signal` calls that off. */
export async function countTools(
  server: ServerConfig,
  { version }: { version: string },
  deps: ConnectDeps,
  signal?: AbortSignal,
): Promise<number> {
  const backend = createOwnBackend(server, version, deps);
  const onAbort = () => void backend.close();
  signal?.addEventListener('abort', onAbort);
  try {
    const session = await backend.connect();
    return (await backend.list(session, 'tools')).length;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await backend.close();
  }
}
