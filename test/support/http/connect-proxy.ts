import { createServer, request as forward } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from 'vitest';

/** A company proxy, and what went through it. */
export interface TestProxy {
  url: string;
  /** The targets of `CONNECT`, and the URLs of plain requests. */
  seen: string[];
  /** The `Proxy-Authorization` of each. */
  credentials: (string | undefined)[];
  /** Connections that are open. */
  open: () => number;
}

/** How a proxy behaves: `silent` accepts connections and never answers a `CONNECT`. */
export interface TestProxyOptions {
  password?: string;
  status?: number;
  silent?: boolean;
}

/** Starts an HTTP proxy on a free port, for which every host name is 127.0.0.1. */
export async function startProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const seen: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const refusal = (authorization: string | undefined) => {
    if (options.status !== undefined) return options.status;
    if (options.password === undefined) return undefined;
    const wanted = `Basic ${Buffer.from(`user:${options.password}`).toString('base64')}`;
    return authorization === wanted ? undefined : 407;
  };
  const server = createServer((incoming, response) => {
    seen.push(incoming.url ?? '');
    credentials.push(incoming.headers['proxy-authorization']);
    const status = refusal(incoming.headers['proxy-authorization']);
    if (status !== undefined) return void response.writeHead(status).end('from the proxy');
    const { port, pathname } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const passed = forward(
      { host: '127.0.0.1', port, path: pathname, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    incoming.pipe(passed);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (incoming, socket) => {
    seen.push(incoming.url ?? '');
    credentials.push(incoming.headers['proxy-authorization']);
    // Unread, the socket would not notice that the other side has gone.
    if (options.silent) return void socket.resume().once('end', () => socket.end());
    const status = refusal(incoming.headers['proxy-authorization']);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const target = connect(Number(incoming.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // Its address is one, since it listens on a port.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, seen, credentials, open: () => sockets.size };
}
