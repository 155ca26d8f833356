import { McpMasterError } from '../errors.ts';
import { isObject, type JsonObject } from '../rpc/message.ts';
import type { Peer } from '../rpc/peer.ts';

/** A server that never stops giving cursors must not keep us for ever. */
const MOST_PAGES = 1000;

/** The kinds of lists that MCP has: the method, and the member of the result that holds the items. */
export const LISTS = {
  tools: 'tools/list',
  resources: 'resources/list',
  prompts: 'prompts/list',
} as const;
export type ListKind = keyof typeof LISTS;

/**
 * All items of a list, page by page to the end (specification 2025-11-25, "Pagination"). Items are
 * as the server sent them; what is no object is left out.
 */
export async function listAll(
  peer: Peer,
  kind: ListKind,
  timeoutMs: number,
): Promise<JsonObject[]> {
  const items: JsonObject[] = [];
  const seen = new Set<string>();
  let params: JsonObject | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { [kind]: found, nextCursor } = await askPage(peer, LISTS[kind], params, timeoutMs);
    if (!Array.isArray(found)) throw listError(`answered ${LISTS[kind]} without "${kind}"`);
    items.push(...found.filter(isObject));
    if (typeof nextCursor !== 'string') return items;
    if (seen.has(nextCursor)) throw listError(`gave the same cursor twice for ${LISTS[kind]}`);
    seen.add(nextCursor);
    params = { cursor: nextCursor };
  }
  throw listError(`gave more than ${MOST_PAGES} pages for ${LISTS[kind]}`);
}

async function askPage(
  peer: Peer,
  method: string,
  params: JsonObject | undefined,
  timeoutMs: number,
): Promise<JsonObject> {
  const reply = await peer.ask(method, params, timeoutMs);
  if ('result' in reply) return reply.result;
  throw listError(`answered ${method} with an error: ${reply.error.message} (${reply.error.code})`);
}

function listError(message: string): McpMasterError {
  return new McpMasterError('BACKEND_PROTOCOL', `the server ${message}`, {
    hint: 'Report it to the maintainer of the server.',
  });
}
