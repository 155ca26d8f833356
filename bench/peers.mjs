/** Other proxies, from npm: what is installed, and how each is started in front of the same backends. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from './backends.mjs';
import { atEnd } from './belongings.mjs';
import { install, manifest, weigh } from './install.mjs';
import { configurations, NAMES } from './subjects.mjs';

const node = process.execPath;

/**
 * The peers, with the least major version of Node.js that their `engines` name, the configurations that they can
 * have, and `place(program, folder, servers)`. Versions are those that `npm view NAME version` gave on
 * 21 November 2026; of 1mcp any 0.35, since that registry did not have it.
 */
const PEERS = [
  { name: 'mcp-remote', version: '0.15.1', leastNode: 0, before: ['http'], place: mcpRemote },
  { name: 'supergateway', version: '4.0.0', leastNode: 20, before: ['http'], place: supergateway },
  { name: 'mcporter', version: '0.12.3', leastNode: 24, before: ['one', 'five'], place: mcporter },
  {
    ...{ name: '@1mcp/agent', version: '0.35', leastNode: 0 },
    ...{ before: ['http', 'five', 'twenty'], place: oneMcp },
  },
];

/**
 * Installs the peers; gives { subjects, sizes, skipped }: subjects with `peerOf`, the name of mcp-master
 * before the same backends; { name, version, bytes } of each; a line for each that is left out.
 */
export async function preparePeers(urls) {
  const subjects = [];
  const sizes = [];
  const skipped = [];
  for (const peer of PEERS) {
    process.stderr.write(`installing ${peer.name}\n`);
    try {
      const installed = await installPeer(peer);
      sizes.push(installed.size);
      subjects.push(...subjectsOf(peer, installed, configurations(urls)));
    } catch (error) {
      skipped.push(`${peer.name} ${peer.version} is left out: ${reason(error)}`);
    }
  }
  return { subjects, sizes, skipped };
}

/** Of what npm says, the line after the one with the code. */
function reason({ message }) {
  const isReason = (line) => /^npm error (?!code)/.test(line);
  return message.split('\n').find(isReason) ?? message;
}

async function installPeer({ name, version, leastNode }) {
  if (Number.parseInt(process.versions.node, 10) < leastNode) {
    throw new Error(`it wants Node.js ${leastNode}, this is ${process.version}`);
  }
  const modules = await install(`${name}@${version}`);
  const folder = join(modules, name);
  const { bin, version: found } = await manifest(folder);
  const program = join(folder, typeof bin === 'string' ? bin : Object.values(bin)[0]);
  const packages = await weigh(modules);
  const bytes = packages.reduce((sum, size) => sum + size.bytes, 0);
  return { program, version: found, size: { name, version: found, bytes } };
}

function subjectsOf({ name, before, place }, { program, version }, all) {
  return before.map((key) => ({
    name: `${name} ${version}, ${NAMES[key].replace('mcp-master, ', '')}`,
    peerOf: NAMES[key],
    tools: all[key].tools,
    phases: ['starts', 'calls'],
    keeps: true,
    prepare: (folder) => place(program, folder, all[key].servers),
  }));
}

function mcpRemote(program, folder, { bare }) {
  return { command: [node, program, bare.url, '--silent'], env: environment({ HOME: folder }) };
}

function supergateway(program, folder, { bare }) {
  const args = ['--streamableHttp', bare.url, '--logLevel', 'none'];
  return { command: [node, program, ...args], env: environment({ HOME: folder }) };
}

/** Its backends stay with a daemon, which the first start brings up and the run must end. */
async function mcporter(program, folder, servers) {
  const config = join(folder, 'mcporter.json');
  const kept = Object.entries(servers).map(([name, entry]) => [
    name,
    { ...entry, lifecycle: 'keep-alive' },
  ]);
  await writeFile(config, JSON.stringify({ imports: [], mcpServers: Object.fromEntries(kept) }));
  const env = environment({ HOME: folder });
  const command = [node, program, '--config', config];
  atEnd(() => void spawnSync(node, [...command.slice(1), 'daemon', 'stop'], { env }));
  return { command: [...command, 'serve', '--stdio'], env };
}

async function oneMcp(program, folder, servers) {
  const entries = Object.entries(servers).map(([name, { transport, ...entry }]) => [
    name,
    { type: transport ?? 'stdio', ...entry },
  ]);
  await writeFile(
    join(folder, 'mcp.json'),
    JSON.stringify({ mcpServers: Object.fromEntries(entries) }),
  );
  const args = ['serve', '--transport=stdio', `--config-dir=${folder}`, '--log-level=error'];
  return { command: [node, program, ...args], env: environment({ HOME: folder }) };
}
