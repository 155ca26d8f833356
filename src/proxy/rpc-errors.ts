import { type JsonObject, type Reply, RPC_ERROR } from '../rpc/message.ts';

/** An error answer of our own. */
export function rpcError(code: number, message: string, data?: JsonObject): Reply {
  return { error: data === undefined ? { code, message } : { code, message, data } };
}

/** The answer to a method that is not known, or that nobody here may ask for. */
export function methodNotFound(method: string): Reply {
  return rpcError(RPC_ERROR.methodNotFound, `Method not found: ${method}`);
}
