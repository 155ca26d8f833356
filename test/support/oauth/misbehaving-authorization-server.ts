import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Answer, respond, send } from './answers.ts';
import { GrantBook } from './grant-book.ts';
import { listen, type RequestHandler } from './http-listener.ts';
import {
  createProtectedResource,
  type ProtectedResource,
  type ProtectionOptions,
} from './protected-resource.ts';
import { type KnownClient, RESOURCE_SCOPES } from './provider-configuration.ts';
import { DEVICE_GRANT, type Endpoint, type Params, SeenRequests } from './seen-requests.ts';
import type { TokenChecker } from './token-checker.ts';

/** A request as an {@link Override} gets it. */
export interface OAuthRequest {
  endpoint: Endpoint;
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  params: Params;
}

/**
 * Answers in place of an endpoint. `right` gives what a good server would answer, and does what it
 * would do (a code is spent, a token rotated); a test can pass it on, spoil it, or never call it.
 */
export type Override = (request: OAuthRequest, right: () => Answer) => Answer;

/** What a server does otherwise than a good one, by endpoint. */
export interface Script extends Partial<Record<Exclude<Endpoint, 'mcp'>, Override>> {
  /** The MCP endpoint, whose params are the JSON-RPC message: undefined lets the real one answer. */
  mcp?: (request: OAuthRequest) => Answer | undefined;
}

/** How the server is started; all of it may be left out. */
export interface MisbehavingOptions {
  /** The path of the issuer, such as `/tenant`; default none. */
  path?: string;
  clients?: readonly KnownClient[];
  /** What `expires_in` says; default 3600. */
  accessTokenSeconds?: number;
  /** How the MCP server on the same port is protected. */
  protection?: Omit<ProtectionOptions, 'authorizationServer'>;
  /** Default: any free one. */
  port?: number;
}

/** An authorization server of our own that does what a test says, with an MCP server on the same port. */
export interface MisbehavingServer extends TokenChecker {
  origin: string;
  /** The MCP endpoint, `/mcp`. */
  url: URL;
  seen: SeenRequests;
  /** What reached the MCP endpoint's own gate. */
  resource: Omit<ProtectedResource, 'handle' | 'metadataAt'>;
  /** Replaces the script from the next request on. */
  script(script: Script): void;
  /** Makes all access tokens that were issued so far invalid. */
  expireAccessTokens(): void;
  close(): Promise<void>;
}

/**
 * Starts the server. It answers as a good one would, with nobody to ask, except where the script says
 * otherwise. It can be used outside of a test, too.
 */
export async function startMisbehavingAuthorizationServer(
  script: Script = {},
  options: MisbehavingOptions = {},
): Promise<MisbehavingServer> {
  let handle: RequestHandler = () => {};
  const { origin, close } = await listen(
    (request, response) => handle(request, response),
    options.port,
  );
  const { path = '', clients = [], accessTokenSeconds = 3600, protection } = options;
  const issuer = `${origin}${path}`;
  const seen = new SeenRequests();
  const book = new GrantBook({ issuer, clients, accessTokenSeconds, seen });
  const check = async (token: string) => book.check(token);
  const authorizationServer = { issuer, check };
  const resource = createProtectedResource(origin, { ...protection, authorizationServer });
  const parts = { origin, path, book, resource, seen };
  const current = { script };
  handle = (request, response) => answer(request, response, parts, current.script);
  return {
    ...{ issuer, origin, seen, resource, check, close },
    url: new URL(resource.resource),
    script: (next) => {
      current.script = next;
    },
    expireAccessTokens: () => book.expireAccessTokens(),
  };
}

/** The override for the first `times` requests of an endpoint, and the right answer from then on. */
export function first(times: number, override: Override): Override {
  let left = times;
  return (request, right) => {
    left -= 1;
    return left >= 0 ? override(request, right) : right();
  };
}

