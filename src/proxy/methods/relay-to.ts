import type { Backend } from '../../backend/backend.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import type { JsonObject } from '../../rpc/message.ts';
import { relay } from '../../rpc/relay.ts';
import { urisIn } from '../mentions.ts';
import type { Services } from '../services.ts';

/**
 * Passes a client's request on to a server, with these params. Of the result only ids of tasks may
 * change; the URIs that it mentions are remembered as that server's.
 */
export function relayTo(
  backend: Backend,
  request: IncomingRequest,
  { pool, tasks }: Services,
  params: JsonObject,
): void {
  relay(request, backend, {
    params,
    timeoutMs: backend.config.timeout * 1000,
    mapResult: (result) => {
      for (const uri of urisIn(result)) pool.router.mention(backend.name, uri);
      return tasks.outgoingRelated(backend.name, result);
    },
  });
}
