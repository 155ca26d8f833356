/** The two processes of the demo: the HTTP server, and mcp-master with a client connected to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const START_DEADLINE_MS = 30_000;
const ANSWER_DEADLINE_MS = 30_000;
const MOST_PAGES = 50;
const KEPT_STDERR = 20_000;

/** Starts server-everything over HTTP; gives its URL and what stops it. */
export async function startHttpServer() {
  const program = fileURLToPath(new URL('./everything-http.mjs', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const first = once(child.stdout.setEncoding('utf8'), 'data').then(([text]) => text.trim());
  const failed = exited.then(([code]) => Promise.reject(new Error(`exit code ${code}`)));
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('it took too long')), START_DEADLINE_MS).unref();
  });
  const stop = async () => {
    child.kill();
    await exited;
  };
  // It ends in every case, later on; only before its first line is that a failure.
  failed.catch(() => {});
  late.catch(() => {});
  try {
    return { url: await Promise.race([first, failed, late]), stop };
  } catch (error) {
    child.kill();
    throw new Error(`the HTTP server could not be started: ${error.message}`);
  }
}

/** Starts `mcp-master serve` and connects to it with the MCP SDK's client. */
export async function connect(bin, config, home) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [bin, 'serve', '--config', config],
    env: { MCP_MASTER_HOME: home },
    stderr: 'pipe',
  });
  let log = '';
  transport.stderr?.on('data', (chunk) => {
    log = (log + chunk).slice(-KEPT_STDERR);
  });
  const client = new Client({ name: 'mcp-master-demo', version: '1.0.0' });
  const options = { timeout: ANSWER_DEADLINE_MS };
  const told = async (what, work) => {
    try {
      return await work();
    } catch (error) {
      const tail = log.trim().split('\n').slice(-15).join('\n');
      throw new Error(`${what}: ${error.message}${tail && `\nmcp-master said:\n${tail}`}`);
    }
  };
  const close = () => client.close();
  try {
    await told('mcp-master serve did not start', () => client.connect(transport, options));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name: client.getServerVersion()?.name ?? 'mcp-master',
    close,
    listTools: () => told('tools/list failed', () => listTools(client, options)),
    call: (name, args) => told(`${name} failed`, () => callTool(client, name, args, options)),
  };
}

async function listTools(client, options) {
  const tools = [];
  let cursor;
  for (let page = 0; page < MOST_PAGES; page++) {
    const result = await client.listTools(cursor ? { cursor } : {}, options);
    tools.push(...result.tools);
    cursor = result.nextCursor;
    if (cursor === undefined) return tools;
  }
  throw new Error(`more than ${MOST_PAGES} pages`);
}

async function callTool(client, name, args, options) {
  const result = await client.callTool({ name, arguments: args }, undefined, options);
  const text = result.content.map((block) => block.text ?? `(${block.type})`).join('\n');
  if (result.isError) throw new Error(text);
  return text;
}
