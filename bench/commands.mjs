/** How long commands take that a person, or a script, runs: beside a Node.js process that does nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/mcp-master.js', import.meta.url));
const SERVERS = 50;
/** Runs of each command in a round. */
const RUNS = 10;

const NOTHING = ['-e', '0'];

/** A home with 50 servers and a login at each, made as users make them, by a grant without a browser. */
export async function prepareCommands(backendUrl) {
  const authorizationServer = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: 'bench', token_type: 'Bearer', expires_in: 3600 }));
  });
  authorizationServer.listen(0, '127.0.0.1');
  await once(authorizationServer, 'listening');
  const issuer = `http://127.0.0.1:${authorizationServer.address().port}`;
  const home = await mkdtemp(join(tmpdir(), 'mcp-master-bench-'));
  const auth_config = {
    ...{ grant: 'client_credentials', client_id: 'bench', client_secret: 'env:BENCH_SECRET' },
    ...{ issuer, token_endpoint: `${issuer}/token` },
  };
  const names = Array.from({ length: SERVERS }, (_, i) => `server${i + 1}`);
  const entry = { url: backendUrl, auth_strategy: 'delegate_oauth', auth_config };
  const servers = Object.fromEntries(names.map((name) => [name, entry]));
  await writeFile(join(home, 'config.json'), JSON.stringify({ servers }), { mode: 0o600 });
  const env = {
    ...{ PATH: process.env.PATH, SYSTEMROOT: process.env.SYSTEMROOT, MCP_MASTER_HOME: home },
    ...{ OAUTH_ENCRYPTION_KEY: 'ab'.repeat(32), BENCH_SECRET: 'bench' },
  };
  const remove = () => rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    await run([BIN, 'auth', 'login', '--all', '--quiet'], env);
  } catch (error) {
    await remove();
    throw error;
  } finally {
    authorizationServer.close();
  }
  return { env, remove };
}

/** The commands in the order of the table; the first is what the others are compared with. */
const COMMANDS = [
  { name: 'node -e 0 (A)', args: NOTHING },
  { name: 'node -e 0 (B)', args: NOTHING },
  { name: 'mcp-master --version', args: [BIN, '--version'] },
  { name: `mcp-master auth status, ${SERVERS} servers`, args: [BIN, 'auth', 'status'] },
];

/** One round: the commands in turn, some times each; { command: milliseconds of each run }. */
export function measureCommands({ env }) {
  const times = new Map(COMMANDS.map(({ name }) => [name, []]));
  for (let round = 0; round < RUNS; round++) {
    for (const { name, args } of COMMANDS) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
      times.get(name).push(performance.now() - start);
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    }
  }
  return times;
}

async function run(args, env) {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the logins failed (${code}): ${stderr}`);
}
