import type { JsonObject, Reply } from '../rpc/message.ts';

/** An error answer of our own. */
export function rpcError(code: number, message: string, data?: JsonObject): Reply {
  return { error: data === undefined ? { code, message } : { code, message, data } };
}
