import { distance } from 'fastest-levenshtein';
import { RPC_ERROR } from '../rpc/message.ts';
import type { IncomingRequest } from '../rpc/peer.ts';
import { relay } from '../rpc/relay.ts';
import type { BackendPool } from './backend-pool.ts';
import { rpcError } from './rpc-errors.ts';

/** Answers a client's request, now or later. */
type Method = (request: IncomingRequest, pool: BackendPool) => void;

const NEAR_MATCHES = 3;

/** What a client may ask for after `initialize`. A method that is not here is refused. */
export const METHODS: Readonly<Record<string, Method>> = {
  'tools/list': listTools,
  'tools/call': callTool,
};

/** All tools in one page: clients that follow no cursor see them all. */
function listTools(request: IncomingRequest, pool: BackendPool): void {
  if (request.params?.['cursor'] !== undefined) {
    request.reply(rpcError(RPC_ERROR.invalidParams, 'No cursor was given: the list has one page'));
    return;
  }
  whenListable(pool, () => request.reply({ result: { tools: pool.list() } }));
}

function callTool(request: IncomingRequest, pool: BackendPool): void {
  const { name } = request.params ?? {};
  if (typeof name !== 'string') {
    request.reply(rpcError(RPC_ERROR.invalidParams, '"name" must be a string'));
    return;
  }
  if (relayCall(request, pool, name)) return;
  whenListable(pool, () => {
    if (!relayCall(request, pool, name)) request.reply(unknownTool(name, pool));
  });
}

/** False when no tool of this name is known. */
function relayCall(request: IncomingRequest, pool: BackendPool, name: string): boolean {
  const route = pool.route(name);
  if (route === undefined) return false;
  relay(request, route.backend, {
    params: { ...request.params, name: route.tool },
    timeoutMs: route.backend.config.timeout * 1000,
  });
  return true;
}

/** At once where everything is known, so that the answer keeps its place in the order. */
function whenListable(pool: BackendPool, answer: () => void): void {
  if (pool.isListable()) answer();
  else void pool.listable().then(answer);
}

function unknownTool(name: string, pool: BackendPool): ReturnType<typeof rpcError> {
  const near = [...pool.table().routes.keys()]
    .map((known) => ({ known, far: distance(known, name) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, NEAR_MATCHES)
    .map(({ known }) => known);
  const hint = [
    near.length === 0 ? 'No tool is available.' : `The nearest are: ${near.join(', ')}.`,
    ...pool.failures(name).map(({ message }) => `Its server may be one that failed: ${message}.`),
  ].join(' ');
  const data = { code: 'UNKNOWN_TOOL', hint, near };
  return rpcError(RPC_ERROR.invalidParams, `Unknown tool: ${name}. ${hint}`, data);
}
