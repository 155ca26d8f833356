import { distance } from 'fastest-levenshtein';
import type { Backend } from '../../backend/backend.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { type Reply, RPC_ERROR } from '../../rpc/message.ts';
import { answerFaults } from '../answer-faults.ts';
import { LOGIN_TOOL } from '../builtin-names.ts';
import { SEPARATOR } from '../names.ts';
import { rpcError } from '../rpc-errors.ts';
import { type Method, type Services, whenListable } from '../services.ts';
import { relayTo } from './relay-to.ts';

const NEAR_MATCHES = 3;

/** `tools/call`: by look-up of the qualified name, under the server's own. */
export const callTool: Method = (request, services) => {
  const { name } = request.params ?? {};
  if (typeof name !== 'string') {
    request.reply(rpcError(RPC_ERROR.invalidParams, '"name" must be a string'));
  } else if (!services.builtins.call(request, name) && !relayCall(request, services, name)) {
    whenListable(request, services.pool, () => {
      if (!relayCall(request, services, name))
        answerFaults(request, callLater(request, services, name));
    });
  }
};

/** A server may wait for its turn to start, be connecting after a login, or its tools are still being listed. */
async function callLater(
  request: IncomingRequest,
  services: Services,
  name: string,
): Promise<void> {
  const { pool } = services;
  const mayHave = ({ config: { prefix }, state: { phase } }: Backend) =>
    phase !== 'failed' && (prefix === '' || name.startsWith(prefix + SEPARATOR));
  await Promise.all(pool.backends.filter(mayHave).map((backend) => pool.listed(backend.name)));
  if (!relayCall(request, services, name)) request.reply(unknownTool(name, services));
}

/** False when no tool of this name is known. */
function relayCall(request: IncomingRequest, services: Services, name: string): boolean {
  const route = services.pool.router.tool(name);
  const backend = route && services.pool.get(route.server);
  if (route === undefined || backend === undefined) return false;
  relayTo(backend, request, services, { ...request.params, name: route.name });
  return true;
}

function unknownTool(name: string, { pool, builtins }: Services): Reply {
  const near = pool.router
    .toolNames()
    .map((known) => ({ known, far: distance(known, name) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, NEAR_MATCHES)
    .map(({ known }) => known);
  const hint = [
    near.length === 0 ? 'No tool is available.' : `The nearest are: ${near.join(', ')}.`,
    ...pool.failures(name).map(({ message, hint: next = '' }) => {
      return `Its server may be one that failed: ${message}. ${next}`.trimEnd();
    }),
    ...(builtins.items.length > 0 ? [`The tool ${LOGIN_TOOL} begins the login to a server.`] : []),
  ].join(' ');
  const data = { code: 'UNKNOWN_TOOL', hint, near };
  return rpcError(RPC_ERROR.invalidParams, `Unknown tool: ${name}. ${hint}`, data);
}
