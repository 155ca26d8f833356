import type { Message } from '../rpc/message.ts';
import { type HttpClient, type HttpRequest, type HttpResponse, isSuccess } from './http.ts';
import { discard } from './http-body.ts';
import { type CancelSignal, unlessCancelled } from './http-cancellation.ts';

/** What the requests of a Streamable HTTP connection are made of. */
export interface HttpSessionOptions {
  url: URL;
  client: HttpClient;
  /** The headers of this moment, the current token included; asked for each request. */
  headers: () => Promise<Record<string, string>>;
  /**
   * Asked when the server refuses (401) what `headers` gave: true = other credentials are to be had
   * now, and the request is sent once more. Default: there are none.
   */
  onUnauthorized?: ((sent: Record<string, string>) => Promise<boolean>) | undefined;
  /** Called when the server has taken a message (2xx), with the message's method where it has one. */
  onAccepted?: ((method: string | undefined) => void) | undefined;
}

/** What a request is beside its headers. */
type Outgoing = Omit<HttpRequest, 'url' | 'headers' | 'signal'> & { signal: CancelSignal };

/** Methods that only read: carrying one out twice is as good as once. */
const READING = new Set([
  'initialize',
  'ping',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
  'prompts/get',
  'completion/complete',
]);

/** The method of a request or notification; undefined for an answer of ours. */
export function methodOf(message: Message): string | undefined {
  return 'method' in message ? message.method : undefined;
}

/** Whether a message may be carried out twice. */
export function isRepeatable(message: Message): boolean {
  return 'method' in message && 'id' in message && READING.has(message.method);
}

/**
 * The HTTP requests of one MCP session, with the headers that the specification wants (2025-11-25,
 * "Session Management", "Protocol Version Header"). Ours win over configured ones.
 */
export class HttpSession {
  readonly #options: HttpSessionOptions;
  #id: string | undefined;
  #protocolVersion: string | undefined;

  constructor(options: HttpSessionOptions) {
    this.#options = options;
  }

  /** For messages: the path of the URL may hold a key. */
  get origin(): string {
    return this.#options.url.origin;
  }

  /** Whether the server has given the session an id. */
  get identified(): boolean {
    return this.#id !== undefined;
  }

  setProtocolVersion(version: string): void {
    this.#protocolVersion = version;
  }

  /** Sends a message; remembers the session id of the answer. */
  async post(message: Message, signal: CancelSignal): Promise<HttpResponse> {
    const body = JSON.stringify(message);
    const idempotent = isRepeatable(message);
    const response = await this.#authorized(
      { method: 'POST', body, signal, idempotent },
      { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    );
    if (isSuccess(response)) {
      this.#id = response.headers['mcp-session-id'] ?? this.#id;
      this.#options.onAccepted?.(methodOf(message));
    }
    return response;
  }

  /** Opens a stream from the server, after the event that it last sent where that is known. */
  listen(lastEventId: string | undefined, signal: CancelSignal): Promise<HttpResponse> {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastEventId !== undefined) {
      // Ids are UTF-8 on the wire; Node writes a header's characters as single bytes.
      headers['last-event-id'] = Buffer.from(lastEventId).toString('latin1');
    }
    return this.#authorized({ method: 'GET', signal, idempotent: true }, headers);
  }

  /** Ends the session, if it has an id. It is over for us whatever the server says to that. */
  async end(signal: CancelSignal): Promise<HttpResponse | undefined> {
    if (this.#id === undefined) return undefined;
    return this.#send({ method: 'DELETE', signal }, await this.#options.headers());
  }

  /** A request that is sent once more, with other credentials, when the server refuses those it has. */
  async #authorized(
    request: Outgoing,
    added: Readonly<Record<string, string>>,
  ): Promise<HttpResponse> {
    const { headers, onUnauthorized } = this.#options;
    const { signal } = request;
    const given = await headers();
    const response = await this.#send(request, given, added);
    if (response.status !== 401 || onUnauthorized === undefined) return response;
    // Until it is known whose answer counts, the body waits.
    if (!(await unlessCancelled(onUnauthorized(given), signal))) return response;
    discard(response.body);
    return this.#send(request, await unlessCancelled(headers(), signal), added);
  }

  #send(
    request: Outgoing,
    given: Readonly<Record<string, string>>,
    added: Readonly<Record<string, string>> = {},
  ): Promise<HttpResponse> {
    const { url, client } = this.#options;
    // As in `http-route.ts`: each object that began with a spread would cost a hidden class.
    const headers: Record<string, string> = Object.assign({}, given);
    if (this.#id !== undefined) headers['mcp-session-id'] = this.#id;
    if (this.#protocolVersion !== undefined) {
      headers['mcp-protocol-version'] = this.#protocolVersion;
    }
    return client.request(
      Object.assign({}, request, { url, headers: Object.assign(headers, added) }),
    );
  }
}
