import type { JsonObject } from '../../rpc/message.ts';
import { RPC_ERROR } from '../../rpc/message.ts';
import type { Lists } from '../catalogue.ts';
import type { Router } from '../router.ts';
import { rpcError } from '../rpc-errors.ts';
import { type Method, whenListable } from '../services.ts';

/**
 * The method that answers with one of the joined lists. All of it is one page: clients that follow no
 * cursor see it whole.
 */
export function listMethod(kind: keyof Lists): Method {
  return (request, services) => {
    const { pool, noteListed } = services;
    if (request.params?.['cursor'] !== undefined) {
      const message = 'No cursor was given: the list has one page';
      request.reply(rpcError(RPC_ERROR.invalidParams, message));
      return;
    }
    whenListable(request, pool, () => {
      noteListed(kind);
      // Those of this moment: the configuration may have changed meanwhile.
      const own = kind === 'tools' ? services.builtins.items : [];
      request.reply({ result: listResult(kind, own, itemsOf(pool.router, kind)) });
      pool.retryFailed();
    });
  };
}

/** The result that was made of a joined list, with our own items that stood before it. */
const results = new WeakMap<JsonObject[], Made>();

interface Made {
  kind: keyof Lists;
  /** Our own items, as JSON. */
  own: string;
  result: JsonObject;
}

/** For the same list the same object: a large one is then written in the bytes of the last time. */
function listResult(kind: keyof Lists, ours: JsonObject[], items: JsonObject[]): JsonObject {
  const last = results.get(items);
  // They are made anew each time; there are two at most.
  const own = JSON.stringify(ours);
  const isSame = last?.kind === kind && last.own === own;
  if (isSame) return last.result;
  const result = { [kind]: [...ours, ...items] };
  results.set(items, { kind, own, result });
  return result;
}

function itemsOf(router: Router, kind: keyof Lists): JsonObject[] {
  return router[kind]();
}
