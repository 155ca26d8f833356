import type { Session } from '../../backend/connect.ts';
import { listAll } from '../../backend/list-pages.ts';
import { toMcpMasterError } from '../../errors.ts';
import { type JsonObject, RPC_ERROR } from '../../rpc/message.ts';
import { relay } from '../../rpc/relay.ts';
import { rpcError } from '../rpc-errors.ts';
import type { Method, Services } from '../services.ts';

/** `tasks/get`, `tasks/result` and `tasks/cancel`: to the server whose task it is. */
export const forTask: Method = (request, { pool, tasks }) => {
  const { taskId } = request.params ?? {};
  const route = typeof taskId === 'string' ? tasks.get(taskId) : undefined;
  const backend = route && pool.get(route.server);
  if (backend === undefined) {
    request.reply(rpcError(RPC_ERROR.invalidParams, `Unknown task: ${String(taskId)}`));
    return;
  }
  relay(request, backend, {
    params: tasks.incoming(request.params ?? {}),
    // The result of a task comes when the task ends, however long that takes.
    timeoutMs: request.method === 'tasks/result' ? undefined : backend.config.timeout * 1000,
    mapResult: (result) =>
      request.method === 'tasks/result'
        ? tasks.outgoingRelated(backend.name, result)
        : tasks.outgoing(backend.name, result),
  });
};

/** `tasks/list`: the tasks of all connected servers in one page. */
export const listTasks: Method = (request, services) => {
  const ready = services.pool.backends.flatMap(({ config, state }) =>
    state.phase === 'ready' ? [{ config, session: state.session }] : [],
  );
  const listed = ready.map(({ config, session }) =>
    tasksOf(config.name, session, config.timeout * 1000, services),
  );
  Promise.all(listed).then(
    (lists) => request.reply({ result: { tasks: lists.flat() } }),
    (error: unknown) =>
      request.reply(rpcError(RPC_ERROR.internalError, toMcpMasterError(error).message)),
  );
};

async function tasksOf(
  server: string,
  session: Session,
  timeoutMs: number,
  { tasks }: Services,
): Promise<JsonObject[]> {
  const found = await listAll(session, 'tasks', timeoutMs);
  return found.map((task) => tasks.outgoing(server, task));
}
