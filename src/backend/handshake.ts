import { McpMasterError } from '../errors.ts';
import { isObject, type JsonObject } from '../rpc/message.ts';
import type { Peer } from '../rpc/peer.ts';

/** Revisions of the protocol that are relayed, the newest first. */
export const PROTOCOL_VERSIONS = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
] as const;

/** What a client said of itself in `initialize`, passed on to the servers as it is. */
export interface ClientIdentity {
  protocolVersion: string;
  capabilities: JsonObject;
  clientInfo: JsonObject;
  /** Whatever else it said. */
  rest?: JsonObject;
}

/** What a server said of itself in its answer to `initialize`. */
export interface ServerIdentity {
  protocolVersion: string;
  capabilities: JsonObject;
  serverInfo: JsonObject;
  instructions: string | undefined;
}

/** The `initialize` exchange (specification 2025-11-25, "Lifecycle"), from the client's side. */
export async function shakeHands(peer: Peer, client: ClientIdentity): Promise<ServerIdentity> {
  const { rest, ...said } = client;
  const reply = await peer.ask('initialize', { ...rest, ...said });
  if ('error' in reply) {
    throw protocolError(`refused to initialize: ${reply.error.message} (${reply.error.code})`);
  }
  const server = readIdentity(reply.result);
  peer.setProtocolVersion(server.protocolVersion);
  // Over HTTP it is a request of its own, which others could overtake.
  await peer.deliver('notifications/initialized');
  return server;
}

function readIdentity(result: JsonObject): ServerIdentity {
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  if (typeof protocolVersion !== 'string') {
    throw protocolError('answered initialize without a protocolVersion');
  }
  if (!PROTOCOL_VERSIONS.some((version) => version === protocolVersion)) {
    throw protocolError(`speaks protocol revision "${protocolVersion}", which is not supported`);
  }
  return {
    protocolVersion,
    capabilities: isObject(capabilities) ? capabilities : {},
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

function protocolError(message: string): McpMasterError {
  return new McpMasterError('BACKEND_PROTOCOL', `the server ${message}`, {
    hint: `Check that it is an MCP server; the revisions spoken are ${PROTOCOL_VERSIONS.join(', ')}.`,
  });
}
