import { Agent, type ClientRequest, request as plainRequest } from 'node:http';
import type { AgentOptions, RequestOptions } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { HttpRequest } from '../backend/http.ts';
import { bareHost, type CompanyProxy, proxyFor } from './proxy-env.ts';

/** How requests to one origin travel: whom they connect to, over which kept-alive connections. */
export interface Route {
  origin: string;
  /** Whom a connection is opened to, for messages: the origin, or the proxy. */
  peer: string;
  /** The event of a new socket after which requests can be sent. */
  ready: 'connect' | 'secureConnect';
  /** The proxy that answers in the server's place with a status of its own. */
  proxy: CompanyProxy | undefined;
  /** Starts a request, whose body its caller ends. Throws for a header that can't be sent. */
  start(request: HttpRequest): ClientRequest;
  /** Closes the idle connections: when the server has closed one, it has closed them all. */
  dropIdle(): void;
  /** Closes all connections. */
  close(): void;
}

/** What a route takes from the world. */
export interface RouteOptions {
  env: NodeJS.ProcessEnv;
  userAgent: string | undefined;
  /** For a proxy's tunnel, which is a connection of its own. */
  connectTimeoutMs: number;
  lookup: LookupFunction | undefined;
}

/** Idle connections are kept, but not as long as servers keep theirs. */
const KEEP: AgentOptions = {
  keepAlive: true,
  // Node's servers and uvicorn close idle connections after 5 s. A request that crosses that close
  // is lost, and a tool call can't be repeated.
  timeout: 4_000,
  // Node's 250 ms for each address of a host is too short for a far one.
  autoSelectFamilyAttemptTimeout: 1_000,
};

/** The parts in which routes differ. */
interface Parts {
  peer: string;
  ready: Route['ready'];
  agent: Agent;
  send(options: RequestOptions): ClientRequest;
  target: RequestOptions;
  headers?: Record<string, string>;
  /** Before the path: a plain proxy wants the whole URL (RFC 9112 §3.2.2). */
  prefix?: string;
  proxy?: CompanyProxy;
}

/** The route to the origin of `url`. Rejects with `CONFIG_INVALID` for an unusable proxy variable. */
export async function openRoute(url: URL, options: RouteOptions): Promise<Route> {
  const proxy = proxyFor(url, options.env);
  const { lookup } = options;
  const target = { host: bareHost(url), port: url.port, ...(lookup && { lookup }) };
  if (url.protocol === 'https:')
    return assemble(url, options, await secure(url, target, options, proxy));
  if (proxy !== undefined) return assemble(url, options, await throughPlainProxy(url, proxy));
  const direct = { agent: new Agent(KEEP), send: plainRequest, target };
  return assemble(url, options, { peer: url.origin, ready: 'connect', ...direct });
}

async function secure(
  url: URL,
  target: RequestOptions,
  { connectTimeoutMs }: RouteOptions,
  proxy: CompanyProxy | undefined,
): Promise<Parts> {
  const { Agent: SecureAgent, request: send } = await import('node:https');
  const parts = { peer: url.origin, ready: 'secureConnect', send, target } as const;
  if (proxy === undefined) return { ...parts, agent: new SecureAgent(KEEP) };
  const { TunnelAgent } = await import('./proxy-agents.ts');
  return { ...parts, agent: new TunnelAgent(proxy, connectTimeoutMs, KEEP) };
}

async function throughPlainProxy(url: URL, proxy: CompanyProxy): Promise<Parts> {
  const { proxyHeaders } = await import('./proxy-agents.ts');
  const common = {
    peer: proxy.label,
    target: { host: bareHost(proxy.url), port: proxy.url.port },
    headers: { host: url.host, ...proxyHeaders(proxy) },
    prefix: url.origin,
    proxy,
  };
  if (proxy.url.protocol === 'http:') {
    return { ...common, ready: 'connect', agent: new Agent(KEEP), send: plainRequest };
  }
  const { Agent: SecureAgent, request: send } = await import('node:https');
  return { ...common, ready: 'secureConnect', agent: new SecureAgent(KEEP), send };
}

function assemble(url: URL, { userAgent }: RouteOptions, parts: Parts): Route {
  const { agent, prefix = '' } = parts;
  const named = userAgent === undefined ? {} : { 'user-agent': userAgent };
  const headers = { ...named, ...parts.headers };
  return {
    origin: url.origin,
    peer: parts.peer,
    ready: parts.ready,
    proxy: parts.proxy,
    start: ({ method, url: to, headers: own }) => {
      // `Object.assign`, since V8 before Node.js 22 makes a new hidden class for each object that
      // begins with a spread: three microseconds, and garbage that only a full collection frees.
      const options = Object.assign({}, parts.target, {
        method,
        path: `${prefix}${to.pathname}${to.search}`,
        headers: Object.assign({}, headers, own),
        agent,
        // Said here, it also overrules NODE_TLS_REJECT_UNAUTHORIZED=0.
        rejectUnauthorized: true,
      });
      return parts.send(options);
    },
    dropIdle: () => {
      for (const sockets of Object.values(agent.freeSockets)) {
        for (const socket of sockets ?? []) socket.destroy();
      }
    },
    close: () => agent.destroy(),
  };
}
