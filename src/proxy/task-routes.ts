import { isObject, type JsonObject, type JsonValue } from '../rpc/message.ts';

/** Where messages about a task name it (specification 2025-11-25, "Tasks"). */
const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** Tasks whose end nobody tells are forgotten, the oldest first, beyond this many. */
const TASKS_KEPT = 10_000;

/** Where a task is. */
export interface TaskRoute {
  server: string;
  /** The server's own id for it. */
  taskId: string;
}

/**
 * Whose task an id is. Ids pass as they are; should two servers choose the same one, the second's
 * gets the name of its server before it, in every message about it.
 */
export class TaskRoutes {
  /** The id that the other side knows -> where it is. */
  readonly #routes = new Map<string, TaskRoute>();
  /** Server, NUL, own id -> the id that the other side knows, where that is another one. */
  readonly #aliases = new Map<string, string>();

  get(taskId: string): TaskRoute | undefined {
    return this.#routes.get(taskId);
  }

  /**
   * What `server` says of its tasks (a result, or params), with the ids that the other side knows;
   * new ones are remembered.
   */
  outgoing(server: string, body: JsonObject): JsonObject {
    return renameTasks(body, (taskId) => this.#listed(server, taskId));
  }

  /** The same for what is about something else, and may have to do with a task. */
  outgoingRelated(server: string, body: JsonObject): JsonObject {
    return renameRelated(body, (taskId) => this.#listed(server, taskId));
  }

  /** Remembers who started the task that a result has created, if it has created one. */
  noteOwner(server: string, { task }: JsonObject): void {
    if (isObject(task)) this.outgoing(server, task);
  }

  /** The result of `tasks/list` without the tasks of others. */
  ownOnly(server: string, result: JsonObject): JsonObject {
    const { tasks } = result;
    if (!Array.isArray(tasks)) return result;
    const own = tasks.filter((task) => isObject(task) && this.#ownerOf(task) === server);
    return { ...result, tasks: own };
  }

  /** The same for what has to do with a task at most. */
  incomingRelated(params: JsonObject): JsonObject {
    return renameRelated(params, (taskId) => this.#routes.get(taskId)?.taskId ?? taskId);
  }

  /** Params for the server that a task belongs to, with its own id. */
  incoming(params: JsonObject): JsonObject {
    return renameTasks(params, (taskId) => this.#routes.get(taskId)?.taskId ?? taskId);
  }

  #ownerOf({ taskId }: JsonObject): string | undefined {
    return typeof taskId === 'string' ? this.#routes.get(taskId)?.server : undefined;
  }

  #listed(server: string, taskId: string): string {
    const alias = this.#aliases.get(`${server}\0${taskId}`);
    if (alias !== undefined) return alias;
    const owner = this.#routes.get(taskId);
    if (owner?.server === server && owner.taskId === taskId) return taskId;
    const listed = owner === undefined ? taskId : this.#freeAlias(`${server}:${taskId}`);
    if (listed !== taskId) this.#aliases.set(`${server}\0${taskId}`, listed);
    this.#routes.set(listed, { server, taskId });
    this.#forgetOldest();
    return listed;
  }

  /** Servers choose their ids freely, so one may have chosen what would be another's alias. */
  #freeAlias(wanted: string): string {
    let alias = wanted;
    for (let count = 2; this.#routes.has(alias); count += 1) alias = `${wanted}~${count}`;
    return alias;
  }

  #forgetOldest(): void {
    if (this.#routes.size <= TASKS_KEPT) return;
    const [oldest] = this.#routes;
    if (oldest === undefined) return;
    const [listed, { server, taskId }] = oldest;
    this.#routes.delete(listed);
    this.#aliases.delete(`${server}\0${taskId}`);
  }
}

type Rename = (taskId: string) => string;

/** The ids in a body that is about tasks; the same body if none of them changes. */
function renameTasks(body: JsonObject, rename: Rename): JsonObject {
  const own = renameRelated(renameIn(body, 'taskId', rename), rename);
  const { tasks } = own;
  if (!Array.isArray(tasks)) return own;
  return { ...own, tasks: tasks.map((task) => renameItem(task, rename)) };
}

/** The ids where any body may have one: a new task, and the task that it belongs to. */
function renameRelated(body: JsonObject, rename: Rename): JsonObject {
  const own = renameWithin(body, 'task', (task) => renameIn(task, 'taskId', rename));
  return renameWithin(own, '_meta', (meta) =>
    renameWithin(meta, RELATED_TASK, (related) => renameIn(related, 'taskId', rename)),
  );
}

function renameItem(task: JsonValue, rename: Rename): JsonValue {
  return isObject(task) ? renameIn(task, 'taskId', rename) : task;
}

function renameWithin(
  body: JsonObject,
  key: string,
  change: (inner: JsonObject) => JsonObject,
): JsonObject {
  const inner = body[key];
  if (!isObject(inner)) return body;
  const changed = change(inner);
  return changed === inner ? body : { ...body, [key]: changed };
}

function renameIn(body: JsonObject, key: string, rename: Rename): JsonObject {
  const value = body[key];
  if (typeof value !== 'string') return body;
  const renamed = rename(value);
  return renamed === value ? body : { ...body, [key]: renamed };
}
