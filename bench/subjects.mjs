/** What is compared: the backend alone, the floors, and mcp-master in front of the same backends. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOGIN_ENVIRONMENT, serverWithLogin } from './authorization-server.mjs';
import { environment, stdioBackend, stdioBackends, TOKEN, TOOLS } from './backends.mjs';
import { run } from './belongings.mjs';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
/** The program that is measured. */
export const BIN = file('../bin/mcp-master.js');
const node = process.execPath;
/** Longer than any run: a backend that is late by as much never answers. */
const NEVER_MS = 86_400_000;
/** The one of twenty backends that ails. */
const LAST = 'many20';

/** The names of the subjects, by which goals and peers speak of them. */
export const NAMES = {
  bare: 'backend alone, stdio',
  atOnce: '20 backends, bare and at once',
  stdioA: 'floor, stdio pipe (A)',
  stdioB: 'floor, stdio pipe (B)',
  one: 'mcp-master, 1 stdio backend',
  five: 'mcp-master, 5 stdio backends, 100 tools',
  twenty: 'mcp-master, 20 stdio backends, 400 tools',
  slow: 'mcp-master, 20 stdio backends, one takes 5 s',
  mute: 'mcp-master, 20 stdio backends, one never answers',
  dead: 'mcp-master, 20 stdio backends, one exits at once',
  hundred: 'mcp-master, 100 stdio backends, 10,000 tools',
  httpA: 'floor, HTTP pipe (A)',
  httpB: 'floor, HTTP pipe (B)',
  http: 'mcp-master, 1 HTTP backend',
  sseFloor: 'floor, HTTP pipe, SSE answers',
  sse: 'mcp-master, 1 HTTP backend, SSE answers',
  tokenFloor: 'floor, HTTP pipe, fixed token',
  oauth: 'mcp-master, 1 HTTP backend, OAuth token',
};

/** The configurations that peers are measured with, too: { servers, tools } each. */
export function configurations(urls) {
  return {
    one: { servers: { bare: stdioBackend() }, tools: TOOLS },
    five: { servers: stdioBackends(5, 20), tools: 100 },
    twenty: { servers: stdioBackends(20, 20), tools: 400 },
    http: { servers: httpServer(urls.json), tools: TOOLS },
  };
}

function httpServer(url) {
  return { bare: { url, transport: 'http' } };
}

/**
 * The subjects in the order of the table. A subject has a `name`, its `phases` of a round, the number
 * of `tools` that it is ready with, and `prepare(folder)`, which gives the place to measure it in:
 * { command, env } or { commands, env }. `keeps` tells that a first start is made before the rounds.
 */
export function subjects(urls, issuer) {
  const { command, args } = stdioBackend();
  const { one, five, twenty, http } = configurations(urls);
  const pipe = [node, file('./floors/pipe.mjs'), command, ...args];
  const httpPipe = (...more) => [node, file('./floors/pipe-http.mjs'), ...more];
  const all = ['starts', 'calls', 'big'];
  return [
    plain(NAMES.bare, [command, ...args], ['starts', 'calls']),
    atOnce(NAMES.atOnce, twenty),
    plain(NAMES.stdioA, pipe, all),
    plain(NAMES.stdioB, pipe, all),
    master(NAMES.one, one, [...all, 'colds']),
    master(NAMES.five, five, ['starts', 'colds', 'calls']),
    master(NAMES.twenty, twenty, ['starts', 'colds', 'calls', 'lists']),
    late(NAMES.slow, twenty, 5_000),
    late(NAMES.mute, twenty, NEVER_MS),
    dead(NAMES.dead, twenty),
    hundred(NAMES.hundred),
    plain(NAMES.httpA, httpPipe(urls.json), all),
    plain(NAMES.httpB, httpPipe(urls.json), all),
    master(NAMES.http, http, [...all, 'colds']),
    plain(NAMES.sseFloor, httpPipe(urls.sse, '--sse'), ['starts', 'calls']),
    master(NAMES.sse, { servers: httpServer(urls.sse), tools: TOOLS }, ['starts', 'calls']),
    plain(NAMES.tokenFloor, httpPipe(urls.token, '--token', TOKEN), ['starts', 'calls']),
    withLogin(NAMES.oauth, { bare: serverWithLogin(urls.token, issuer) }),
  ];
}

function plain(name, command, phases) {
  const prepare = async () => ({ command, env: environment() });
  return { name, tools: TOOLS, phases, keeps: false, prepare };
}

/** The backends of a configuration without anything before them. */
function atOnce(name, { servers, tools }) {
  const commands = Object.values(servers).map(({ command, args }) => [command, ...args]);
  const prepare = async () => ({ commands, env: environment() });
  return { name, tools, phases: ['colds'], keeps: false, prepare };
}

function master(name, { servers, tools }, phases) {
  const prepare = (folder) => masterHome(folder, servers);
  return { name, tools, phases, keeps: true, prepare };
}

/** The last of the backends was in time when it was first seen, and is late ever since. */
function late(name, { servers, tools }, ms) {
  const prepare = async (folder) => {
    const from = join(folder, 'late');
    const last = { name: LAST, tools: 20, more: ['--delay', String(ms), '--when', from] };
    const place = await masterHome(folder, { ...servers, [LAST]: stdioBackend(last) });
    return { ...place, afterFirst: () => writeFile(from, '') };
  };
  return { name, tools, phases: ['starts'], keeps: true, prepare };
}

/** The last of the backends never worked: nothing is known of its tools. */
function dead(name, { servers, tools }) {
  const last = stdioBackend({ name: LAST, tools: 20, more: ['--dead'] });
  return master(name, { servers: { ...servers, [LAST]: last }, tools: tools - 20 }, ['starts']);
}

function hundred(name) {
  const configuration = { servers: stdioBackends(100, 100), tools: 10_000 };
  // A hundred Node.js processes that start at once take their time.
  return { ...master(name, configuration, ['lists']), deadline: 120_000 };
}

function withLogin(name, servers) {
  const prepare = (folder) => masterHome(folder, servers, LOGIN_ENVIRONMENT, true);
  return { name, tools: TOOLS, phases: ['starts', 'calls'], keeps: true, prepare };
}

/** A home of its own with this configuration, and the logins if asked for; gives { command, env }. */
export async function masterHome(folder, servers, more = {}, logIn = false) {
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify({ servers }), { mode: 0o600 });
  const env = environment({ HOME: folder, MCP_MASTER_HOME: folder, ...more });
  if (logIn) await run([node, BIN, 'auth', 'login', '--all', '--quiet'], env);
  return { command: [node, BIN, 'serve', '--config', config], env };
}
