import type { Backend } from '../../backend/backend.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import type { JsonObject } from '../../rpc/message.ts';
import { relay } from '../../rpc/relay.ts';
import { urisIn } from '../mentions.ts';
import type { Services } from '../services.ts';
import { sendGuarded } from '../sign-in/guarded-call.ts';

/**
 * Passes a client's request on to a server, with these params, and once more after a login where it needs one. Of the result only ids of tasks may
 * change; the URIs that it mentions are remembered as that server's.
 */
export function relayTo(
  backend: Backend,
  request: IncomingRequest,
  services: Services,
  params: JsonObject,
  onResult: () => void = () => undefined,
): void {
  const { tasks } = services;
  const { name } = backend;
  sendGuarded(backend, request, services, (current, onFailure) =>
    relay(request, current, {
      params: tasks.incomingRelated(params),
      timeoutMs: current.config.timeout * 1000,
      mapProgress: (progress) => tasks.outgoingRelated(name, progress),
      mapResult: (result) => {
        onResult();
        noteMentions(current, result, services);
        return tasks.outgoingRelated(name, result);
      },
      onFailure,
    }),
  );
}

/** Remembers the URIs in a result as those of the server that it came from. */
export function noteMentions({ name }: Backend, result: JsonObject, { pool }: Services): void {
  for (const uri of urisIn(result)) pool.router.mention(name, uri);
}
