/**
 * JSON-RPC 2.0 messages as MCP uses them (specification 2025-11-25, basic, "Messages"). They are
 * plain JSON: what a message carries in `params`, `result` and `error` is passed on, not modelled.
 */

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** MCP allows strings and integers, and forbids null. */
export type RequestId = string | number;

export interface RequestMessage {
  jsonrpc: '2.0';
  id: RequestId;
  method: string;
  params?: JsonObject;
}

export interface NotificationMessage {
  jsonrpc: '2.0';
  method: string;
  params?: JsonObject;
}

/** The `error` member of a failed response, passed on with whatever it carries. */
export interface ErrorObject extends JsonObject {
  code: number;
  message: string;
}

/** What answers a request: one of the two. */
export type Reply = { result: JsonObject } | { error: ErrorObject };

/** A response; `id` is null where the request's could not be read. */
export type ResponseMessage = { jsonrpc: '2.0'; id: RequestId | null } & Reply;

export type Message = RequestMessage | NotificationMessage | ResponseMessage;

/** JSON-RPC's own error codes, and those that the MCP SDKs added (-32000 and -32001). */
export const RPC_ERROR = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** The connection to whoever should answer is gone, or was never there. */
  unavailable: -32000,
  requestTimeout: -32001,
} as const;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

/**
 * The message that `value` is, or undefined when it is none. Members beside those of JSON-RPC are
 * tolerated; a request whose `params` are not an object is not an MCP message.
 */
export function asMessage(value: unknown): Message | undefined {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const shaped = 'method' in value ? isCall(value) : isResponse(value);
  // The checks above have established the shape, which TypeScript can't follow.
  return shaped ? (value as unknown as Message) : undefined;
}

function isCall(value: JsonObject): boolean {
  if (typeof value['method'] !== 'string') return false;
  if ('id' in value && !isRequestId(value['id'])) return false;
  return value['params'] === undefined || isObject(value['params']);
}

function isResponse(value: JsonObject): boolean {
  if (value['id'] !== null && !isRequestId(value['id'])) return false;
  if ('result' in value) return isObject(value['result']) && !('error' in value);
  const error = value['error'];
  return (
    isObject(error) && typeof error['code'] === 'number' && typeof error['message'] === 'string'
  );
}
