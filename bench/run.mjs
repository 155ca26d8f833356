#!/usr/bin/env node
/** Measures mcp-master beside the floors, and beside its peers. See README.md. */
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { startAuthorizationServer } from './authorization-server.mjs';
import { startHttpBackends } from './backends.mjs';
import { endAll, endOnSignals, isEnding } from './belongings.mjs';
import { commands } from './commands.mjs';
import { companions, goalRows } from './goals.mjs';
import { installProject, weigh } from './install.mjs';
import { preparePeers } from './peers.mjs';
import { runRounds } from './rounds.mjs';
import { subjects } from './subjects.mjs';
import { commandsTable, goalsTable, peersTable, sizesTable, valuesTable } from './table.mjs';

const USAGE = `usage: node bench/run.mjs [--rounds 5] [--seconds 2] [--only TEXT] [--peers] [--size] [--json FILE]`;
const OPTIONS = {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  only: { type: 'string', default: '' },
  peers: { type: 'boolean', default: false },
  size: { type: 'boolean', default: false },
  json: { type: 'string' },
};

function settings() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const rounds = Number(values.rounds);
    const seconds = Number(values.seconds);
    if (!(Number.isInteger(rounds) && rounds > 0 && seconds > 0)) {
      throw new Error('--rounds is a whole number and --seconds a number, both above 0');
    }
    return { ...values, rounds, seconds };
  } catch (error) {
    console.error(`bench: ${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}

/** Those whose name has the text in it, with all that they are compared with. */
function select(all, text) {
  const wanted = all.filter(({ name }) => name.includes(text));
  const names = new Set(wanted.flatMap(({ name, peerOf }) => (peerOf ? [name, peerOf] : [name])));
  const needed = companions(names);
  return all.filter(({ name }) => names.has(name) || needed.has(name));
}

function machine() {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    platform: `${os.platform()} ${os.arch()}`,
    cpus: `${os.cpus().length} x ${cpu?.model.trim() ?? 'unknown'}`,
  };
}

async function sizes(ofPeers) {
  process.stderr.write('installing mcp-master\n');
  return { packages: await weigh(await installProject()), peers: ofPeers };
}

/** All that is measured: { list, results, peers, size }. */
async function measureAll(options) {
  const [urls, issuer] = await Promise.all([startHttpBackends(), startAuthorizationServer()]);
  const noPeers = { subjects: [], sizes: [], skipped: [] };
  const peers = options.peers ? await preparePeers(urls) : noPeers;
  const size = options.size ? await sizes(peers.sizes) : undefined;
  const all = [...subjects(urls, issuer), ...peers.subjects, ...commands(urls.token, issuer)];
  const list = select(all, options.only);
  if (list.length === 0) throw new Error(`no subject has "${options.only}" in its name`);
  return { list, results: await runRounds(list, options), peers, size };
}

function print({ list, results, peers, size }, { rounds, seconds }) {
  const { node, platform, cpus } = machine();
  const ofPeers = list.filter(({ peerOf }) => peerOf);
  const ofCommands = list.filter(({ phases }) => phases.includes('runs'));
  const others = list.filter((one) => !ofPeers.includes(one) && !ofCommands.includes(one));
  const sections = [
    `Node.js ${node}, ${platform}, ${cpus}; medians of ${rounds} rounds, ${seconds} s a figure`,
    others.length > 0 && valuesTable(others, results),
    ofCommands.length > 0 && commandsTable(ofCommands, results),
    ofPeers.length > 0 && peersTable(ofPeers, results),
    size && sizesTable(size.packages, size.peers),
    goalsTable(goalRows(results)),
    ...peers.skipped,
    ...failures(list, results),
  ];
  console.log(`\n${sections.filter(Boolean).join('\n\n')}`);
}

function failures(list, results) {
  return list.flatMap(({ name }) => {
    const { failed } = results.get(name);
    return failed ? [`${name} failed: ${failed}`] : [];
  });
}

function report({ list, results, peers, size }, { rounds, seconds }) {
  const subjects = list.map(({ name }) => ({ name, ...results.get(name) }));
  const goals = goalRows(results);
  const skipped = peers.skipped;
  return { machine: machine(), rounds, seconds, subjects, goals, size, skipped };
}

const options = settings();
endOnSignals();
try {
  const measured = await measureAll(options);
  print(measured, options);
  if (options.json) {
    await writeFile(options.json, `${JSON.stringify(report(measured, options), null, 2)}\n`);
  }
  const ours = measured.list.filter(({ peerOf }) => !peerOf);
  process.exitCode = failures(ours, measured.results).length > 0 ? 1 : 0;
} catch (error) {
  if (!isEnding()) console.error(`bench: ${error.message}`);
  process.exitCode = 1;
} finally {
  await endAll();
}
