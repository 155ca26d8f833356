#!/usr/bin/env node
/**
 * Measures mcp-master beside the floors. See README.md.
 *   node bench/run.mjs [--rounds 5] [--seconds 1] [--json FILE]
 */
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { measureCommands, prepareCommands } from './commands.mjs';
import { measure } from './measure.mjs';
import { startHttpBackend, subjects } from './subjects.mjs';
import { commandsTable, failures, ratiosTable, rowsOf, valuesTable } from './table.mjs';

/** Rounds are interleaved, so that a slow minute of the machine hits every subject. */
async function runRounds(list, rounds, seconds) {
  const results = new Map(list.map(({ name }) => [name, { measured: [], failed: undefined }]));
  for (let round = 1; round <= rounds; round++) {
    for (const subject of list) {
      process.stderr.write(`round ${round} of ${rounds}: ${subject.name}\n`);
      const result = results.get(subject.name);
      // One that failed is not waited for again in every round.
      if (result.failed !== undefined) continue;
      try {
        result.measured.push(await measure(subject, seconds));
      } catch (error) {
        result.failed = `round ${round}: ${error.message}`;
      }
    }
  }
  return results;
}

/** The commands by themselves: each starts a process, and nothing else should run meanwhile. */
async function commandRounds(backendUrl, rounds) {
  const prepared = await prepareCommands(backendUrl);
  try {
    const results = [];
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`round ${round} of ${rounds}: commands\n`);
      results.push(measureCommands(prepared));
    }
    return results;
  } finally {
    await prepared.remove();
  }
}

function machine() {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    platform: `${os.platform()} ${os.arch()}`,
    cpus: `${os.cpus().length} x ${cpu?.model.trim() ?? 'unknown'}`,
  };
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (!(Number.isInteger(rounds) && rounds > 0 && seconds > 0)) {
  console.error('bench: --rounds is a whole number and --seconds a number, both above 0');
  process.exit(2);
}

const backend = await startHttpBackend();
try {
  const list = subjects(backend.url);
  const rows = rowsOf(list, await runRounds(list, rounds, seconds));
  const about = machine();
  console.log(`\n${about.node}, ${about.platform}, ${about.cpus}; medians of ${rounds} rounds`);
  console.log(`\n${valuesTable(rows)}\n\n${ratiosTable(rows)}`);
  console.log(`\n${commandsTable(await commandRounds(backend.url, rounds))}`);
  for (const failure of failures(rows)) console.log(`\n${failure}`);
  if (values.json) {
    const report = { machine: about, rounds, seconds, rows };
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.exitCode = failures(rows).length > 0 ? 1 : 0;
} finally {
  backend.stop();
}
