import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type Answer, send } from './answers.ts';

/** What a server proves its name with. */
export interface Identity {
  key: string;
  cert: string;
}

/** What a good server would answer; a refresh token is then spent. */
export type Right = () => Promise<Answer>;

/** An answer as a value, or written by hand where no value can say it. */
export type RefreshAnswer = (
  right: Right,
) => Answer | Promise<Answer> | ((response: ServerResponse) => void);

/** What is wrong with a token endpoint; an empty one is a good endpoint. */
export interface RefreshFault {
  /** Nothing listens there, or each connection is reset before anything is read. */
  connection?: 'closed' | 'reset';
  /** Where the endpoint speaks TLS: not even that, or as somebody else. */
  tls?: 'none' | Identity;
  answer?: RefreshAnswer;
}

/** A refresh as it reached the endpoint. */
export interface SeenRefresh {
  /** Milliseconds, as `performance.now()` counts. */
  at: number;
  refreshToken: string | undefined;
}

/** A token endpoint in front of a good one, on a port that it keeps. */
export interface FaultyEndpoint {
  url: string;
  /** Refreshes that were read, in order. */
  seen: SeenRefresh[];
  /** Connections that were accepted so far. */
  connections(): number;
  /** Replaces the fault from the next connection on. */
  set(fault: RefreshFault): Promise<void>;
  /** Ends the connections that are open, as a server does that is started anew. */
  cut(): void;
  close(): Promise<void>;
}

/** How it is started. */
export interface EndpointOptions {
  /** The good token endpoint; asked when a request comes. */
  target(): string;
  /** It speaks TLS, and proves its name with this. */
  identity?: Identity | undefined;
  /** The host in its URL. Default: 127.0.0.1. */
  host?: string | undefined;
}

/** Starts one; it can be used outside of a test, too. */
export async function startFaultyEndpoint(options: EndpointOptions): Promise<FaultyEndpoint> {
  const { target, identity, host = '127.0.0.1' } = options;
  const seen: SeenRefresh[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let fault: RefreshFault = {};
  const http = createHttp((request, response) => {
    answer(request, response, { fault, seen, target }).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  const tcp = createTcp((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (fault.connection === 'reset') return void socket.resetAndDestroy();
    const proof = fault.tls ?? identity;
    http.emit(
      'connection',
      proof === undefined || proof === 'none' ? socket : secure(socket, proof),
    );
  });
  await listen(tcp, 0);
  // A TCP server that listens has an AddressInfo.
  const { port } = tcp.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async () => {
    if (!tcp.listening) return;
    const closed = new Promise<void>((resolve) => tcp.close(() => resolve()));
    cut();
    await closed;
  };
  return {
    ...{ seen, cut, connections: () => connections, close: stop },
    url: `${identity === undefined ? 'http' : 'https'}://${host}:${port}/token`,
    async set(next) {
      fault = next;
      if (fault.connection === 'closed') await stop();
      else if (!tcp.listening) await listen(tcp, port);
    },
  };
}

/** On a port that was ours a moment ago another program may be just trying what is there. */
async function listen(server: ReturnType<typeof createTcp>, port: number): Promise<void> {
  for (let left = 20; ; left -= 1) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => {
          server.off('error', reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      if (left === 0) throw error;
      await wait(100);
    }
  }
}

function secure(socket: Socket, { key, cert }: Identity): TLSSocket {
  const secureContext = createSecureContext({ key, cert });
  const secured = new TLSSocket(socket, { isServer: true, secureContext });
  // A client that does not trust the certificate breaks off.
  secured.on('error', () => {});
  return secured;
}

interface Surroundings {
  fault: RefreshFault;
  seen: SeenRefresh[];
  target(): string;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { fault, seen, target }: Surroundings,
): Promise<void> {
  const body = await text(request);
  const params = new URLSearchParams(body);
  const isRefresh = params.get('grant_type') === 'refresh_token';
  if (isRefresh) {
    seen.push({ at: performance.now(), refreshToken: params.get('refresh_token') ?? undefined });
  }
  const right = () => passOn(request, body, target());
  // A connection that is kept could end in the middle of the next row.
  response.shouldKeepAlive = false;
  // The code of a login is redeemed as it should be.
  const given = isRefresh && fault.answer !== undefined ? fault.answer(right) : right();
  if (typeof given === 'function') given(response);
  else await send(await given, response);
}

async function passOn({ headers }: IncomingMessage, body: string, url: string): Promise<Answer> {
  const { 'content-type': type = '', authorization } = headers;
  const passed = { 'content-type': type, ...(authorization !== undefined && { authorization }) };
  const answered = await fetch(url, { method: 'POST', headers: passed, body });
  return {
    status: answered.status,
    headers: { 'content-type': answered.headers.get('content-type') ?? '' },
    body: await answered.text(),
  };
}
