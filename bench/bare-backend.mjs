#!/usr/bin/env node
/**
 * A bare MCP backend without any SDK, so that what is measured is the proxy and not the backend.
 *   node bare-backend.mjs stdio [options]
 *   node bare-backend.mjs http  [options] [--sse] [--token X]   prints its URL as the first line
 * Options: --tools N, --name X; --dead (exits with 1 at once); --delay MS (before `initialize` is
 * answered; with --when FILE only if that is there).
 * Tools: the first is `echo`, which gives `message` back, the second `big`, which gives `count` characters.
 */
import { existsSync } from 'node:fs';
import http from 'node:http';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tools: { type: 'string', default: '10' },
    name: { type: 'string', default: 'bare' },
    delay: { type: 'string', default: '0' },
    dead: { type: 'boolean', default: false },
    when: { type: 'string' },
    sse: { type: 'boolean', default: false },
    token: { type: 'string' },
  },
});

if (values.dead) process.exit(1);
const isLate = values.when === undefined || existsSync(values.when);
const initializeDelay = isLate ? Number(values.delay) : 0;

const inputSchema = {
  type: 'object',
  properties: {
    message: { type: 'string', description: 'what to send back' },
    count: { type: 'integer', minimum: 0 },
  },
  required: ['message'],
};
const toolName = (i) => ['echo', 'big'][i] ?? `${values.name}_tool_${i}`;
const tools = Array.from({ length: Number(values.tools) }, (_, i) => ({
  name: toolName(i),
  description: `Tool ${i} of ${values.name}: takes a message and a count and gives the message back.`,
  inputSchema,
}));

const textOf = ({ name, arguments: given }) =>
  name === 'big' ? 'x'.repeat(Number(given?.count)) : String(given?.message ?? '');

const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: values.name, version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools }),
  'tools/call': (params) => ({ content: [{ type: 'text', text: textOf(params) }] }),
};

function answer({ id, method, params }) {
  const result = RESULTS[method]?.(params ?? {});
  if (result !== undefined) return JSON.stringify({ jsonrpc: '2.0', id, result });
  const error = { code: -32601, message: `Method not found: ${method}` };
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

const isRequest = (message) => message.id !== undefined && message.method !== undefined;

/** Calls `send` with the answer: at once, but for a late `initialize`. */
function respond(message, send) {
  const late = message.method === 'initialize' && initializeDelay > 0;
  if (late) setTimeout(() => send(answer(message)), initializeDelay);
  else send(answer(message));
}

function serveStdio() {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if (isRequest(message)) respond(message, (text) => process.stdout.write(`${text}\n`));
  });
  lines.on('close', () => process.exit(0));
}

function isRefused({ headers }) {
  return values.token !== undefined && headers.authorization !== `Bearer ${values.token}`;
}

function answerHttp(message, response) {
  if (!isRequest(message)) return response.writeHead(202).end();
  const session = message.method === 'initialize' ? { 'mcp-session-id': 'bench' } : {};
  const type = values.sse ? 'text/event-stream' : 'application/json';
  respond(message, (text) => {
    response.writeHead(200, { ...session, 'content-type': type });
    response.end(values.sse ? `event: message\ndata: ${text}\n\n` : text);
  });
}

function serveHttp() {
  const server = http.createServer((request, response) => {
    if (isRefused(request)) {
      return response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    }
    if (request.method === 'GET') return response.writeHead(405).end();
    if (request.method === 'DELETE') return response.writeHead(200).end();
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      answerHttp(JSON.parse(Buffer.concat(chunks).toString('utf8')), response);
    });
  });
  // Longer than a run's pauses, or reconnecting would be measured.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`);
  });
  // Ends with whoever started it, however that ended.
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (positionals[0] === 'http') serveHttp();
else serveStdio();
