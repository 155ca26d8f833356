import type { Backend } from '../backend/backend.ts';
import type { Logger } from '../log.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import { type JsonObject, RPC_ERROR } from '../rpc/message.ts';
import type { Peer } from '../rpc/peer.ts';
import { relay } from '../rpc/relay.ts';
import type { BackendPool } from './backend-pool.ts';
import type { Lists } from './catalogue.ts';
import type { ClientWishes } from './client-wishes.ts';
import { methodNotFound, rpcError } from './rpc-errors.ts';
import type { TaskRoutes } from './task-routes.ts';

/** What the messages of servers are handled with. */
export interface BackendMessageServices {
  client: Peer;
  /** What the client said that it can do. */
  capabilities: JsonObject;
  pool: BackendPool;
  wishes: ClientWishes;
  /** Tasks that servers run for the client. */
  tasks: TaskRoutes;
  /** Tasks that the client runs for servers. */
  clientTasks: TaskRoutes;
  log: Logger;
}

/** What a server may ask of a client, and the capability by which a client says that it may. */
const NEEDED_CAPABILITY: Readonly<Record<string, string>> = {
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
  'sampling/createMessage': 'sampling',
  'tasks/cancel': 'tasks',
  'tasks/get': 'tasks',
  'tasks/list': 'tasks',
  'tasks/result': 'tasks',
};

/** A server's lists that a notification of it declares changed. */
const CHANGES: Readonly<Record<string, readonly (keyof Lists)[]>> = {
  'notifications/prompts/list_changed': ['prompts'],
  'notifications/resources/list_changed': ['resources', 'resourceTemplates'],
  'notifications/tools/list_changed': ['tools'],
};

/** Passes a server's request on to the client, if the client can answer that method at all. */
export function relayBackendRequest(
  backend: Backend,
  request: IncomingRequest,
  services: BackendMessageServices,
): void {
  const { method, params } = request;
  const needed = Object.hasOwn(NEEDED_CAPABILITY, method) ? NEEDED_CAPABILITY[method] : undefined;
  if (needed === undefined || services.capabilities[needed] === undefined) {
    request.reply(methodNotFound(method));
  } else if (needed === 'tasks') {
    relayClientTask(backend, request, services);
  } else {
    const { client, tasks, clientTasks } = services;
    // No time-out: a person may have to answer it. The server withdraws what it no longer needs.
    relay(request, client, {
      ...(params && { params: tasks.outgoingRelated(backend.name, params) }),
      mapResult: (result) => {
        clientTasks.noteOwner(backend.name, result);
        return tasks.incomingRelated(result);
      },
    });
  }
}

/** A server sees the client's tasks that it started itself, and no other server's. */
function relayClientTask(
  backend: Backend,
  request: IncomingRequest,
  { client, clientTasks }: BackendMessageServices,
): void {
  const taskId = request.params?.['taskId'];
  if (request.method === 'tasks/list') {
    relay(request, client, { mapResult: (result) => clientTasks.ownOnly(backend.name, result) });
  } else if (typeof taskId === 'string' && clientTasks.get(taskId)?.server === backend.name) {
    relay(request, client);
  } else {
    request.reply(rpcError(RPC_ERROR.invalidParams, `Unknown task: ${String(taskId)}`));
  }
}

/** Passes a server's notification on to the client, as the client knows what it is about. */
export function relayBackendNotification(
  backend: Backend,
  method: string,
  params: JsonObject | undefined,
  services: BackendMessageServices,
): void {
  const { client, pool, tasks, log } = services;
  const changed = Object.hasOwn(CHANGES, method) ? CHANGES[method] : undefined;
  if (changed !== undefined) {
    pool.refresh(backend, changed);
    return;
  }
  switch (method) {
    case 'notifications/message':
      client.notify(method, {
        ...tasks.outgoingRelated(backend.name, params ?? {}),
        logger: loggerOf(backend.name, params),
      });
      break;
    case 'notifications/resources/updated':
      client.notify(method, withKnownUri(backend.name, params, services));
      break;
    case 'notifications/tasks/status':
      client.notify(method, params && tasks.outgoing(backend.name, params));
      break;
    case 'notifications/elicitation/complete':
      client.notify(method, params);
      break;
    default:
      log.debug(`server "${backend.name}" sent ${method}, which is not relayed`);
  }
}

/** The server's name before the name of its logger: a client sees one log. */
function loggerOf(server: string, params: JsonObject | undefined): string {
  const logger = params?.['logger'];
  return typeof logger === 'string' ? `${server}/${logger}` : server;
}

function withKnownUri(
  server: string,
  params: JsonObject | undefined,
  { pool, wishes }: BackendMessageServices,
): JsonObject | undefined {
  const uri = params?.['uri'];
  if (typeof uri !== 'string') return params;
  const known = wishes.knownAs(server, uri) ?? pool.router.listedUri(server, uri);
  return { ...params, uri: known };
}
