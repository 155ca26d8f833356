import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import type { TokenInfo } from './token-checker.ts';

/** A request with what the gate has found out about its token, as the SDK wants it. */
export type Authorized = IncomingMessage & { auth?: AuthInfo };

/** A server of the SDK behind the gate. */
export interface McpSessions {
  handle(request: Authorized, response: ServerResponse, body: unknown): Promise<void>;
  /** Tells the client of each session that the tools have changed, on the session's stream. */
  announce(): Promise<void>;
  /** Sessions that were opened so far. */
  opened(): number;
  /** Forgets the sessions, as a server does that starts anew: their requests get a 404. */
  forget(): void;
  /** The name of each tool that ran, once for each time. */
  ran(): readonly string[];
}

/** What may be chosen about the servers; all of it may be left out. */
export interface McpSessionsOptions {
  /** Whether there is also the tool `count`, which tells its progress as it goes. Default: no. */
  count?: boolean | undefined;
}

/** The SDK's Streamable HTTP transport, with sessions. */
export function streamableHttpSessions(options: McpSessionsOptions = {}): McpSessions {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const servers = new Servers(options);
  const open = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    // The SDK's own types disagree under exactOptionalPropertyTypes.
    await servers.connect(transport as Parameters<McpServer['connect']>[0]);
    return transport;
  };
  return {
    ...servers.views(sessions),
    async handle(request, response, body) {
      const id = request.headers['mcp-session-id'];
      const transport = typeof id === 'string' ? sessions.get(id) : await open();
      if (transport === undefined) return void response.writeHead(404).end();
      await transport.handleRequest(request, response, body);
    },
  };
}

/** The SDK's transport of the deprecated HTTP+SSE: messages are posted to `messagePath`. */
export function sseSessions(messagePath: string, options: McpSessionsOptions = {}): McpSessions {
  const sessions = new Map<string, SSEServerTransport>();
  const servers = new Servers(options);
  return {
    ...servers.views(sessions),
    async handle(request, response, body) {
      if (request.method === 'POST') {
        const id = new URL(request.url ?? '', 'http://localhost').searchParams.get('sessionId');
        const known = sessions.get(id ?? '');
        if (known === undefined) return void response.writeHead(404).end();
        return known.handlePostMessage(request, response, body);
      }
      const transport = new SSEServerTransport(messagePath, response);
      sessions.set(transport.sessionId, transport);
      await servers.connect(transport);
    },
  };
}

class Servers {
  readonly #options: McpSessionsOptions;
  readonly #servers: McpServer[] = [];
  readonly #ran: string[] = [];

  constructor(options: McpSessionsOptions) {
    this.#options = options;
  }

  async connect(transport: Parameters<McpServer['connect']>[0]): Promise<void> {
    const server = createMcpServer((tool) => this.#ran.push(tool), this.#options);
    this.#servers.push(server);
    await server.connect(transport);
  }

  views(sessions: Map<string, unknown>): Omit<McpSessions, 'handle'> {
    return {
      opened: () => this.#servers.length,
      forget: () => sessions.clear(),
      ran: () => this.#ran,
      announce: async () => {
        const listening = this.#servers.filter((server) => server.isConnected());
        for (const server of listening) await server.server.sendToolListChanged();
      },
    };
  }
}

/** `erase` needs a further scope, which is for the gate to ask for. */
function createMcpServer(onRun: (tool: string) => void, options: McpSessionsOptions): McpServer {
  const capabilities = { tools: { listChanged: true } };
  const server = new McpServer({ name: 'protected', version: '1' }, { capabilities });
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => {
    onRun('echo');
    return said(text);
  });
  server.registerTool('erase', { inputSchema: {} }, () => {
    onRun('erase');
    return said('erased');
  });
  server.registerTool('whoami', { inputSchema: {} }, (_args, { authInfo }) => {
    onRun('whoami');
    const { clientId, scopes, extra } = authInfo ?? {};
    return said(JSON.stringify({ clientId, scopes, ...extra }));
  });
  if (options.count) addCount(server, onRun);
  return server;
}

/** A tool that counts aloud, with a pause in milliseconds before each number. */
function addCount(server: McpServer, onRun: (tool: string) => void): void {
  const inputSchema = { to: z.number(), pause: z.number() };
  server.registerTool('count', { inputSchema }, async ({ to, pause }, { _meta, ...request }) => {
    onRun('count');
    for (let progress = 1; progress <= to; progress += 1) {
      await sleep(pause);
      const params = { progressToken: _meta?.progressToken ?? 0, progress, total: to };
      await request.sendNotification({ method: 'notifications/progress', params });
    }
    return said(String(to));
  });
}

function said(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

/** What the SDK hands on to a tool. */
export function authInfoOf(token: string, info: TokenInfo): AuthInfo {
  const { clientId, scopes, subject, audience } = info;
  return { token, clientId, scopes, extra: { subject, audience } };
}
