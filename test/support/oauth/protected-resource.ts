import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Authorized,
  authInfoOf,
  type McpSessionsOptions,
  sseSessions,
  streamableHttpSessions,
} from './mcp-sessions.ts';
import type { TokenChecker, TokenInfo } from './token-checker.ts';

/** How an MCP server is protected. All but the authorization server may be left out. */
export interface ProtectionOptions extends McpSessionsOptions {
  authorizationServer: TokenChecker;
  /** `http`: Streamable HTTP. `sse`: the deprecated transport, at `/sse`. */
  transport?: 'http' | 'sse';
  /** Scopes without which nothing is answered; default `mcp:read`. */
  scopes?: string[];
  /** The scope that the tool `erase` needs beside them; default `mcp:write`. */
  eraseScope?: string;
  /** Where RFC 9728 metadata is: at the path-inserted URL, at the root, or nowhere. Default `path`. */
  metadata?: 'path' | 'root' | 'none';
  /** Members laid over the metadata; undefined takes one out. */
  metadataMembers?: Readonly<Record<string, unknown>>;
  /**
   * How much a refusal says: `full` names metadata and scopes, `scope` only scopes, `bare` is
   * `Bearer` alone, `none` has no challenge. Default `full`.
   */
  challenge?: 'full' | 'scope' | 'bare' | 'none';
  /** What needs a token: everything, or tool calls alone (`initialize` and the lists are open). */
  guard?: 'all' | 'calls';
  /** Whether a token has to be issued for this resource (RFC 8707); default `own`. */
  audience?: 'own' | 'any';
}

/** A request as it reached the protected server. */
export interface ProtectedRequest {
  method: string;
  /** With the query. */
  path: string;
  /** The Authorization header, verbatim. */
  authorization: string | undefined;
  /** The method of the JSON-RPC message; of a batch, of the first. */
  rpc: string | undefined;
  /** The status that it was refused with; undefined when it was let in. */
  refused: number | undefined;
}

/** What stands behind a port: the MCP endpoint and its metadata. */
export interface ProtectedResource {
  /** The identifier of the resource, which is the URL of the endpoint, too. */
  resource: string;
  requests: ProtectedRequest[];
  /** Each distinct Authorization header that ever came, in order. */
  authorizations(): string[];
  /** Tells every client that the tools have changed. */
  announce(): Promise<void>;
  /** Sessions that were opened so far. */
  opened(): number;
  /** Forgets the sessions: their requests get a 404. */
  forget(): void;
  /** The name of each tool that ran, once for each time. */
  ran(): readonly string[];
  /** The metadata that belongs at this path; undefined for any other path. */
  metadataAt(path: string): object | undefined;
  /** Answers a request, whose body was read; resolves with whether it was for the endpoint. */
  handle(request: IncomingMessage, response: ServerResponse, body: string): Promise<boolean>;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** An MCP server of the SDK that lets only good tokens in. */
export function createProtectedResource(
  origin: string,
  options: ProtectionOptions,
): ProtectedResource {
  const sse = options.transport === 'sse';
  const path = sse ? '/sse' : '/mcp';
  const sessions = sse ? sseSessions('/messages', options) : streamableHttpSessions(options);
  const gate = new Gate(`${origin}${path}`, options);
  const requests: ProtectedRequest[] = [];
  const handle = async (request: Authorized, response: ServerResponse, text: string) => {
    const { pathname } = new URL(request.url ?? '/', origin);
    if (pathname !== path && !(sse && pathname === '/messages')) return false;
    const body = parse(text);
    const refusal = await gate.judge(request, body);
    requests.push(describeRequest(request, body, refusal?.status));
    if (refusal === undefined) await sessions.handle(request, response, body);
    else response.writeHead(refusal.status, refusal.headers).end();
    return true;
  };
  const { announce, opened, forget, ran } = sessions;
  return {
    ...{ resource: gate.resource, requests, announce, opened, forget, ran, handle },
    authorizations: () => [...new Set(requests.flatMap(({ authorization = [] }) => authorization))],
    metadataAt: (at) => (at === gate.metadataPath ? gate.metadata() : undefined),
  };
}

interface Refusal {
  status: 401 | 403;
  headers: Record<string, string>;
}

class Gate {
  readonly resource: string;
  readonly metadataPath: string | undefined;
  readonly #options: ProtectionOptions;
  readonly #scopes: string[];
  readonly #eraseScope: string;

  constructor(resource: string, options: ProtectionOptions) {
    this.resource = resource;
    this.#options = options;
    this.#scopes = options.scopes ?? ['mcp:read'];
    this.#eraseScope = options.eraseScope ?? 'mcp:write';
    const { metadata = 'path' } = options;
    const inserted = metadata === 'path' ? new URL(resource).pathname : '';
    this.metadataPath = metadata === 'none' ? undefined : `${WELL_KNOWN}${inserted}`;
  }

  /** RFC 9728 §2 */
  metadata(): object {
    return {
      resource: this.resource,
      authorization_servers: [this.#options.authorizationServer.issuer],
      scopes_supported: [...this.#scopes, this.#eraseScope],
      bearer_methods_supported: ['header'],
      ...this.#options.metadataMembers,
    };
  }

  /** Undefined when the request may pass; it then carries what is known of its token. */
  async judge(request: Authorized, body: unknown): Promise<Refusal | undefined> {
    const { method, params } = asMessage(body);
    if (this.#options.guard === 'calls' && method !== 'tools/call') return undefined;
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) return this.#refuse(401, this.#scopes);
    const info = await this.#options.authorizationServer.check(token);
    if (info === undefined || !this.#isForUs(info)) {
      return this.#refuse(401, this.#scopes, 'invalid_token');
    }
    const erases = method === 'tools/call' && params?.name === 'erase';
    const needed = erases ? [this.#eraseScope] : this.#scopes;
    const missing = needed.some((scope) => !info.scopes.includes(scope));
    if (missing) return this.#refuse(403, needed, 'insufficient_scope');
    request.auth = authInfoOf(token, info);
    return undefined;
  }

  #isForUs({ audience }: TokenInfo): boolean {
    return this.#options.audience === 'any' || audience === this.resource;
  }

  /** RFC 6750 §3, RFC 9728 §5.1 */
  #refuse(status: 401 | 403, scopes: string[], error?: string): Refusal {
    const { challenge = 'full' } = this.#options;
    if (challenge === 'none') return { status, headers: {} };
    if (challenge === 'bare') return { status, headers: { 'www-authenticate': 'Bearer' } };
    const names = challenge === 'full' && this.metadataPath !== undefined;
    const members = {
      error,
      scope: scopes.length === 0 ? undefined : scopes.join(' '),
      resource_metadata: names ? new URL(this.metadataPath ?? '', this.resource).href : undefined,
    };
    const said = Object.entries(members).filter(([, value]) => value !== undefined);
    const value = said.map(([name, member]) => `${name}="${member}"`).join(', ');
    return { status, headers: { 'www-authenticate': `Bearer ${value}`.trim() } };
  }
}

interface Message {
  method?: string;
  params?: { name?: string };
}

function asMessage(body: unknown): Message {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  // JSON-RPC messages are objects; the SDK refuses what is not.
  return typeof first === 'object' && first !== null ? (first as Message) : {};
}

/** Undefined for a request without a body; what is no JSON is for the SDK to refuse. */
function parse(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function describeRequest(
  { method = '', url = '', headers }: IncomingMessage,
  body: unknown,
  refused: number | undefined,
): ProtectedRequest {
  const { authorization } = headers;
  return { method, path: url, authorization, rpc: asMessage(body).method, refused };
}
