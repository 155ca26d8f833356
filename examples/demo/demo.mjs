#!/usr/bin/env node
/**
 * Shows what mcp-master does, on real servers: `npm run demo`. Starts `mcp-master serve` with three
 * servers over stdio and one over HTTP, connects as a desktop client would, lists the tools of all
 * of them, calls some, and prints what to write into Claude Desktop's configuration.
 *
 *   npm run demo -- --save FILE    also saves the configuration for that (never over a file)
 */
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLAUDE_DESKTOP_FILES, claudeDesktopSnippet } from './clients.mjs';
import { demoConfig, savedConfig } from './config.mjs';
import { dim, heading, json, quote, say, table } from './print.mjs';
import { connect, startHttpServer } from './processes.mjs';

const BIN = fileURLToPath(new URL('../../bin/mcp-master.js', import.meta.url));
const DEADLINE_MS = 120_000;
const SERVERS = 4;

/** What is called: server, tool, arguments. */
const CALLS = [
  ['everything', 'echo', { message: 'Hello from mcp-master' }],
  ['files', 'list_allowed_directories', {}],
  [
    'memory',
    'create_entities',
    { entities: [{ name: 'Ada', entityType: 'person', observations: ['likes proxies'] }] },
  ],
  ['memory', 'read_graph', {}],
  ['remote', 'get-sum', { a: 19, b: 23 }],
];

async function main({ save }) {
  if (!existsSync(fileURLToPath(new URL('../../dist/main.cjs', import.meta.url)))) {
    throw new Error('mcp-master is not built yet: run `npm run build` first');
  }
  if (save !== undefined && existsSync(save)) throw new Error(`${save} exists; not overwritten`);
  const cleanUp = [];
  try {
    await Promise.race([show(cleanUp), interruption()]);
  } finally {
    for (const step of cleanUp.reverse()) await step();
  }
  await explain(save);
}

/** Fails on Ctrl-C and when time is up, so that what was started is ended in these cases too. */
function interruption() {
  return new Promise((_, reject) => {
    process.once('SIGINT', () => reject(new Error('interrupted')));
    process.once('SIGTERM', () => reject(new Error('interrupted')));
    const late = () => reject(new Error(`it took longer than ${DEADLINE_MS / 1000} s`));
    setTimeout(late, DEADLINE_MS).unref();
  });
}

async function show(cleanUp) {
  const home = await realpath(await mkdtemp(join(os.tmpdir(), 'mcp-master-demo-')));
  cleanUp.push(() => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const web = await startHttpServer();
  cleanUp.push(web.stop);
  const file = join(home, 'config.json');
  const config = demoConfig({ folder: home, memory: join(home, 'memory.jsonl'), url: web.url });
  await writeFile(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });

  heading('1. One MCP server in front of four');
  say(dim(`${process.execPath} ${BIN} serve --config ${file}`));
  const from = performance.now();
  const master = await connect(BIN, file, home);
  cleanUp.push(master.close);
  say(`Connected to ${master.name} in ${Math.round(performance.now() - from)} ms.`);
  const tools = await master.listTools();
  showTools(tools, Object.keys(config.servers));

  heading('3. Tools of each of them, called through the one');
  for (const [server, tool, args] of CALLS) {
    const name = toolName(tools, server, tool);
    say(`\n${name} ${dim(JSON.stringify(args))}`);
    quote(await master.call(name, args));
  }
}

function showTools(tools, servers) {
  heading(`2. The ${tools.length} tools that a client sees`);
  say(dim('Each is called server__tool.'));
  const rows = tools.map(({ name, description = '' }) => {
    const server = servers.find((id) => name.startsWith(`${id}__`));
    if (server === undefined) return ['mcp-master', name, description];
    return [server, name.slice(`${server}__`.length), description];
  });
  table(['server', 'tool', 'description'], rows);
  const missing = servers.filter((id) => !rows.some(([server]) => server === id));
  if (missing.length > 0) throw new Error(`no tools came from ${missing.join(', ')}`);
  say(dim(`${tools.length} tools of ${SERVERS} servers`));
}

function toolName(tools, server, tool) {
  const name = `${server}__${tool}`;
  if (tools.some((listed) => listed.name === name)) return name;
  throw new Error(`the server ${server} shows no tool ${tool}`);
}

async function explain(save) {
  const config = savedConfig();
  const file = save ?? join(os.homedir(), 'mcp-master.json');
  if (save !== undefined)
    await writeFile(save, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });

  heading('4. Your turn: Claude Desktop');
  const [, here] = CLAUDE_DESKTOP_FILES[process.platform] ?? CLAUDE_DESKTOP_FILES.linux;
  say(`Its configuration file is ${here}`);
  for (const [platform, path] of Object.values(CLAUDE_DESKTOP_FILES)) {
    say(dim(`  ${platform.padEnd(8)} ${path}`));
  }
  say('Put this into it and start Claude Desktop anew:\n');
  json(claudeDesktopSnippet(BIN, file));
  say(save === undefined ? `\nand this into ${file}:\n` : `\nThis is saved as ${file}:\n`);
  json(config);
  say(dim('\n`files` may read and write the folder named there: choose the one that you want.'));
  say(
    dim('`remote` is off: it needs `npx @modelcontextprotocol/server-everything streamableHttp`.'),
  );
  if (save === undefined) say(dim('`npm run demo -- --save FILE` writes that file for you.'));
}

try {
  const { values } = parseArgs({ options: { save: { type: 'string' } } });
  await main({ save: values.save && resolve(values.save) });
  say('\nThe demo worked: every server answered, and everything it started is gone again.');
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error.message}\n`);
  process.exitCode = 1;
}
