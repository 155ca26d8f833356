#!/usr/bin/env node
/**
 * The MCP server that the server scenarios of the conformance suite expect, over stdio, made with the
 * SDK's low-level `Server`: the high-level one derives its schemas from zod and could not list the
 * JSON Schema keywords that the suite looks for. It ends with stdin.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { completions, prompts } from './backend/prompts.mjs';
import { readResource, resources, resourceTemplates } from './backend/resources.mjs';
import { tools } from './backend/tools.mjs';

const INVALID_PARAMS = -32602;
const RESOURCE_NOT_FOUND = -32002;

const server = new Server(
  { name: 'conformance-backend', version: '1.0.0' },
  {
    capabilities: {
      completions: {},
      logging: {},
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      tools: { listChanged: true },
    },
  },
);

/** Finds `name` among tools or prompts, or refuses the request. */
function named(all, name, what) {
  const found = all.find(({ definition }) => definition.name === name);
  if (found === undefined) throw new McpError(INVALID_PARAMS, `Unknown ${what}: ${name}`);
  return found;
}

const definitions = (all) => all.map(({ definition }) => definition);

server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: definitions(tools) }));
server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
  const tool = named(tools, params.name, 'tool');
  const log = (data) => server.sendLoggingMessage({ level: 'info', data }, extra.sessionId);
  try {
    return { content: await tool.run(params.arguments ?? {}, { ...extra, log }) };
  } catch (error) {
    // A tool that fails is an answer with isError, not an error of the protocol.
    return { isError: true, content: [{ type: 'text', text: error.message }] };
  }
});

server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: definitions(prompts) }));
server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
  const prompt = named(prompts, params.name, 'prompt');
  return { messages: prompt.messages(params.arguments ?? {}) };
});

server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates }));
server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
  const content = readResource(uri);
  if (content === undefined) throw new McpError(RESOURCE_NOT_FOUND, 'Resource not found', { uri });
  return { contents: [content] };
});

const subscriptions = new Set();
server.setRequestHandler(SubscribeRequestSchema, ({ params: { uri } }) => {
  subscriptions.add(uri);
  return {};
});
server.setRequestHandler(UnsubscribeRequestSchema, ({ params: { uri } }) => {
  // Refused where nothing was subscribed, so that a lost subscription shows in the comparison.
  if (!subscriptions.delete(uri)) throw new McpError(INVALID_PARAMS, `Not subscribed: ${uri}`);
  return {};
});

server.setRequestHandler(CompleteRequestSchema, ({ params: { ref, argument } }) => {
  const values = completions(ref, argument);
  return { completion: { values, total: values.length, hasMore: false } };
});

await server.connect(new StdioServerTransport());
// The SDK's transport takes no notice of the end of its input.
process.stdin.once('end', () => process.exit(0));
