import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { isObject, type JsonObject, type Reply, RPC_ERROR } from '../../rpc/message.ts';
import { rpcError } from '../rpc-errors.ts';
import { type Destination, type Method, type Services, whenListable } from '../services.ts';
import { relayTo } from './relay-to.ts';

/** `prompts/get`. */
export const getPrompt: Method = (request, services) => {
  whenListable(request, services.pool, () => {
    const { name } = request.params ?? {};
    const found = findPrompt(name, services);
    if (found === undefined) request.reply(unknownPrompt(name));
    else relayTo(found.backend, request, services, { ...request.params, name: found.name });
  });
};

/** `completion/complete`, for an argument of a prompt or of a resource template. */
export const complete: Method = (request, services) => {
  whenListable(request, services.pool, () => {
    const { ref } = request.params ?? {};
    const destination = isObject(ref) ? completionOf(ref, request, services) : undefined;
    if (destination === undefined) request.reply(unknownReference(ref));
    else relayTo(destination.backend, request, services, destination.params);
  });
};

function findPrompt(name: JsonObject[string], { pool }: Services) {
  const route = typeof name === 'string' ? pool.router.prompt(name) : undefined;
  const backend = route && pool.get(route.server);
  return backend && { backend, name: route.name };
}

function completionOf(
  ref: JsonObject,
  { params }: IncomingRequest,
  services: Services,
): Destination | undefined {
  if (ref['type'] === 'ref/prompt') {
    const prompt = findPrompt(ref['name'], services);
    return prompt && { ...prompt, params: { ...params, ref: { ...ref, name: prompt.name } } };
  }
  const { uri } = ref;
  const route = typeof uri === 'string' ? services.pool.router.resource(uri) : undefined;
  const backend = route && services.pool.get(route.server);
  return backend && { backend, params: { ...params, ref: { ...ref, uri: route.uri } } };
}

function unknownPrompt(name: JsonObject[string]): Reply {
  return rpcError(RPC_ERROR.invalidParams, `Unknown prompt: ${String(name)}`);
}

function unknownReference(ref: JsonObject[string]): Reply {
  const message = `Nothing to complete for ${JSON.stringify(ref)}`;
  return rpcError(RPC_ERROR.invalidParams, message);
}
