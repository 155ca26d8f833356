/** Runs the MCP conformance suite, and reads its verdicts on servers. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'cross-spawn';
import type { JsonObject } from '../../../src/rpc/message.ts';

/** The suite, and the Node.js that it needs: it does not run on 20. */
const PACKAGES = ['-p', 'node@22', '-p', '@modelcontextprotocol/conformance@0.2.0-alpha.12'];

/** The revision whose scenarios are run, those that the suite doesn't score included. */
export const REVISION = '2025-11-25';

/** Milliseconds that a scenario may take; the suite's own default is twice as long. */
const SCENARIO_DEADLINE = 15_000;

/** One thing that the suite looked at in a scenario. */
export interface Check {
  id: string;
  /** SUCCESS, FAILURE, WARNING, INFO or SKIPPED. */
  status: string;
  errorMessage?: string;
  /** What was seen, as the scenario likes to tell it. */
  details?: JsonObject;
}

/** The checks of each scenario, in the order in which the suite ran them. */
export type Verdicts = ReadonlyMap<string, readonly Check[]>;

/** How the suite's program ended; `code` is null when it took too long. */
export interface Ended {
  code: number | null;
  output: string;
}

/** How npm and the shell tell that a package or npx itself is not to be had; a wrong pin is no such. */
const UNREACHABLE = /npm error code (?!ETARGET).*|spawn npx \w+|.*not recognized.*/;

/** Fetches the suite unless npm has it already. Undefined when it is there, else why it is not. */
export async function fetchReferee(deadline: number): Promise<string | undefined> {
  const { code, output } = await conformance(['list', '--server'], deadline);
  if (code === 0) return undefined;
  if (code === null) return `npx did not bring it within ${deadline} ms`;
  const [reason] = UNREACHABLE.exec(output) ?? [];
  if (reason === undefined) throw new Error(`The conformance suite does not run:\n${output}`);
  return reason;
}

/** Has the suite judge the server at `url`; its results are left in `folder`, which is empty. */
export async function judge(url: string, folder: string, deadline: number): Promise<Verdicts> {
  const args = ['server', '--url', url, '--requirements', REVISION, '--output-dir', folder];
  // Its status is 1 when something failed, which is for the comparison to find.
  const { output } = await conformance([...args, `--timeout=${SCENARIO_DEADLINE}`], deadline);
  const verdicts = await readVerdicts(folder);
  const announced = Number(/Running .*\((\d+) scenarios\)/.exec(output)?.[1]);
  if (verdicts.size === announced) return verdicts;
  throw new Error(`${verdicts.size} of ${announced} scenarios were judged:\n${output}`);
}

/** The suite writes `server-SCENARIO-TIME/checks.json` for each scenario. */
async function readVerdicts(folder: string): Promise<Verdicts> {
  const runs = (await readdir(folder)).map((name) => {
    const [, scenario = name, time = ''] = /^server-(.+)-(\d{4}-\d\d-\d\dT.+)$/.exec(name) ?? [];
    return { name, scenario, time };
  });
  runs.sort((a, b) => a.time.localeCompare(b.time));
  const verdicts = new Map<string, readonly Check[]>();
  for (const { name, scenario } of runs) {
    const file = join(folder, name, 'checks.json');
    // The suite's own format.
    verdicts.set(scenario, JSON.parse(await readFile(file, 'utf8')) as Check[]);
  }
  return verdicts;
}

/** Runs the suite's program; it is ended after `deadline` milliseconds. */
export function conformance(args: readonly string[], deadline: number): Promise<Ended> {
  const child = spawn('npx', ['-y', ...PACKAGES, 'conformance', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: refereeEnv(),
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output += chunk.toString('utf8');
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill();
      // What npx started may hold the pipes open, and `close` would then be late.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, deadline);
    const end = (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += error.message;
      end(1);
    });
    child.once('close', end);
  });
}

/**
 * npm tries again for over a minute unless told otherwise, which is long where there is no net; and for what
 * it has already, it needs none.
 */
const IMPATIENT = {
  npm_config_prefer_offline: 'true',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '3000',
};

/** The user's own, for npm's settings, without what is meant for the tests' own processes. */
function refereeEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  return { ...env, ...IMPATIENT };
}
