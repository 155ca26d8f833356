/**
 * The server scenarios of the MCP conformance suite, against one backend asked directly and through
 * the built `mcp-master serve`: both behind the same bridge, which gives a stdio server an HTTP face.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  strippedEnv,
  supportProgram,
  type TempFolder,
  writeConfig,
} from '../support/bin.ts';
import { type Bridge, startBridge } from '../support/conformance/bridge.ts';
import {
  differences,
  renderTable,
  seen,
  shortcomings,
  surprises,
} from '../support/conformance/compare.ts';
import { fetchReferee, judge, type Verdicts } from '../support/conformance/referee.ts';
import type { StdioCommand } from '../support/conformance/stdio-child.ts';
import { EXPECTED_CHANGES, EXPECTED_DIFFERENCES } from './expected-differences.ts';

/** Milliseconds for npm to bring the suite, the first time on a machine. */
const FETCH_DEADLINE = 180_000;

/** Milliseconds for all scenarios of one way. */
const RUN_DEADLINE = 240_000;

/** How many scenarios the pinned suite has for the revision. */
const SCENARIOS = 33;

const BACKEND = supportProgram('conformance/backend.mjs');

/** How the suite reaches the backend: directly, or through the proxy in one of two ways. */
const WAYS = ['direct', 'proxied over stdio', 'proxied over HTTP'] as const;
type Way = (typeof WAYS)[number];
const PROXIED = WAYS.filter((way) => way !== 'direct');

let folder: TempFolder;
let unavailable: string | undefined;
/** What the proxy reaches over HTTP; the others are what the suite reaches. */
let remote: Bridge;
let bridges: Record<Way, Bridge>;
let verdicts: Record<Way, Verdicts>;

async function home(name: string): Promise<string> {
  const path = join(folder.path, name);
  await mkdir(path);
  return path;
}

async function backend(name: string): Promise<StdioCommand> {
  const cwd = await home(name);
  return { command: process.execPath, args: [BACKEND], env: strippedEnv(cwd), cwd };
}

async function proxyTo(way: Way, entry: object): Promise<StdioCommand> {
  const cwd = await home(way);
  // No prefix: the suite asks for tools by their names.
  const file = await writeConfig(cwd, { servers: { conformance: { ...entry, prefix: '' } } });
  const args = [BIN, 'serve', '--config', file];
  return { command: process.execPath, args, env: strippedEnv(cwd), cwd };
}

async function startBridges(): Promise<Record<Way, Bridge>> {
  remote = await startBridge(await backend('remote'));
  const { command, args } = await backend('entry');
  return {
    direct: await startBridge(await backend('direct')),
    'proxied over stdio': await startBridge(await proxyTo('proxied over stdio', { command, args })),
    'proxied over HTTP': await startBridge(await proxyTo('proxied over HTTP', { url: remote.url })),
  };
}

async function judgeAll(): Promise<Record<Way, Verdicts>> {
  const judged = WAYS.map(async (way) => {
    const results = await home(`results ${way}`);
    return [way, await judge(bridges[way].url, results, RUN_DEADLINE)] as const;
  });
  // All of WAYS are keys.
  return Object.fromEntries(await Promise.all(judged)) as Record<Way, Verdicts>;
}

beforeAll(async () => {
  folder = await createTempFolder();
  bridges = await startBridges();
  unavailable = await fetchReferee(FETCH_DEADLINE);
  if (unavailable !== undefined) {
    console.warn(`SKIPPED: the MCP conformance suite could not be fetched: ${unavailable}`);
    return;
  }
  verdicts = await judgeAll();
  console.log(renderTable(verdicts));
}, FETCH_DEADLINE + RUN_DEADLINE);

afterAll(async () => {
  await Promise.all(Object.values(bridges ?? {}).map((bridge) => bridge.close()));
  await remote?.close();
  await folder.remove();
});

beforeEach(({ skip }) => {
  skip(unavailable !== undefined, `the conformance suite could not be fetched: ${unavailable}`);
});

describe('the conformance suite', () => {
  it('is content with the backend itself', () => {
    expect(verdicts.direct.size).toBe(SCENARIOS);
    expect(shortcomings(verdicts.direct)).toEqual([]);
  });

  describe.each(PROXIED)('%s', (way) => {
    it('comes to the same results as directly', () => {
      const found = differences(verdicts.direct, verdicts[way]);
      expect(surprises(found, EXPECTED_DIFFERENCES)).toEqual([]);
    });

    it('sees the same as directly', () => {
      const proxied = seen(verdicts[way]);
      const direct = seen(verdicts.direct, EXPECTED_CHANGES);
      // What did not succeed through the proxy is the other test's to tell.
      const both = Object.entries(direct).filter(([check]) => check in proxied);
      expect(proxied).toEqual(Object.fromEntries(both));
    });
  });

  it.each(WAYS)('leaves no server behind that misbehaved: %s', async (way) => {
    await bridges[way].close();
    expect(bridges[way].problems).toEqual([]);
  });

  it('leaves no session of the proxy behind', async () => {
    await bridges['proxied over HTTP'].close();
    // One that the suite left during the handshake has no id yet by which it could be ended.
    const begun = remote.sessions().filter((sent) => sent.includes('notifications/initialized'));
    expect(begun).toEqual([]);
    await remote.close();
    expect(remote.problems).toEqual([]);
  });
});
