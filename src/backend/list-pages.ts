import { McpMasterError } from '../errors.ts';
import { isObject, type JsonObject, type Reply, RPC_ERROR } from '../rpc/message.ts';
import type { Session } from './connect.ts';

/** A server that never stops giving cursors must not keep us for ever. */
const MOST_PAGES = 1000;

/** The lists of MCP: the member of the result that holds the items, and how they are asked for. */
export const LISTS = {
  tools: { method: 'tools/list', capability: 'tools' },
  resources: { method: 'resources/list', capability: 'resources' },
  resourceTemplates: { method: 'resources/templates/list', capability: 'resources' },
  prompts: { method: 'prompts/list', capability: 'prompts' },
  tasks: { method: 'tasks/list', capability: 'tasks' },
} as const;
export type ListKind = keyof typeof LISTS;

/**
 * All items of a list, page by page to the end (specification 2025-11-25, "Pagination"); none of a
 * server that does not have such a list. Items are as the server sent them; what is no object is left
 * out.
 */
export async function listAll(
  { peer, server }: Session,
  kind: ListKind,
  timeoutMs: number,
): Promise<JsonObject[]> {
  const { method, capability } = LISTS[kind];
  if (server.capabilities[capability] === undefined) return [];
  const items: JsonObject[] = [];
  const seen = new Set<string>();
  let params: JsonObject | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { found, nextCursor } = readPage(kind, await peer.ask(method, params, timeoutMs));
    items.push(...found);
    if (nextCursor === undefined) return items;
    if (seen.has(nextCursor)) throw listError(`gave the same cursor twice for ${method}`);
    seen.add(nextCursor);
    params = { cursor: nextCursor };
  }
  throw listError(`gave more than ${MOST_PAGES} pages for ${method}`);
}

function readPage(
  kind: ListKind,
  reply: Reply,
): { found: JsonObject[]; nextCursor: string | undefined } {
  const { method } = LISTS[kind];
  if ('error' in reply) {
    const { code, message } = reply.error;
    // Templates and tasks have no capability of their own: a server may not know the method.
    if (code === RPC_ERROR.methodNotFound) return { found: [], nextCursor: undefined };
    throw listError(`answered ${method} with an error: ${message} (${code})`);
  }
  const { [kind]: found, nextCursor } = reply.result;
  if (!Array.isArray(found)) throw listError(`answered ${method} without "${kind}"`);
  return {
    found: found.filter(isObject),
    nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined,
  };
}

function listError(message: string): McpMasterError {
  return new McpMasterError('BACKEND_PROTOCOL', `the server ${message}`, {
    hint: 'Report it to the maintainer of the server.',
  });
}
