/**
 * The client scenarios of the MCP conformance suite, with the built proxy as the client: `serve`, and
 * `auth login` where it says so. A scenario is a test, so that a failure names it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import {
  type ClientVerdict,
  clientScenarios,
  judgeClient,
} from '../support/conformance/client-referee.ts';
import { renderTable, shortcomings } from '../support/conformance/compare.ts';
import { type Check, fetchReferee, REVISION } from '../support/conformance/referee.ts';
import { EXPECTED_FAILURES } from './client-expected-failures.ts';
import { type ClientScenario, EXCLUDED, SCENARIOS } from './client-scenarios.ts';

/** Milliseconds for npm to bring the suite, the first time on a machine. */
const FETCH_DEADLINE = 180_000;

/** Milliseconds for a scenario and a second try, while others run. */
const SCENARIO_DEADLINE = 200_000;

/** More would keep each other and the server scenarios waiting: a run is five processes. */
const AT_ONCE = 2;

/** Measures times, which a busy machine stretches. */
const TRIED_AGAIN = 'sse-retry';

let folder: TempFolder;
let unavailable: string | undefined;
const verdicts = new Map<string, readonly Check[]>();

beforeAll(async () => {
  folder = await createTempFolder();
  unavailable = await fetchReferee(FETCH_DEADLINE);
  if (unavailable === undefined) return;
  console.warn(`SKIPPED: the MCP conformance suite could not be fetched: ${unavailable}`);
}, FETCH_DEADLINE);

afterAll(async () => {
  if (verdicts.size > 0) console.log(renderTable({ 'as a client': verdicts }));
  await folder.remove();
});

beforeEach(({ skip }) => {
  skip(unavailable !== undefined, `the conformance suite could not be fetched: ${unavailable}`);
});

/** Everything that is not as it should be. */
function complaints(
  { checks, logins, error, name }: ClientScenario,
  { isContent, checks: seen, transcript }: ClientVerdict,
): string[] {
  const judged = seen.filter(({ status }) => ['SUCCESS', 'FAILURE', 'WARNING'].includes(status));
  const asked = transcript.match(/^LOGIN: /gm)?.length ?? 0;
  const codes = [...transcript.matchAll(/"event":"error".*?"code":"(\w+)"/g)];
  const last = codes.at(-1)?.[1];
  const wrong: [boolean, string][] = [
    [!isContent, 'the suite is not content'],
    [new Set(judged.map(({ id }) => id)).size !== checks, `it did not look at ${checks} things`],
    [asked !== logins, `the proxy asked for ${asked} logins instead of ${logins}`],
    [error !== undefined && last !== error, `the login ended with ${last} instead of ${error}`],
  ];
  return [
    ...shortcomings(new Map([[name, seen]])),
    ...wrong.flatMap(([is, what]) => (is ? [what] : [])),
  ];
}

async function tryOnce(scenario: ClientScenario, results: string): Promise<string[]> {
  const path = join(folder.path, results.replaceAll('/', '-'));
  await mkdir(path);
  const verdict = await judgeClient(scenario.name, path);
  verdicts.set(scenario.name, verdict.checks);
  const found = complaints(scenario, verdict);
  return found.length === 0 ? [] : [...found, verdict.transcript];
}

async function complaintsAbout(scenario: ClientScenario): Promise<string[]> {
  const { name } = scenario;
  const found = await tryOnce(scenario, name);
  if (found.length === 0 || name !== TRIED_AGAIN) return found;
  console.warn(`${name} is tried once more: ${found.join('\n')}`);
  return tryOnce(scenario, `${name} again`);
}

const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve<unknown>(undefined));

/** Begins when all of the lane before it is done. */
function inLane<T>(lane: number, work: () => Promise<T>): Promise<T> {
  const result = (lanes[lane] ?? Promise.resolve()).then(work);
  lanes[lane] = result.catch(() => undefined);
  return result;
}

const names = (scenarios: readonly { name: string }[]) => scenarios.map(({ name }) => name).sort();

describe('the list of scenarios', () => {
  it('is that of the suite, with a reason for each that is not run', async () => {
    expect(names([...SCENARIOS, ...EXCLUDED])).toEqual((await clientScenarios()).sort());
  });

  it('has everything that a client of the revision must do', async () => {
    const required = await clientScenarios(REVISION);
    expect(required).toHaveLength(18);
    expect(names(SCENARIOS)).toEqual(expect.arrayContaining(required));
  });

  it('has everything that the next revision requires of the authorization', async () => {
    const required = await clientScenarios('2026-07-28');
    const authorization = required.filter((name) => name.startsWith('auth/'));
    expect(authorization).toHaveLength(25);
    expect(names(SCENARIOS)).toEqual(expect.arrayContaining(authorization));
  });

  it('expects failures of what is run alone', () => {
    expect(names(SCENARIOS)).toEqual(expect.arrayContaining(names(EXPECTED_FAILURES)));
  });
});

describe('the proxy as a client', () => {
  const expected = (name: string) => EXPECTED_FAILURES.find((one) => one.name === name);
  const rows = SCENARIOS.map((scenario, at) => [scenario.name, scenario, at % AT_ONCE] as const);

  it.concurrent.each(rows)(
    '%s',
    async (name, scenario, lane) => {
      const found = await inLane(lane, () => complaintsAbout(scenario));
      const failure = expected(name);
      if (failure === undefined) expect(found.join('\n')).toBe('');
      else expect(found, `passes now, though: ${failure.reason}`).not.toEqual([]);
    },
    SCENARIO_DEADLINE,
  );
});
