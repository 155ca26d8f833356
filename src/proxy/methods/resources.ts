import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { RPC_ERROR } from '../../rpc/message.ts';
import type { ResourceRoute } from '../resource-table.ts';
import { rpcError } from '../rpc-errors.ts';
import { type Method, type Services, whenListable } from '../services.ts';
import { relayTo } from './relay-to.ts';

/** The error of `resources/read` for a URI that nobody has (specification, "Resources"). */
const RESOURCE_NOT_FOUND = -32002;

/** `resources/read`. */
export const readResource: Method = (request, services) =>
  forResource(request, services, () => undefined);

/** `resources/subscribe`: once done, it is repeated to the server when that is connected anew. */
export const subscribe: Method = (request, services) =>
  forResource(request, services, ({ server, uri }, known) =>
    services.wishes.follow(server, uri, known),
  );

/** `resources/unsubscribe`. */
export const unsubscribe: Method = (request, services) =>
  forResource(request, services, ({ server, uri }) => services.wishes.unfollow(server, uri));

/** Passes a request about a URI on to the server that has it, under that server's own URI. */
function forResource(
  request: IncomingRequest,
  services: Services,
  onDone: (route: ResourceRoute, known: string) => void,
): void {
  const { uri } = request.params ?? {};
  if (typeof uri !== 'string') {
    request.reply(rpcError(RPC_ERROR.invalidParams, '"uri" must be a string'));
    return;
  }
  whenListable(request, services.pool, () => {
    const route = services.pool.router.resource(uri);
    const backend = route && services.pool.get(route.server);
    if (route === undefined || backend === undefined) {
      request.reply(rpcError(RESOURCE_NOT_FOUND, `Resource not found: ${uri}`, { uri }));
      return;
    }
    const params = { ...request.params, uri: route.uri };
    relayTo(backend, request, services, params, () => onDone(route, uri));
  });
}
