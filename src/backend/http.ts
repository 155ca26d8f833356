import type { Readable } from 'node:stream';

/** One HTTP request. Header names are lower case. */
export interface HttpRequest {
  url: URL;
  method: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal | undefined;
}

/** An answer whose head has arrived; a caller reads `body` to its end, or destroys it. */
export interface HttpResponse {
  status: number;
  /** Lower-case names; repeated ones joined with `, `. */
  headers: Record<string, string>;
  /** Decoded when the server compressed it, although nobody asked it to. */
  body: Readable;
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

/** The whole body as text. Rejects with `MESSAGE_TOO_LARGE` beyond `limit` bytes. */
export type ReadText = (response: HttpResponse, limit: number) => Promise<string>;
