import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { listen } from './http-listener.ts';
import type { TokenChecker } from './token-checker.ts';

/** An MCP server on 127.0.0.1 without tools. */
export interface LibraryServer {
  url: URL;
  /** The method of each request that was refused. */
  refused: string[];
  close(): Promise<void>;
}

const PATH = '/mcp';
const METADATA = `/.well-known/oauth-protected-resource${PATH}`;
const SCOPE = 'mcp:read';

/** What nobody may do without a login; the lists are open. */
const GUARDED = new Set(['resources/read', 'prompts/get', 'completion/complete']);

/**
 * Starts a server of the SDK that has the resource `note://one` and the prompt `greet`, with a completion
 * for its argument, and gives them to those alone who have logged in.
 */
export async function startLibraryServer(provider: TokenChecker): Promise<LibraryServer> {
  const refused: string[] = [];
  let resource = '';
  const mayPass = async ({ headers }: IncomingMessage, method: string) => {
    if (!GUARDED.has(method)) return true;
    const [, token = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
    return token !== '' && (await provider.check(token))?.audience === resource;
  };
  const { origin, close } = await listen(async (request, response) => {
    if (request.url === METADATA) return showMetadata(response, resource, provider.issuer);
    // A server without sessions and streams: each request is a POST.
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const message = JSON.parse(await text(request));
    if (await mayPass(request, message.method)) return answer(request, response, message);
    refused.push(message.method);
    const challenge = `Bearer resource_metadata="${origin}${METADATA}", scope="${SCOPE}"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  resource = `${origin}${PATH}`;
  return { url: new URL(resource), refused, close };
}

/** RFC 9728 §2 */
function showMetadata(response: ServerResponse, resource: string, issuer: string): void {
  const metadata = { resource, authorization_servers: [issuer], scopes_supported: [SCOPE] };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  message: unknown,
): Promise<void> {
  const server = createServer();
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on('close', () => void server.close());
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await server.connect(transport as Parameters<Server['connect']>[0]);
  await transport.handleRequest(request, response, message);
}

function createServer(): Server {
  const capabilities = { resources: {}, prompts: {}, completions: {} };
  const server = new Server({ name: 'library', version: '1' }, { capabilities });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [{ uri: 'note://one', name: 'one' }],
  }));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [{ name: 'greet', arguments: [{ name: 'who' }] }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [{ uri: params.uri, text: 'the first note' }],
  }));
  server.setRequestHandler(GetPromptRequestSchema, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'Greet everybody' } }],
  }));
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: ['alice', 'bob'], total: 2, hasMore: false },
  }));
  return server;
}
