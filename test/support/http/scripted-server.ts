import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request as it arrived. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** The JSON-RPC message in the body, `{}` when there is none. */
  message: { id?: number; method?: string };
}

/** Answers a request; may also destroy `response.socket`, or never answer. */
export type Handler = (received: Received, response: ServerResponse) => void;

/** A server that does what a test says, good or bad. */
export interface ScriptedServer {
  origin: string;
  url: URL;
  port: number;
  received: Received[];
  /** Connections that were opened so far. */
  connections: () => number;
  /** Connections that are open. */
  open: () => number;
  /** Closes the idle or all connections from its side. */
  cut: () => void;
  close: () => Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1, which ends with the test. */
export async function startServer(handle: Handler, server: Server = createServer()) {
  const received: Received[] = [];
  const sockets = new Set<NonNullable<ServerResponse['socket']>>();
  let connections = 0;
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', async (request, response) => {
    const body = await text(request).catch(() => '');
    const { method = '', url: path = '', headers } = request;
    const message = body.startsWith('{') ? JSON.parse(body) : {};
    const one = { method, path, headers, body, message };
    received.push(one);
    handle(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    cut();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  onTestFinished(close);
  // Its address is one, since it listens on a port.
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const url = new URL('/mcp', origin);
  const scripted: ScriptedServer = {
    ...{ origin, url, port, received, cut, close },
    connections: () => connections,
    open: () => sockets.size,
  };
  return scripted;
}

/** A port of 127.0.0.1 at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = await startServer(() => {});
  await server.close();
  return server.port;
}

/** Answers with JSON. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** A JSON-RPC result that names its request. */
export function result(id: number | undefined, value: object = { ok: true }): object {
  return { jsonrpc: '2.0', id, result: value };
}

/** Begins an event stream, and returns what writes to it. */
export function stream(response: ServerResponse): (text: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return (chunk) => response.write(chunk);
}
