#!/usr/bin/env node
/**
 * A bare MCP backend without any SDK, so that what is measured is the proxy and not the backend.
 *   node bare-backend.mjs stdio [--tools N] [--name X]
 *   node bare-backend.mjs http  [--tools N] [--name X]     prints its URL as the first line
 */
import http from 'node:http';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tools: { type: 'string', default: '10' },
    name: { type: 'string', default: 'bare' },
  },
});

const inputSchema = {
  type: 'object',
  properties: {
    message: { type: 'string', description: 'what to send back' },
    count: { type: 'integer', minimum: 0 },
  },
  required: ['message'],
};
const tools = Array.from({ length: Number(values.tools) }, (_, i) => ({
  name: i === 0 ? 'echo' : `${values.name}_tool_${i}`,
  description: `Tool ${i} of ${values.name}: takes a message and a count and gives the message back.`,
  inputSchema,
}));

const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: values.name, version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools }),
  'tools/call': (params) => ({
    content: [{ type: 'text', text: String(params.arguments?.message ?? '') }],
  }),
};

function answer({ id, method, params }) {
  const result = RESULTS[method]?.(params ?? {});
  if (result !== undefined) return JSON.stringify({ jsonrpc: '2.0', id, result });
  const error = { code: -32601, message: `Method not found: ${method}` };
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

const isRequest = (message) => message.id !== undefined && message.method !== undefined;

function serveStdio() {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if (isRequest(message)) process.stdout.write(`${answer(message)}\n`);
  });
  lines.on('close', () => process.exit(0));
}

function serveHttp() {
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') return response.writeHead(405).end();
    if (request.method === 'DELETE') return response.writeHead(200).end();
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      if (!isRequest(message)) return response.writeHead(202).end();
      const session = message.method === 'initialize' ? { 'mcp-session-id': 'bench' } : {};
      response.writeHead(200, { ...session, 'content-type': 'application/json' });
      response.end(answer(message));
    });
  });
  // Longer than a run's pauses, or reconnecting would be measured.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`);
  });
}

if (positionals[0] === 'http') serveHttp();
else serveStdio();
