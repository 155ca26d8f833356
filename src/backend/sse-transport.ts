import { Readable } from 'node:stream';
import type { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { asMessage, isObject, type Message } from '../rpc/message.ts';
import { MESSAGE_LIMIT, type Transport } from '../rpc/transport.ts';
import { type HttpClient, type HttpResponse, isSuccess, mediaType } from './http.ts';
import { discard } from './http-body.ts';
import { contentTypeError, readRefusal, statusError } from './http-errors.ts';
import { connectionError } from './http-failures.ts';
import { limitEvents } from './sse-limit.ts';

/** What an HTTP+SSE connection is made of. */
export interface SseTransportOptions {
  /** Where the event stream is. */
  url: URL;
  client: HttpClient;
  /** The headers of this moment, the current token included; asked for each request. */
  headers: () => Promise<Record<string, string>>;
  /** Called before an error because of an answer outside 2xx. Header names are in lower case. */
  onResponse?: ((status: number, headers: Record<string, string>) => void) | undefined;
}

/**
 * The client side of the deprecated HTTP+SSE transport (specification 2024-11-05, "Transports"): the
 * SDK's, over our HTTP client. `start` rejects with an `McpMasterError` of the same kinds as those of
 * Streamable HTTP. A broken event stream ends the connection: the SDK would reconnect, to a new
 * session that nobody has initialised.
 */
export async function createSseTransport(options: SseTransportOptions): Promise<Transport> {
  const sdk = await import('@modelcontextprotocol/sdk/client/sse.js');
  return new SseTransport(options, sdk);
}

interface Sdk {
  SSEClientTransport: typeof SSEClientTransport;
  SseError: new (...args: never[]) => Error;
}

class SseTransport implements Transport {
  onmessage: Transport['onmessage'];
  onerror: Transport['onerror'];
  onclose: Transport['onclose'];

  readonly #options: SseTransportOptions;
  readonly #inner: SSEClientTransport;
  /** Ends a `start` that is under way. */
  readonly #ended = new AbortController();
  /** Why the event stream could not be opened, or broke: the SDK makes a text of it. */
  #failure: McpMasterError | undefined;
  #over = false;

  constructor(options: SseTransportOptions, sdk: Sdk) {
    this.#options = options;
    this.#inner = new sdk.SSEClientTransport(options.url, {
      fetch: (url, init) => this.#fetch(url, init),
    });
    this.#inner.onmessage = (value) => {
      const message = asMessage(value);
      if (message !== undefined) this.onmessage?.(message);
    };
    this.#inner.onerror = (error) => {
      if (error instanceof sdk.SseError) this.#end(this.#reason(error));
      else this.onerror?.(error);
    };
  }

  async start(): Promise<void> {
    const { signal } = this.#ended;
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      await Promise.race([this.#inner.start(), ended]);
    } catch (error) {
      const reason = this.#reason(error);
      this.#end(reason);
      throw reason;
    }
  }

  async send(message: Message): Promise<void> {
    try {
      // The SDK's type enumerates error codes and members; on the wire it is the same JSON.
      await this.#inner.send(message as Parameters<SSEClientTransport['send']>[0]);
    } catch (error) {
      throw connectionError(error, this.#options.url.origin);
    }
  }

  async close(): Promise<void> {
    this.#end(undefined);
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  #end(error: McpMasterError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended.abort(error ?? new McpMasterError('INTERRUPTED', 'the connection was closed'));
    void this.#inner.close();
    this.onclose?.(error);
  }

  /** The SDK's own errors are about the event stream and the endpoint that it names. */
  #reason(error: unknown): McpMasterError {
    if (this.#failure !== undefined) return this.#failure;
    if (error instanceof McpMasterError) return error;
    const { origin } = this.#options.url;
    if (/endpoint origin/i.test(toMcpMasterError(error).message)) {
      const message = `${origin} wants messages to be sent to another origin`;
      const hint = 'Check `url`; credentials are never sent to an origin other than its own.';
      return new McpMasterError('BACKEND_PROTOCOL', message, { hint, cause: error });
    }
    const hint = 'Check the log of the server, and try again.';
    return new McpMasterError('BACKEND_EXITED', `the event stream from ${origin} broke`, {
      hint,
      cause: error,
    });
  }

  /** The `fetch` of the SDK's transport: sees no status but 2xx, and nothing of other origins. */
  async #fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    if (init.method === 'POST') {
      const { status, body } = await this.#request('POST', url, init);
      // The answer comes on the event stream.
      discard(body);
      return new Response(null, { status });
    }
    try {
      return this.#stream(await this.#request('GET', url, init));
    } catch (error) {
      this.#failure = connectionError(error, this.#options.url.origin);
      throw error;
    }
  }

  async #request(
    method: 'GET' | 'POST',
    url: string | URL,
    { headers: own, body, signal }: RequestInit,
  ): Promise<HttpResponse> {
    const headers = new Headers(await this.#options.headers());
    for (const [name, value] of new Headers(own)) headers.set(name, value);
    const response = await this.#options.client.request({
      url: new URL(url),
      method,
      headers: Object.fromEntries(headers),
      body: typeof body === 'string' ? body : undefined,
      signal: signal ?? undefined,
      idempotent: method === 'GET',
    });
    if (isSuccess(response)) return response;
    this.#options.onResponse?.(response.status, response.headers);
    throw statusError(await readRefusal(response, this.#options.url.origin, describe(body)));
  }

  #stream(response: HttpResponse): Response {
    const type = mediaType(response);
    if (type !== 'text/event-stream') {
      discard(response.body);
      throw contentTypeError(this.#options.url.origin, STREAM, type);
    }
    const limit = limitEvents(MESSAGE_LIMIT, (error) => {
      this.#failure = error;
    });
    return new Response(Readable.toWeb(response.body).pipeThrough(limit), {
      headers: { 'content-type': type },
    });
  }
}

const STREAM = 'opening the event stream';

/** What a request was for, for messages. */
function describe(body: RequestInit['body']): string {
  if (typeof body !== 'string') return STREAM;
  const message: unknown = JSON.parse(body);
  const name = isObject(message) ? message['method'] : undefined;
  return typeof name === 'string' ? name : 'an answer of ours';
}
