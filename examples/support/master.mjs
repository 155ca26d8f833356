/** mcp-master as a user has it, in a home of its own that is gone afterwards. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  getDefaultEnvironment,
  StdioClientTransport,
} from '@modelcontextprotocol/sdk/client/stdio.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { dim, quote, say } from '../demo/print.mjs';
import { followLogin } from './person.mjs';

const BIN = fileURLToPath(new URL('../../bin/mcp-master.js', import.meta.url));
const BUILT = new URL('../../dist/main.cjs', import.meta.url);

/**
 * The user of an example. Logins are in encrypted files, since not every computer has a keychain.
 * @param {object} options
 * @param {URL} options.config the configuration file
 * @param {Record<string, string>} options.env what the configuration refers to by `${…}` and `env:`
 * @param {(step: () => unknown) => void} later notes what is to be done at the end
 */
export async function openMaster({ config, env }, later) {
  if (!existsSync(BUILT)) throw new Error('mcp-master is not built yet: run `npm run build` first');
  const home = await realpath(await mkdtemp(join(tmpdir(), 'mcp-master-example-')));
  later(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const all = {
    ...getDefaultEnvironment(),
    MCP_MASTER_CONFIG: fileURLToPath(config),
    MCP_MASTER_HOME: home,
    OAUTH_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    // No browser opens: a script takes the part of the person.
    HEADLESS: 'true',
    ...env,
  };
  return {
    run: (args, options) => run(args, { env: all, ...options }),
    logIn: (server) => logIn(server, all),
    connect: (program = [BIN, 'serve']) => connect(program, all, later),
  };
}

/** Runs `mcp-master ARGS` and shows what it prints; fails when it ends with another exit code. */
async function run(args, { env, input = '', exitCode = 0 }) {
  const child = start(args, env);
  for (const stream of [child.stdout, child.stderr]) showLines(stream);
  child.stdin.end(input);
  await ended(child, args, exitCode);
}

/** Logs in at the address that `auth login` prints. */
async function logIn(server, env) {
  const args = ['auth', 'login', `--server=${server}`, '--no-browser'];
  const child = start(args, env);
  showLines(child.stderr);
  const end = ended(child, args);
  // Whatever it prints before is shown first.
  end.catch(() => {});
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('http')) {
      say(`  ${line}`);
      continue;
    }
    quote(line);
    say(dim('  (a script opens it, instead of a person)'));
    await followLogin(line);
  }
  await end;
}

function start(args, env) {
  say(dim(`\n$ mcp-master ${args.join(' ')}`));
  return spawn(process.execPath, [BIN, ...args], { env, stdio: 'pipe' });
}

function showLines(stream) {
  createInterface({ input: stream }).on('line', (line) => {
    if (line !== '') say(`  ${line}`);
  });
}

function ended(child, args, expected = 0) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === expected) resolve();
      else reject(new Error(`mcp-master ${args.join(' ')} ended with exit code ${code}`));
    });
  });
}

/** Starts a program that is an MCP server over stdio, and connects to it as a desktop client does. */
async function connect(program, env, later) {
  const command = { command: process.execPath, args: program, env, stderr: 'pipe' };
  const transport = new StdioClientTransport(command);
  let log = '';
  transport.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  const client = new Client({ name: 'mcp-master-example', version: '1.0.0' });
  later(() => client.close());
  let changed = () => {};
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => changed());
  const told = (work) =>
    work.catch((error) => {
      throw new Error(`${error.message}\nmcp-master said:\n${log}`, { cause: error });
    });
  await told(client.connect(transport));
  return {
    /** Resolves when the client is shown a tool of this name. */
    async shown(name) {
      for (;;) {
        const change = new Promise((resolve) => {
          changed = resolve;
        });
        const { tools } = await told(client.listTools());
        if (tools.some((tool) => tool.name === name)) return;
        await change;
      }
    },
    /** Calls a tool and shows the answer: its text, and whether it is an error. */
    async call(name, args = {}) {
      const params = { name, arguments: args };
      const { content, isError = false, _meta } = await told(client.callTool(params));
      const text = content.map((block) => block.text ?? `(${block.type})`);
      say(`\n${name}`);
      quote(text[0] ?? '');
      return { text: text[0] ?? '', isError, _meta };
    },
    close: () => client.close(),
  };
}
