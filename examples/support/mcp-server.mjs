/** An MCP server over Streamable HTTP that lets nobody in without the right credential. */
import { json } from 'node:stream/consumers';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { SCOPE } from './authorization-server.mjs';
import { listen } from './http-listener.mjs';

/** RFC 9728 §3.1 */
const WELL_KNOWN = '/.well-known/oauth-protected-resource/mcp';

/** Headers that hold a credential in one of the examples. */
const CREDENTIALS = ['authorization', 'x-api-key', 'x-signature'];

/**
 * Starts one whose only tool is `whoami`.
 * @param {object} options
 * @param {(headers: import('node:http').IncomingHttpHeaders) => unknown} options.admit who sends
 *   these headers, in words; undefined (or a promise of it) for somebody who may not come in
 * @param {string} [options.issuer] the authorization server that it names to whom it does not let in
 * @returns the address of the endpoint; who was let in and which credentials came, each once
 */
export async function startMcpServer({ admit, issuer }) {
  const [admitted, credentials] = [new Set(), new Set()];
  const { origin, close } = await listen(async (request, response) => {
    if (request.url === WELL_KNOWN && issuer !== undefined) {
      const metadata = { resource: `${origin}/mcp`, authorization_servers: [issuer] };
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(metadata));
    }
    if (request.url !== '/mcp') return response.writeHead(404).end();
    for (const credential of credentialsOf(request)) credentials.add(credential);
    const who = await admit(request.headers);
    if (who === undefined) return refuse(response, issuer && `${origin}${WELL_KNOWN}`);
    admitted.add(who);
    await answer(request, response, who);
  });
  return {
    url: `${origin}/mcp`,
    admitted: () => [...admitted],
    credentials: () => [...credentials],
    close,
  };
}

function credentialsOf({ headers }) {
  const sent = CREDENTIALS.filter((name) => headers[name] !== undefined);
  return sent.map((name) => `${name}: ${headers[name]}`);
}

/** RFC 6750 §3, RFC 9728 §5.1 */
function refuse(response, metadata) {
  const challenge = metadata ? ` resource_metadata="${metadata}", scope="${SCOPE}"` : '';
  response.writeHead(401, { 'www-authenticate': `Bearer${challenge}` }).end();
}

async function answer(request, response, who) {
  // Nothing is kept between requests: there is no stream to read, and no session to end.
  if (request.method !== 'POST') return response.writeHead(405).end();
  const server = new McpServer({ name: 'example', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Says who you are to this server.' }, () => ({
    content: [{ type: 'text', text: `You are ${who}.` }],
  }));
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.once('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, await json(request));
}
