import { onTestFinished } from 'vitest';
import {
  type StreamableHttpOptions,
  StreamableHttpTransport,
} from '../../../src/backend/streamable-http.ts';
import { createHttpClient, type HttpClientOptions } from '../../../src/platform/http-client.ts';
import type { Message, RequestMessage } from '../../../src/rpc/message.ts';
import type { Transport } from '../../../src/rpc/transport.ts';
import { memoryLog } from '../memory-log.ts';

/** Our HTTP client, closed when the test ends. */
export function testClient(options: Partial<HttpClientOptions> = {}) {
  const client = createHttpClient({ env: {}, log: memoryLog().log, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** What a transport told its owner. */
export interface Observed<T extends Transport = Transport> {
  transport: T;
  messages: Message[];
  errors: Error[];
  closed: (Error | undefined)[];
  /** `status` and `www-authenticate` of each refusal. */
  refusals: [number, string | undefined][];
  log: string[];
  /** Resolves with the first message that the condition holds for, past ones included. */
  message(is: (message: Message) => boolean): Promise<Message>;
}

/** Collects what a transport says. */
export function observe<T extends Transport>(transport: T, log: string[] = []): Observed<T> {
  const waiting: [(message: Message) => boolean, (message: Message) => void][] = [];
  const observed: Observed<T> = {
    ...{ transport, messages: [], errors: [], closed: [], refusals: [], log },
    message: (is) => {
      const past = observed.messages.find(is);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => waiting.push([is, resolve]));
    },
  };
  transport.onmessage = (message) => {
    observed.messages.push(message);
    for (const [is, resolve] of waiting) if (is(message)) resolve(message);
  };
  transport.onerror = (error) => observed.errors.push(error);
  transport.onclose = (error) => observed.closed.push(error);
  onTestFinished(() => transport.close());
  return observed;
}

/** A Streamable HTTP transport to `url`, observed, closed when the test ends. */
export function connectTo(
  url: URL,
  options: Partial<StreamableHttpOptions> = {},
): Observed<StreamableHttpTransport> {
  const { log, lines } = memoryLog();
  const refusals: Observed['refusals'] = [];
  const transport = new StreamableHttpTransport({
    url,
    client: testClient(),
    headers: async () => ({ Authorization: 'Bearer the-token' }),
    log,
    readTimeoutMs: 60_000,
    onResponse: (status, headers) => refusals.push([status, headers['www-authenticate']]),
    ...options,
  });
  return Object.assign(observe(transport, lines), { refusals });
}

/** A `tools/call`, which must not be repeated, unless another method is given. */
export function request(id: number, method = 'tools/call'): RequestMessage {
  return { jsonrpc: '2.0', id, method, params: {} };
}

/** What follows the handshake, and opens the server's stream. */
export const INITIALIZED: Message = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** Waits until the condition holds; the test's own time-out ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
