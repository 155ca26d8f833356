import { type JsonObject, RPC_ERROR } from '../rpc/message.ts';
import type { IncomingRequest } from '../rpc/peer.ts';
import { type RequestTarget, relay } from '../rpc/relay.ts';
import { rpcError } from './rpc-errors.ts';

/** What a server may ask of a client, and the capability by which a client says that it may. */
const NEEDED_CAPABILITY: Readonly<Record<string, string>> = {
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
  'sampling/createMessage': 'sampling',
};

/** Passes a server's request on to the client, if the client can answer that method at all. */
export function relayBackendRequest(
  request: IncomingRequest,
  client: RequestTarget,
  capabilities: JsonObject,
): void {
  const needed = Object.hasOwn(NEEDED_CAPABILITY, request.method)
    ? NEEDED_CAPABILITY[request.method]
    : undefined;
  if (needed === undefined || capabilities[needed] === undefined) {
    request.reply(rpcError(RPC_ERROR.methodNotFound, `Method not found: ${request.method}`));
    return;
  }
  // No time-out: a person may have to answer it. The server withdraws what it no longer needs.
  relay(request, client);
}
