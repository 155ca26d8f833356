import type { Backend } from '../../backend/backend.ts';
import { toMcpMasterError } from '../../errors.ts';
import { type JsonObject, RPC_ERROR } from '../../rpc/message.ts';
import { relay } from '../../rpc/relay.ts';
import { rpcError } from '../rpc-errors.ts';
import { type Method, type Services, whenListable } from '../services.ts';
import { noteMentions } from './relay-to.ts';

/** `tasks/get`, `tasks/result` and `tasks/cancel`: to the server whose task it is. */
export const forTask: Method = (request, services) => {
  const { pool, tasks } = services;
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
    mapProgress: (progress) => tasks.outgoingRelated(backend.name, progress),
    mapResult: (result) => {
      if (request.method !== 'tasks/result') return tasks.outgoing(backend.name, result);
      noteMentions(backend, result, services);
      return tasks.outgoingRelated(backend.name, result);
    },
  });
};

/** `tasks/list`: the tasks of all servers that have any, in one page; those that fail are left out. */
export const listTasks: Method = (request, services) => {
  whenListable(request, services.pool, () => {
    const listed = services.pool.withCapability('tasks').map((one) => tasksOf(one, services));
    void Promise.all(listed).then((lists) => request.reply({ result: { tasks: lists.flat() } }));
  });
};

async function tasksOf(backend: Backend, { tasks, log }: Services): Promise<JsonObject[]> {
  try {
    const found = await backend.list(await backend.connect(), 'tasks');
    return found.map((task) => tasks.outgoing(backend.name, task));
  } catch (error) {
    log.warn(`its tasks are not listed: ${toMcpMasterError(error).message}`);
    return [];
  }
}
