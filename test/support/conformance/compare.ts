import type { JsonObject } from '../../../src/rpc/message.ts';
import type { Check, Verdicts } from './referee.ts';

/** A check whose result differs through the proxy, and why that is right. */
export interface ExpectedDifference {
  scenario: string;
  check: string;
  reason: string;
}

/** A check that sees something else through the proxy, what exactly, and why that is right. */
export interface ExpectedChange extends ExpectedDifference {
  /** What is seen through the proxy where `details` are seen directly. */
  change(details: JsonObject): JsonObject;
}

/** A check whose result is not the same directly and through the proxy. */
export interface Difference {
  scenario: string;
  check: string;
  /** Its statuses; empty where the check did not come up. */
  direct: string;
  proxied: string;
  /** What the suite says about it. */
  message: string;
}

/** The suite's transcript of a scenario, which it lists among the checks. */
const TRANSCRIPT = new Set([
  'incoming-response',
  'incoming-sse-event',
  'outgoing-request',
  'stream-closed',
]);

/** Every check whose result differs, in either direction. */
export function differences(direct: Verdicts, proxied: Verdicts): Difference[] {
  const scenarios = new Set([...direct.keys(), ...proxied.keys()]);
  return [...scenarios].flatMap((scenario) =>
    differencesIn(scenario, direct.get(scenario) ?? [], proxied.get(scenario) ?? []),
  );
}

/** The differences that nobody expects, and the expectations that nothing meets any more. */
export function surprises(
  found: readonly Difference[],
  expected: readonly ExpectedDifference[],
): string[] {
  const same = (a: ExpectedDifference, b: Difference) =>
    a.scenario === b.scenario && a.check === b.check;
  const unexpected = found.filter((one) => !expected.some((other) => same(other, one)));
  const outdated = expected.filter((one) => !found.some((other) => same(one, other)));
  return [
    ...unexpected.map(describeDifference),
    ...outdated.map(
      ({ scenario, check }) => `${scenario}: ${check}: expected to differ, is the same`,
    ),
  ];
}

/** What is another with each run: addresses, ids of sessions and events, the number of messages. */
const VOLATILE = new Set([
  'id',
  'lastEventId',
  'lastEventIdUsed',
  'hostHeader',
  'messagesValidated',
  'originHeader',
  'serverUrl',
  'sessionId',
  'sessionIdSent',
]);

/** What the suite saw in each check that succeeded: results, notifications, schemas, … */
export function seen(
  verdicts: Verdicts,
  changes: readonly ExpectedChange[] = [],
): Record<string, JsonObject> {
  const entries = [...verdicts].flatMap(([scenario, checks]) =>
    checks
      .filter(({ id, status }) => status === 'SUCCESS' && !TRANSCRIPT.has(id))
      .map(({ id, details = {} }) => {
        const { change } =
          changes.find((one) => one.scenario === scenario && one.check === id) ?? {};
        return [`${scenario}: ${id}`, lasting(change?.(details) ?? details)] as const;
      }),
  );
  return Object.fromEntries(entries);
}

/** Checks that did not succeed where they could have: failures and warnings. */
export function shortcomings(verdicts: Verdicts): string[] {
  return [...verdicts].flatMap(([scenario, checks]) =>
    checks
      .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
      .map(({ id, status, errorMessage = '' }) => `${scenario}: ${id}: ${status} ${errorMessage}`),
  );
}

/** A table for people: a line for each scenario, a column for each way to the backend. */
export function renderTable(columns: Readonly<Record<string, Verdicts>>): string {
  const all = Object.values(columns);
  const scenarios = [...new Set(all.flatMap((verdicts) => [...verdicts.keys()]))];
  const rows = scenarios.map((name) => [name, ...all.map((one) => tally(one.get(name) ?? []))]);
  const totals = all.map((verdicts) => tally([...verdicts.values()].flat()));
  const lines = [['scenario', ...Object.keys(columns)], ...rows, ['all', ...totals]];
  const widths = lines[0]?.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .join('\n');
}

function describeDifference({ scenario, check, direct, proxied, message }: Difference): string {
  const [one, other] = [direct || 'not reached', proxied || 'not reached'];
  return `${scenario}: ${check}: ${one} directly, ${other} through the proxy. ${message}`.trim();
}

function differencesIn(
  scenario: string,
  direct: readonly Check[],
  proxied: readonly Check[],
): Difference[] {
  const ids = new Set([...direct, ...proxied].map(({ id }) => id));
  return [...ids]
    .filter((id) => !TRANSCRIPT.has(id))
    .map((check) => ({
      scenario,
      check,
      direct: statuses(direct, check),
      proxied: statuses(proxied, check),
      message: messages([...direct, ...proxied], check),
    }))
    .filter((one) => one.direct !== one.proxied);
}

function lasting(details: JsonObject): JsonObject {
  const text = JSON.stringify(details, (key, value) => (VOLATILE.has(key) ? '' : value));
  return JSON.parse(text);
}

const statuses = (checks: readonly Check[], id: string) =>
  checks.flatMap((check) => (check.id === id ? [check.status] : [])).join(' ');

const messages = (checks: readonly Check[], id: string) =>
  checks.flatMap((check) => (check.id === id ? (check.errorMessage ?? []) : [])).join('; ');

/** As `2 passed, 1 failed`, nothing that is zero. */
function tally(checks: readonly Check[]): string {
  const count = (status: string) => checks.filter((check) => check.status === status).length;
  const counts = [
    [count('SUCCESS'), 'passed'],
    [count('FAILURE'), 'failed'],
    [count('WARNING'), 'warned'],
    [count('SKIPPED'), 'skipped'],
  ] as const;
  const told = counts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return told.length === 0 ? '-' : told.join(', ');
}
