import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from './http-listener.ts';
import { streamableHttpSessions } from './mcp-sessions.ts';
import { createProtectedResource, type ProtectionOptions } from './protected-resource.ts';
import { untilTestEnds } from './test-lifetime.ts';
import type { TokenChecker } from './token-checker.ts';

/** A request, whole. */
export interface Heard {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An MCP server (tools `echo`, `whoami`, `erase`) that keeps everything that reached it. */
export interface Witness {
  origin: string;
  /** The MCP endpoint. */
  url: string;
  heard: readonly Heard[];
  /** Each distinct Authorization header that came, in order. */
  authorizations(): string[];
  /** The same without the scheme `Bearer`. */
  tokens(): string[];
  /** Whether a text occurs anywhere in what reached it, as it is or encoded. */
  hasSeen(secret: string): boolean;
  /** Sends everybody who comes to the MCP endpoint on to `location`, from now on. */
  redirect(status: number, location: string): void;
  /** Waits for what `until` gives for a request before that is answered, from now on. */
  hold(until: (request: Heard) => Promise<void> | undefined): void;
}

/** What is special about its protection: a token for any resource and of any scope is good unless told. */
export type WitnessProtection = Omit<ProtectionOptions, 'authorizationServer'>;

/**
 * Starts one for the test that runs. It lets in who has a token that `checker` knows; without a checker
 * everybody.
 */
export async function startWitness(
  checker?: TokenChecker,
  protection: WitnessProtection = {},
): Promise<Witness> {
  const heard: Heard[] = [];
  let redirection: { status: number; location: string } | undefined;
  let held: (request: Heard) => Promise<void> | undefined = () => undefined;
  let serve: Serve = async () => {};
  const { origin } = await untilTestEnds(
    listen(async (request, response) => {
      const body = await text(request);
      const { method = '', url: path = '', headers } = request;
      const arrived = { method, path, headers, body };
      heard.push(arrived);
      await held(arrived);
      if (redirection === undefined || !isEndpoint(path)) return serve(request, response, body);
      const { status, location } = redirection;
      response.writeHead(status, { location }).end();
    }),
  );
  serve = checker === undefined ? serveAll() : serveSome(origin, checker, protection);
  const authorizations = () => [
    ...new Set(heard.flatMap(({ headers }) => headers.authorization ?? [])),
  ];
  return {
    ...{ origin, heard, authorizations, url: `${origin}/mcp` },
    tokens: () => authorizations().map((value) => value.replace(/^Bearer /, '')),
    hasSeen: (secret) => occursIn(JSON.stringify(heard), secret),
    redirect: (status, location) => {
      redirection = { status, location };
    },
    hold: (until) => {
      held = until;
    },
  };
}

/** Answers a request whose body was read. */
type Serve = (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>;

function isEndpoint(path: string): boolean {
  return path.split('?')[0] === '/mcp';
}

function serveAll(): Serve {
  const sessions = streamableHttpSessions();
  return async (request, response, body) => {
    if (!isEndpoint(request.url ?? '')) return void response.writeHead(404).end();
    await sessions.handle(request, response, body === '' ? undefined : JSON.parse(body));
  };
}

function serveSome(
  origin: string,
  authorizationServer: TokenChecker,
  protection: WitnessProtection,
): Serve {
  const options: ProtectionOptions = { audience: 'any', scopes: [], authorizationServer };
  const site = createProtectedResource(origin, { ...options, ...protection });
  return async (request, response, body) => {
    if (await site.handle(request, response, body)) return;
    const metadata = site.metadataAt(request.url ?? '');
    if (metadata === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
  };
}

/** Whether a secret occurs in a text, as it is or encoded. */
export function occursIn(shown: string, secret: string): boolean {
  const bytes = Buffer.from(secret);
  const forms = [secret, encodeURIComponent(secret), bytes.toString('base64')];
  return [...forms, bytes.toString('base64url')].some((form) => shown.includes(form));
}

/** Knows every token that one of these knows; its issuer is that of the first. */
export function anyOf(first: TokenChecker, ...more: TokenChecker[]): TokenChecker {
  return {
    issuer: first.issuer,
    check: async (token) => {
      for (const { check } of [first, ...more]) {
        const info = await check(token);
        if (info !== undefined) return info;
      }
      return undefined;
    },
  };
}

/** Knows these tokens, which nobody has issued: keys that a server has given out once. */
export function keysOf(issuer: string, ...keys: string[]): TokenChecker {
  const info = { clientId: 'key', subject: 'key', scopes: [], audience: undefined };
  return { issuer, check: async (token) => (keys.includes(token) ? info : undefined) };
}
