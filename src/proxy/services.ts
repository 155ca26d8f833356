import type { Backend } from '../backend/backend.ts';
import { toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import type { JsonObject } from '../rpc/message.ts';
import { toErrorObject } from '../rpc/relay.ts';
import type { BackendPool } from './backend-pool.ts';
import type { BuiltinTools } from './builtin-tools.ts';
import type { Lists } from './catalogue.ts';
import type { ClientWishes } from './client-wishes.ts';
import type { SignInHelp } from './sign-in/sign-in-help.ts';
import type { TaskRoutes } from './task-routes.ts';

/** What the methods of a session work with. */
export interface Services {
  pool: BackendPool;
  wishes: ClientWishes;
  /** Tasks that servers run for the client. */
  tasks: TaskRoutes;
  log: Logger;
  /** Brings the client's person to log in. */
  signIn: SignInHelp;
  builtins: BuiltinTools;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A server has refused a request: it may want a login that nobody knew of. */
  noteRefused(): void;
  /** The client is given these lists: from now on it is told when they change. */
  noteListed(kind: keyof Lists): void;
}

/** Answers a client's request, now or later. */
export type Method = (request: IncomingRequest, services: Services) => void;

/** Where a request goes, and with which params. */
export interface Destination {
  backend: Backend;
  params: JsonObject;
}

/**
 * Calls back when something is known of each server: at once where it is, to keep the order. A fault
 * in what is called back fails this request, and no other.
 */
export function whenListable(request: IncomingRequest, pool: BackendPool, then: () => void): void {
  if (pool.isListable()) {
    then();
    return;
  }
  pool
    .listable()
    .then(then)
    .catch((error: unknown) => {
      request.reply({ error: toErrorObject(toMcpMasterError(error)) });
    });
}
