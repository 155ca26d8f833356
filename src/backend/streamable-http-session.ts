import type { Message } from '../rpc/message.ts';
import { type HttpClient, type HttpResponse, isSuccess } from './http.ts';
import type { CancelSignal } from './http-cancellation.ts';

/** What the requests of a Streamable HTTP connection are made of. */
export interface HttpSessionOptions {
  url: URL;
  client: HttpClient;
  /** The headers of this moment, the current token included; asked for each request. */
  headers: () => Promise<Record<string, string>>;
}

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
    const headers = await this.#headers();
    headers['content-type'] = 'application/json';
    headers['accept'] = 'application/json, text/event-stream';
    const { url, client } = this.#options;
    const body = JSON.stringify(message);
    const idempotent = isRepeatable(message);
    const response = await client.request({
      url,
      method: 'POST',
      headers,
      body,
      signal,
      idempotent,
    });
    if (isSuccess(response)) this.#id = response.headers['mcp-session-id'] ?? this.#id;
    return response;
  }

  /** Opens a stream from the server, after the event that it last sent where that is known. */
  async listen(lastEventId: string | undefined, signal: CancelSignal): Promise<HttpResponse> {
    const headers = await this.#headers();
    headers['accept'] = 'text/event-stream';
    if (lastEventId !== undefined) {
      // Ids are UTF-8 on the wire; Node writes a header's characters as single bytes.
      headers['last-event-id'] = Buffer.from(lastEventId).toString('latin1');
    }
    const { url, client } = this.#options;
    return client.request({ url, method: 'GET', headers, signal, idempotent: true });
  }

  /** Ends the session, if it has an id. */
  async end(signal: CancelSignal): Promise<HttpResponse | undefined> {
    if (this.#id === undefined) return undefined;
    const headers = await this.#headers();
    const { url, client } = this.#options;
    return client.request({ url, method: 'DELETE', headers, signal });
  }

  async #headers(): Promise<Record<string, string>> {
    const headers = { ...(await this.#options.headers()) };
    if (this.#id !== undefined) headers['mcp-session-id'] = this.#id;
    if (this.#protocolVersion !== undefined) {
      headers['mcp-protocol-version'] = this.#protocolVersion;
    }
    return headers;
  }
}