/** The override for refreshes alone: codes are redeemed as they should be. */
export function onRefresh(override: Override): Override {
  return (request, right) =>
    request.params['grant_type'] === 'refresh_token' ? override(request, right) : right();
}

interface Parts {
  origin: string;
  path: string;
  book: GrantBook;
  resource: ProtectedResource;
  seen: SeenRequests;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: Parts,
  script: Script,
): Promise<void> {
  const body = await text(request);
  const asked = readRequest(request, body, parts);
  const given = decide(asked, parts, script);
  if (given === undefined) {
    await parts.resource.handle(request, response, body);
    return;
  }
  const { status } = given;
  parts.seen.all.push({ ...asked, path: asked.url.pathname, status, error: errorOf(given) });
  await send(given, response);
}

/** Undefined where the MCP server has to answer. */
function decide(asked: OAuthRequest, parts: Parts, script: Script): Answer | undefined {
  if (asked.endpoint === 'mcp') return script.mcp?.(asked);
  const right = () => rightAnswer(asked, parts);
  const override = script[asked.endpoint];
  return override === undefined ? right() : override(asked, right);
}

function readRequest(request: IncomingMessage, body: string, parts: Parts): OAuthRequest {
  const url = new URL(request.url ?? '/', parts.origin);
  const { method = '', headers } = request;
  const params = { ...Object.fromEntries(url.searchParams), ...readBody(body, headers) };
  return { endpoint: endpointAt(url.pathname, parts), method, url, headers, params };
}

function endpointAt(pathname: string, { path, resource }: Parts): Endpoint {
  if (pathname === new URL(resource.resource).pathname || pathname === '/messages') return 'mcp';
  if (pathname.startsWith('/.well-known/oauth-protected-resource')) return 'resourceMetadata';
  const known: Record<string, Endpoint> = {
    [`/.well-known/oauth-authorization-server${path}`]: 'metadata',
    [`/.well-known/openid-configuration${path}`]: 'openid',
    [`${path}/.well-known/openid-configuration`]: 'openid',
    [`${path}/register`]: 'register',
    [`${path}/authorize`]: 'authorize',
    [`${path}/token`]: 'token',
    [`${path}/device_authorization`]: 'device',
    [`${path}/revoke`]: 'revoke',
  };
  return known[pathname] ?? 'other';
}

function rightAnswer(
  { endpoint, method, url, params, headers }: OAuthRequest,
  parts: Parts,
): Answer {
  const { book, resource } = parts;
  const rights: Record<string, () => Answer> = {
    'GET metadata': () => respond(200, metadata(parts)),
    'GET resourceMetadata': () => found(resource.metadataAt(url.pathname)),
    'GET authorize': () => book.authorize(params),
    'POST register': () => book.register(params),
    'POST token': () => book.token(params, headers),
    'POST device': () => book.device(params, headers),
    'POST revoke': () => book.revoke(params, headers),
  };
  return rights[`${method} ${endpoint}`]?.() ?? found(undefined);
}

/** RFC 8414 §2, RFC 9207 §3 */
function metadata({ origin, path }: Parts): object {
  const issuer = `${origin}${path}`;
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
    registration_endpoint: `${issuer}/register`,
    revocation_endpoint: `${issuer}/revoke`,
    scopes_supported: RESOURCE_SCOPES,
    response_types_supported: ['code'],
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      DEVICE_GRANT,
    ],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  };
}

function found(document: object | undefined): Answer {
  return document === undefined ? respond(404, 'Not found') : respond(200, document);
}

function readBody(body: string, headers: IncomingHttpHeaders): Params {
  if (headers['content-type']?.startsWith('application/json')) return JSON.parse(body);
  return Object.fromEntries(new URLSearchParams(body));
}

/** The error code of OAuth in an answer; a spoiled body may be anything. */
function errorOf({ headers, body }: Answer): string | undefined {
  const { location } = headers;
  if (location !== undefined) return new URL(location).searchParams.get('error') ?? undefined;
  return /^\{"error":"(\w+)"/.exec(body)?.[1];
}
