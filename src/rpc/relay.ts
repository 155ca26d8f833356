import type { McpMasterError } from '../errors.ts';
import type { IncomingRequest } from './incoming-request.ts';
import { type ErrorObject, isObject, type JsonObject, type Reply, RPC_ERROR } from './message.ts';
import type { RequestOptions } from './outgoing-requests.ts';
import type { OutgoingRequest } from './peer.ts';

/** Whoever a request can be passed on to. */
export interface RequestTarget {
  request(method: string, params: JsonObject | undefined, options: RequestOptions): OutgoingRequest;
}

/** What may differ from one relayed request to the next. */
export interface RelayOptions {
  /** What is sent instead of the request's own params. */
  params?: JsonObject;
  /** Milliseconds without an answer or progress. */
  timeoutMs?: number | undefined;
  /** What is passed on instead of the params of its progress. */
  mapProgress?: (params: JsonObject) => JsonObject;
  /** What is answered instead of the result. */
  mapResult?: (result: JsonObject) => JsonObject;
  /** Answers when no answer can come. Default: with the error. */
  onFailure?: (error: McpMasterError) => void;
}

/**
 * Passes a request on and its answer back, with its progress and its cancellation: the one mechanism
 * for both directions. Params, result and error are not touched; the progress token is exchanged.
 */
export function relay(
  incoming: IncomingRequest,
  target: RequestTarget,
  options: RelayOptions = {},
): void {
  // Withdrawn while its server was being found: nobody may carry it out now.
  if (incoming.isCancelled) return;
  const { params = incoming.params, mapProgress = unchanged } = options;
  const meta = params?.['_meta'];
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  const progressToken = typeof token === 'string' || typeof token === 'number' ? token : undefined;
  const outgoing = target.request(incoming.method, params, {
    timeoutMs: options.timeoutMs,
    onProgress:
      progressToken === undefined
        ? undefined
        : (progress) => incoming.progress({ ...mapProgress(progress), progressToken }),
    onReply: (reply) => incoming.reply(mapped(reply, options)),
    onFailure: options.onFailure ?? ((error) => incoming.reply({ error: toErrorObject(error) })),
  });
  incoming.onCancel((reason) => outgoing.cancel(reason));
}

function unchanged(params: JsonObject): JsonObject {
  return params;
}

function mapped(reply: Reply, { mapResult }: RelayOptions): Reply {
  return mapResult !== undefined && 'result' in reply ? { result: mapResult(reply.result) } : reply;
}

/** An error of ours as JSON-RPC carries it: the text for people, the code and hint in `data`. */
export function toErrorObject(error: McpMasterError): ErrorObject {
  const text = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  const data: JsonObject = { code: error.code };
  if (error.hint !== undefined) data['hint'] = error.hint;
  return { code: rpcCodeOf(error), message: text, data };
}

function rpcCodeOf({ code }: McpMasterError): number {
  switch (code) {
    case 'BACKEND_TIMEOUT':
      return RPC_ERROR.requestTimeout;
    case 'UNKNOWN_TOOL':
    case 'UNKNOWN_SERVER':
      return RPC_ERROR.invalidParams;
    case 'INTERNAL':
      return RPC_ERROR.internalError;
    default:
      return RPC_ERROR.unavailable;
  }
}
