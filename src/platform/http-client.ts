import type { ClientRequest, IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type Duplex, PassThrough, pipeline, type Readable } from 'node:stream';
import type { HttpClient, HttpRequest, HttpResponse } from '../backend/http.ts';
import { discard } from '../backend/http-body.ts';
import { connectionError, cutError, isReset, timeoutError } from '../backend/http-failures.ts';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { openRoute, type Route } from './http-route.ts';
import { proxyLoginError } from './proxy-env.ts';

/** What an HTTP client takes from the world. */
export interface HttpClientOptions {
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read. */
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** Sent as `user-agent` unless a request has one: some servers refuse requests without it. */
  userAgent?: string | undefined;
  /** How long opening a connection may take, TLS included. Default: 10 s. */
  connectTimeoutMs?: number | undefined;
  /** Looks up host names. Default: the system's way. */
  lookup?: LookupFunction | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;

const MAX_REDIRECTS = 5;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * An HTTP/1.1 client on Node's own `http` and `https`: keeps connections alive, goes through company
 * proxies, always verifies certificates (`NODE_EXTRA_CA_CERTS` adds authorities;
 * `NODE_TLS_REJECT_UNAUTHORIZED` is not honoured), and has no cookies and no cache.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, log, env, userAgent, lookup } = options;
  const routes = new Map<string, Promise<Route>>();
  const routeTo = (url: URL) => {
    let route = routes.get(url.origin);
    if (route === undefined) {
      route = openRoute(url, { env, userAgent, connectTimeoutMs, lookup });
      routes.set(url.origin, route);
    }
    return route;
  };
  return {
    async request(request) {
      let current = request;
      for (let redirects = 0; ; redirects++) {
        const route = await routeTo(current.url);
        const answer = await exchange(route, current, connectTimeoutMs);
        const location = redirectOf(answer, request);
        if (location === undefined) return toResponse(answer, route);
        discard(answer);
        current = redirected(current, answer.statusCode, location, redirects);
        log.debug(`${route.origin} redirects a ${request.method} to ${current.url.pathname}`);
      }
    },
    close() {
      for (const route of routes.values()) void closeRoute(route);
      routes.clear();
    },
  };
}

async function closeRoute(opening: Promise<Route>): Promise<void> {
  const route = await opening.catch(() => undefined);
  route?.close();
}

/** One request and the head of its answer; repeated where its connection was stale and it is safe. */
function exchange(
  route: Route,
  request: HttpRequest,
  connectTimeoutMs: number,
  repeatable = request.idempotent === true,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    if (signal?.aborted) return reject(signal.reason);
    const sent = start(route, request);
    const connected = watchConnecting(sent, route, connectTimeoutMs);
    let answer: IncomingMessage | undefined;
    if (signal !== undefined) {
      const abort = () => (answer ?? sent).destroy(asError(signal.reason));
      signal.addEventListener('abort', abort, { once: true });
      sent.once('close', () => signal.removeEventListener('abort', abort));
    }
    sent.once('response', (response) => {
      answer = response;
      // It may fail before anybody listens.
      response.on('error', () => {});
      resolve(response);
    });
    sent.on('error', (error) => {
      if (answer !== undefined) return;
      if (signal?.aborted) return reject(signal.reason);
      if (repeatable && sent.reusedSocket && isReset(error)) {
        route.dropIdle();
        return resolve(exchange(route, request, connectTimeoutMs, false));
      }
      reject(failure(error, route, request, connected()));
    });
    sent.end(request.body);
  });
}

function start(route: Route, request: HttpRequest): ClientRequest {
  try {
    return route.start(request);
  } catch (error) {
    throw connectionError(error, route.origin);
  }
}

/** Destroys a request that does not get its connection in time; answers whether it has one. */
function watchConnecting(sent: ClientRequest, route: Route, timeoutMs: number): () => boolean {
  let connected = false;
  sent.once('socket', (socket) => {
    connected = sent.reusedSocket;
    if (connected) return;
    const timer = setTimeout(() => sent.destroy(timeoutError(route.peer)), timeoutMs);
    sent.once('close', () => clearTimeout(timer));
    socket.once(route.ready, () => {
      connected = true;
      clearTimeout(timer);
    });
  });
  return () => connected;
}

function failure(
  error: Error,
  route: Route,
  request: HttpRequest,
  connected: boolean,
): McpMasterError {
  if (connected && isReset(error)) {
    return cutError(route.origin, request.idempotent === true, error);
  }
  return connectionError(error, connected ? route.origin : route.peer);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** Where the answer redirects to, if that is to be followed. */
function redirectOf(answer: IncomingMessage, request: HttpRequest): string | undefined {
  if (request.redirect === 'manual' || !REDIRECTS.has(answer.statusCode ?? 0)) return undefined;
  return answer.headers.location;
}

/**
 * The request that a redirect asks for (RFC 9110 §15.4). A POST stays one but for 303: frameworks
 * send 301 and 302 for a missing slash, and a GET would be no message.
 */
function redirected(
  request: HttpRequest,
  status: number | undefined,
  location: string,
  before: number,
): HttpRequest {
  const { origin } = request.url;
  const target = URL.canParse(location, request.url.href)
    ? new URL(location, request.url)
    : undefined;
  if (target === undefined) throw redirectError(`${origin} redirects to something that is no URL`);
  if (target.origin !== origin) {
    throw redirectError(
      `${origin} redirects to another origin: ${target.origin}`,
      'If you trust that server, put its address into `url`.',
    );
  }
  if (before === MAX_REDIRECTS) {
    throw redirectError(`${origin} redirected ${MAX_REDIRECTS} times`);
  }
  if (status !== 303) return { ...request, url: target };
  const { 'content-type': _type, ...headers } = request.headers;
  return { ...request, url: target, method: 'GET', headers, body: undefined };
}

function redirectError(message: string, hint = 'Check `url`.'): McpMasterError {
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}

async function toResponse(answer: IncomingMessage, route: Route): Promise<HttpResponse> {
  if (route.proxy !== undefined && answer.statusCode === 407) {
    answer.destroy();
    throw proxyLoginError(route.proxy);
  }
  const encoding = answer.headers['content-encoding'];
  const body = encoding === undefined ? answer : await decode(answer, encoding, route.origin);
  return { status: answer.statusCode ?? 0, headers: flatten(answer), body };
}

function flatten({ headers }: IncomingMessage): Record<string, string> {
  const cookies: string | string[] | undefined = headers['set-cookie'];
  const flat = cookies === undefined ? headers : { ...headers, 'set-cookie': cookies.join(', ') };
  // Node joins every other repeated header, and lists none without a value.
  return flat as Record<string, string>;
}

async function decode(
  answer: IncomingMessage,
  encoding: string,
  origin: string,
): Promise<Readable> {
  const { createBrotliDecompress, createGunzip, createInflate } = await import('node:zlib');
  const decoders: Record<string, () => Duplex> = {
    gzip: createGunzip,
    'x-gzip': createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
    identity: () => new PassThrough(),
  };
  const decoder = decoders[encoding.trim().toLowerCase()];
  if (decoder === undefined) {
    answer.destroy();
    const message = `${origin} compressed its answer in a way that was not asked for`;
    throw new McpMasterError('BACKEND_PROTOCOL', message, {
      hint: 'Configure the server or the proxy before it to send answers uncompressed.',
    });
  }
  // The errors are for a reader, who may not be listening yet.
  const decoded = decoder().on('error', () => {});
  return pipeline(answer, decoded, () => {});
}
