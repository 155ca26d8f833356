/** What is compared: the backend alone, the floors, and mcp-master in front of the same backends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const BACKEND = file('./bare-backend.mjs');
const BIN = file('../bin/mcp-master.js');
const node = process.execPath;
const TOOLS = 10;
const MANY = { servers: 20, tools: 20 };

const backendCommand = (name = 'bare', tools = TOOLS) => ({
  command: node,
  args: [BACKEND, 'stdio', '--name', name, '--tools', String(tools)],
});

/** Starts the HTTP backend that all HTTP subjects share. */
export async function startHttpBackend() {
  const stdio = ['ignore', 'pipe', 'inherit'];
  const child = spawn(node, [BACKEND, 'http', '--tools', String(TOOLS)], { stdio });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { url: line.trim(), stop: () => void child.kill() };
}

/**
 * The subjects in the order of the table. `floor` names the subject that the ratios are taken to;
 * each floor is there twice, alike, so that what separates the two is the noise of the machine.
 */
export function subjects(url) {
  const { command, args } = backendCommand();
  const stdioFloor = [node, file('./floors/pipe.mjs'), command, ...args];
  const httpFloor = [node, file('./floors/pipe-http.mjs'), url];
  const many = Array.from({ length: MANY.servers }, (_, i) => `many${i + 1}`);
  return [
    plain('backend alone, stdio', [command, ...args]),
    plain('floor, stdio pipe (A)', stdioFloor, { floor: 'floor, stdio pipe (A)' }),
    plain('floor, stdio pipe (B)', stdioFloor, { floor: 'floor, stdio pipe (A)' }),
    master('mcp-master, 1 stdio backend', { bare: backendCommand() }, TOOLS, 'stdio'),
    master(
      `mcp-master, ${MANY.servers} stdio backends, ${MANY.servers * MANY.tools} tools`,
      Object.fromEntries(many.map((name) => [name, backendCommand(name, MANY.tools)])),
      MANY.servers * MANY.tools,
      'stdio',
    ),
    plain('floor, HTTP pipe (A)', httpFloor, { floor: 'floor, HTTP pipe (A)' }),
    plain('floor, HTTP pipe (B)', httpFloor, { floor: 'floor, HTTP pipe (A)' }),
    master('mcp-master, 1 HTTP backend', { bare: { url, transport: 'http' } }, TOOLS, 'HTTP'),
  ];
}

function plain(name, command, more = {}) {
  const prepare = async () => ({ command, env: environment(), remove: async () => {} });
  return { name, tools: TOOLS, keepsCatalogue: false, prepare, ...more };
}

/** mcp-master with a home of its own in each round, so that its first start finds no catalogue. */
function master(name, servers, tools, floor) {
  const prepare = async () => {
    const home = await mkdtemp(join(tmpdir(), 'mcp-master-bench-'));
    const config = join(home, 'config.json');
    await writeFile(config, JSON.stringify({ servers }), { mode: 0o600 });
    return {
      command: [node, BIN, 'serve', '--config', config],
      env: environment({ HOME: home, MCP_MASTER_HOME: home }),
      remove: () => rm(home, { recursive: true, force: true, maxRetries: 5 }),
    };
  };
  return { name, tools, keepsCatalogue: true, prepare, floor: `floor, ${floor} pipe (A)` };
}

/** Nothing of the user's reaches a subject but what processes need to start. */
function environment(more = {}) {
  const { PATH, TMPDIR, TEMP, SYSTEMROOT } = process.env;
  const all = Object.entries({ PATH, TMPDIR, TEMP, SYSTEMROOT, ...more });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}
