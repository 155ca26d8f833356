import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  type EventStore,
  StreamableHTTPServerTransport,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { type Received, startServer } from './scripted-server.ts';

/** An MCP server with the tools `echo` and `slow`, which reports progress before it answers. */
function createMcpServer(): McpServer {
  const server = new McpServer(
    { name: 'test', version: '1' },
    { capabilities: { logging: {}, resources: { listChanged: true } } },
  );
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }));
  server.registerTool('slow', { inputSchema: {} }, async (_args, { sendNotification }) => {
    const params = { level: 'info' as const, data: 'working' };
    await sendNotification({ method: 'notifications/message', params });
    return { content: [{ type: 'text', text: 'done' }] };
  });
  return server;
}

/** What a real server of the SDK is started with. */
export interface SdkServerOptions {
  json?: boolean;
  eventStore?: EventStore;
}

/** The SDK's Streamable HTTP server with sessions; `servers` are those of the sessions. */
export async function startSdkServer(options: SdkServerOptions = {}) {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const servers: McpServer[] = [];
  const open = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: options.json ?? false,
      ...(options.eventStore && { eventStore: options.eventStore }),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const server = createMcpServer();
    servers.push(server);
    // The SDK's own types disagree under exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<McpServer['connect']>[0]);
    return transport;
  };
  const answer = async ({ headers, body }: Received, response: ServerResponse) => {
    const id = headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : await open();
    if (known === undefined) return void response.writeHead(404).end();
    const parsed: unknown = body === '' ? undefined : JSON.parse(body);
    await known.handleRequest(response.req, response, parsed);
  };
  const started = await startServer((received, response) => void answer(received, response));
  return { ...started, sessions, servers };
}

/** The SDK's server of the deprecated HTTP+SSE transport: `/sse` and `/messages`. */
export async function startSdkSseServer() {
  const sessions = new Map<string, SSEServerTransport>();
  const servers: McpServer[] = [];
  const post = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const id = new URL(request.url ?? '', 'http://x').searchParams.get('sessionId') ?? '';
    return sessions.get(id)?.handlePostMessage(request, response, JSON.parse(body));
  };
  const answer = async ({ method, body }: Received, response: ServerResponse) => {
    if (method === 'POST') return void post(response.req, response, body);
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    const server = createMcpServer();
    servers.push(server);
    await server.connect(transport);
  };
  const started = await startServer((received, response) => void answer(received, response));
  return { ...started, url: new URL('/sse', started.origin), servers };
}
