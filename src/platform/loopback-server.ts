import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { ListenOnLoopback, LoopbackOptions } from '../oauth/doors.ts';

/** A client that is slow to say what it wants is cut off. */
const LIMITS = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };

/** Browsers send a program at `localhost` the cookies of all others there, and codes can be long. */
const MAX_HEADER_BYTES = 32 * 1024;

const MAX_CONNECTIONS = 100;

/** How long answers that are under way may keep the listener from its end, in milliseconds. */
const CLOSE_MS = 1000;

/** Free ports of IPv4 that are tried until one is free for IPv6, too. */
const PORT_TRIES = 10;

/** The Fetch standard has no request with another one, such as TRACE. */
const KNOWN_METHOD = /^(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS)$/;

const WELL_FORMED_HOST = /^([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/i;

/** A listener on `node:http`: one request a connection, bodies are not read. */
export const listenOnLoopback: ListenOnLoopback = async (options) => {
  const { hostname, handle } = options;
  const [address, second] = addressesOf(hostname);
  const answering = new Set<Promise<void>>();
  const listener: RequestListener = (request, response) => {
    const answered = answer(request, response, handle).finally(() => answering.delete(answered));
    answering.add(answered);
  };
  const servers = await bind(options, address, second, listener);
  // Each listens on a port, so that its address is one.
  const { port } = servers[0].address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    port,
    close: () => {
      closed ??= closeAll(servers, answering);
      return closed;
    },
  };
};

/** The addresses that a host of a redirect URI stands for: the one that must be, and a second one. */
function addressesOf(hostname: string): [first: string, second?: string] {
  if (/^127\.\d+\.\d+\.\d+$/.test(hostname)) return [hostname];
  if (hostname === '[::1]') return ['::1'];
  // Browsers may take either for it, and what listens at the other could be another program.
  if (/(^|\.)localhost\.?$/i.test(hostname)) return ['127.0.0.1', '::1'];
  throw new McpMasterError('CONFIG_INVALID', `${hostname} is not a host of this computer`, {
    hint: 'Use 127.0.0.1 or localhost in `redirect_uri`.',
  });
}

async function bind(
  { hostname, port }: LoopbackOptions,
  first: string,
  second: string | undefined,
  listener: RequestListener,
): Promise<[Server, ...Server[]]> {
  for (let tries = 1; ; tries++) {
    const server = await listen(first, port, listener).catch((error) => {
      throw bindError(error, hostname, port);
    });
    if (second === undefined) return [server];
    try {
      const { port: bound } = server.address() as AddressInfo;
      return [server, await listen(second, bound, listener)];
    } catch (error) {
      if (isMissingAddress(error)) return [server];
      server.close();
      if (port !== 0 || tries === PORT_TRIES) throw bindError(error, hostname, port);
    }
  }
}

async function listen(host: string, port: number, listener: RequestListener): Promise<Server> {
  const server = createServer({ ...LIMITS, maxHeaderSize: MAX_HEADER_BYTES }, listener);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ host, port });
  await once(server, 'listening');
  // A connection that can't be accepted (too many open files): its client will try again.
  server.on('error', () => undefined);
  return server;
}

function bindError(error: unknown, hostname: string, port: number): McpMasterError {
  const code = errorCode(error);
  const where = `port ${port} of ${hostname}`;
  if (code === 'EADDRINUSE') {
    const message = `the answer to the login can't arrive: another program listens on ${where}`;
    const hint =
      'End the other login or program, or set another `redirect_port` (and register it at the provider).';
    return new McpMasterError('PORT_IN_USE', message, { hint, cause: error });
  }
  if (code === 'EACCES') {
    const message = `the answer to the login can't arrive: the system keeps ${where} for itself`;
    const hint = 'Set another `redirect_port`, above 1023 (and register it at the provider).';
    return new McpMasterError('PORT_IN_USE', message, { hint, cause: error });
  }
  if (isMissingAddress(error)) {
    const message = `this computer does not have the address ${hostname} (${code})`;
    const hint = 'Use 127.0.0.1 in `redirect_uri`.';
    return new McpMasterError('CONFIG_INVALID', message, { hint, cause: error });
  }
  return toMcpMasterError(error);
}

function isMissingAddress(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(errorCode(error));
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: LoopbackOptions['handle'],
): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  request.resume();
  const wanted = toRequest(request);
  // A fault fails its own request, not the process.
  const result = await (wanted === undefined ? empty(400) : handle(wanted).catch(() => empty(500)));
  response.statusCode = result.status;
  response.setHeaders(result.headers);
  response.setHeader('connection', 'close');
  response.end(await result.text());
  await closed;
}

function empty(status: number): Response {
  return new Response(null, { status });
}

/**
 * The request with the URL that its Host and target make; undefined where those are not well-formed
 * (RFC 9112 §3.2), or the path is written in a way that a URL changes, such as `/a/../b`.
 */
function toRequest({ headersDistinct, url: target = '', method = '' }: IncomingMessage) {
  const [host = '', ...more] = headersDistinct['host'] ?? [];
  const text = `http://${host}${target}`;
  if (more.length > 0 || !WELL_FORMED_HOST.test(host) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.pathname !== target.split('?', 1)[0] || !KNOWN_METHOD.test(method)) return undefined;
  return new Request(url, { method });
}

async function closeAll(servers: Server[], answering: Set<Promise<void>>): Promise<void> {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  await Promise.race([Promise.all(answering), sleep(CLOSE_MS, undefined, { ref: false })]);
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}
