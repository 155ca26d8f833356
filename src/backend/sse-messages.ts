import { McpMasterError } from '../errors.ts';
import { asMessage, isObject, type Message, type RequestId } from '../rpc/message.ts';
import { notJsonError } from './http-errors.ts';

/** What the messages of an HTTP+SSE stream meet. */
export interface SseMessageHandlers {
  onMessage(message: Message): void;
  /** Something that is no message was left out; `id` is that of the request that it would answer. */
  onProblem(error: McpMasterError, id: RequestId | undefined): void;
}

/** Hands on the message in an event from `origin`, or each one of a batch (revision 2025-03-26). */
export function takeMessages(text: string, origin: string, handlers: SseMessageHandlers): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    handlers.onProblem(notJsonError(origin, 'the event stream', text), undefined);
    return;
  }
  const values: unknown[] = Array.isArray(value) && value.length > 0 ? value : [value];
  for (const one of values) {
    const message = asMessage(one);
    if (message === undefined) handlers.onProblem(notMessageError(origin), answeredId(one));
    else handlers.onMessage(message);
  }
}

/** A call of the server's own that can't be read answers no request of ours. */
function answeredId(value: unknown): RequestId | undefined {
  if (!isObject(value) || 'method' in value) return undefined;
  const id = value['id'];
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

function notMessageError(origin: string): McpMasterError {
  const message = `${origin} sent something that is no JSON-RPC message on its event stream`;
  const hint = 'Report it to whoever makes the server.';
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}
