/** Has the MCP conformance suite judge the built proxy as a client. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { supportProgram } from '../bin.ts';
import { type Check, conformance, REVISION } from './referee.ts';

/** Milliseconds for a list of scenarios. */
const LIST_DEADLINE = 60_000;

/** Milliseconds that the driver has, which ends by itself before. */
const SCENARIO_DEADLINE = 60_000;

/** And the suite around it. */
const RUN_DEADLINE = 90_000;

/** The suite splits the command at spaces, and has a shell put it together again. */
const COMMAND = [process.execPath, supportProgram('conformance/client-driver.mjs')]
  .map((path) => JSON.stringify(path))
  .join(' ');

/** What the suite says about a client in one scenario. */
export interface ClientVerdict {
  /** Whether it is content over all: also with the driver's exit status, unless there is nothing to succeed in. */
  isContent: boolean;
  checks: readonly Check[];
  /** What the driver did, and what the proxy told it. */
  transcript: string;
}

/** Has the proxy go through one scenario; the suite's results are left in `folder`, which is empty. */
export async function judgeClient(scenario: string, folder: string): Promise<ClientVerdict> {
  const which = ['--scenario', scenario, '--spec-version', REVISION, '--force'];
  const how = ['--command', COMMAND, `--timeout=${SCENARIO_DEADLINE}`, '--output-dir', folder];
  const { code, output } = await conformance(['client', ...which, ...how], RUN_DEADLINE);
  const files = await readdir(folder, { recursive: true });
  const results = files.find((file) => file.endsWith('checks.json'));
  if (results === undefined) throw new Error(`${scenario} was not judged:\n${output}`);
  const read = (name: string) => readFile(join(folder, results, '..', name), 'utf8');
  const said = await Promise.all(['stdout.txt', 'stderr.txt'].map(read));
  // The suite's own format.
  const checks = JSON.parse(await read('checks.json')) as Check[];
  return { isContent: code === 0, checks, transcript: said.join('\n') };
}

/** The suite's own list of client scenarios: all that it has, or those that a revision requires. */
export async function clientScenarios(requiredBy?: string): Promise<string[]> {
  const of = requiredBy === undefined ? ['--client'] : ['--requirements', requiredBy];
  const { code, output } = await conformance(['list', ...of], LIST_DEADLINE);
  const [, list = ''] = /^Client scenarios.*\n((?: {2}- .*\n)+)/m.exec(output) ?? [];
  if (code !== 0 || list === '') throw new Error(`The suite lists nothing:\n${output}`);
  return [...list.matchAll(/^ {2}- (\S+)/gm)].map(([, name = '']) => name);
}
