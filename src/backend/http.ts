import type { Readable } from 'node:stream';
import type { CancelSignal } from './http-cancellation.ts';

/** One HTTP request. */
export interface HttpRequest {
  /** Userinfo and fragment are not sent. */
  url: URL;
  method: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  body?: string | undefined;
  /** Ends the request, or the body of its answer; what waits rejects with the signal's reason. */
  signal?: CancelSignal | undefined;
  /**
   * Whether it may be carried out twice. It is then repeated, once, when it was sent on a kept-alive
   * connection that the server had already closed. Default: no.
   */
  idempotent?: boolean | undefined;
  /** `manual`: a redirect is an answer like any other. Default: `follow`. */
  redirect?: 'follow' | 'manual' | undefined;
}

/** An answer whose head has arrived; a caller reads `body` to its end, or destroys it. */
export interface HttpResponse {
  status: number;
  /** Lower-case names; repeated ones joined with `, `. */
  headers: Record<string, string>;
  /**
   * Decoded when the server compressed it, although nobody asked it to. It may have failed before
   * anybody listens (then `errored` is set), and does so without an unhandled `error` event.
   */
  body: Readable;
}

/** Whether an answer is 2xx. */
export function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300;
}

/** The media type of an answer without its parameters, in lower case; empty when there is none. */
export function mediaType({ headers }: HttpResponse): string {
  const sent = headers['content-type'] ?? '';
  const end = sent.indexOf(';');
  return (end === -1 ? sent : sent.slice(0, end)).trim().toLowerCase();
}

/**
 * The door to HTTP. Redirects are followed within the origin of the request alone, since headers
 * carry credentials; the error for any other names its target without userinfo, query or fragment.
 * Rejects with an `McpMasterError` that says which host failed, how, and what to do.
 */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Ends idle and open connections. */
  close(): void;
}
