import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { type AuthHome, startPair } from '../support/oauth/auth-home.ts';
import { RefreshCrowd } from '../support/oauth/refresh-crowd.ts';
import {
  countExpiries,
  createRefreshStage,
  crowdSeconds,
  earlyRefreshes,
  type RefreshStage,
} from '../support/oauth/refresh-stage.ts';
import type { Exchange } from '../support/oauth/token-relay.ts';

const PROCESSES = 8;
const seconds = crowdSeconds();

/** Milliseconds that an answer of the token endpoint is under way: some kills fall into that time. */
const WAY_BACK_MS = 500;

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Kills one process after the other, and starts another for it; logs in again when the login is lost. */
async function disturb(crowd: RefreshCrowd, stage: RefreshStage, random: () => number) {
  const { home, provider } = stage;
  const kills: number[] = [];
  let logins = 0;
  const look = async () => {
    const demands = [...crowd.demands];
    if (provider.seen.reused.length === logins) return expect(demands).toEqual([]);
    await crowd.all('api__echo', 'login');
    const { value, code } = await home.json(['auth', 'status', '--server=api']);
    expect(value).toMatchObject([{ state: 'login_required' }]);
    expect(code).toBe(4);
    expect(await home.logIn(['api'])).toMatchObject({ code: 0, last: { event: 'logged_in' } });
    logins += 1;
    await crowd.all('api__echo', 'answered');
    crowd.demands.clear();
  };
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    await wait(1000 + random() * 2000);
    const { workers } = crowd;
    kills.push(Date.now());
    await workers[Math.floor(random() * workers.length)]?.kill();
    await crowd.start();
    await look();
  }
  // What the last kill has led to shows at the next expiry.
  const refreshes = stage.relay.refreshes().length;
  const next = () => stage.relay.refreshes().length > refreshes + 1;
  await waitFor(() => next() || provider.seen.reused.length > logins, {
    ...{ deadline: 30_000, what: 'the next refresh' },
  });
  await look();
  return { kills, logins };
}

/** The times that a refresh token was shown again: with the request before that showed the same. */
function shownAgain(refreshes: readonly Exchange[]): { before: Exchange; again: Exchange }[] {
  return refreshes.flatMap((again, index) => {
    const before = refreshes.slice(0, index).findLast(({ shown }) => shown === again.shown);
    return before === undefined ? [] : [{ before, again }];
  });
}

/** Fails unless the tokens of `before` were lost with the process that asked for them. */
function expectLost(
  { before, again }: { before: Exchange; again: Exchange },
  { server, relay }: RefreshStage,
  kills: readonly number[],
): void {
  expect(again.status).toBe(400);
  expect(kills.some((at) => before.begunAt <= at && at <= again.begunAt)).toBe(true);
  const { accessToken = '', refreshToken = '' } = before.issued ?? {};
  expect(relay.refreshes().map(({ shown }) => shown)).not.toContain(refreshToken);
  // What is not saved yet is not used either.
  const used = server.requests.map(({ authorization }) => authorization);
  expect(used).not.toContain(`Bearer ${accessToken}`);
}

/** The files about one login, which name its server. */
async function filesOf(home: AuthHome, server: string): Promise<[string, string][]> {
  const files = [...(await home.files())];
  return files.filter(([path]) =>
    new RegExp(`/(logins|tokens)/${server}-[^/]*\\.json$`).test(path),
  );
}

it(
  `eight processes, of which one is killed at random again and again, lose nothing in ${seconds} seconds but what a kill takes`,
  async () => {
    const seed = Number(process.env['MCP_MASTER_TEST_SEED'] ?? Date.now() % 1_000_000);
    const stage = await createRefreshStage();
    const { home, provider, relay, entry } = stage;
    const other = await startPair();
    await home.configure({ api: entry, other: other.entry });
    for (const name of ['api', 'other'])
      expect(await home.logIn([name])).toMatchObject({ code: 0 });
    const untouched = await filesOf(home, 'other');
    expect(untouched).toHaveLength(2);
    relay.intercept(async (_, pass) => {
      const answer = await pass();
      await wait(WAY_BACK_MS);
      return answer;
    });

    const crowd = new RefreshCrowd(home, ['api__echo', 'api__echo', 'api__echo', 'other__echo']);
    await Promise.all(Array.from({ length: PROCESSES }, () => crowd.start()));
    const { kills, logins } = await disturb(crowd, stage, createRandom(seed));
    await crowd.stop();

    const refreshes = relay.refreshes();
    const again = shownAgain(refreshes);
    process.stderr.write(
      `seed ${seed}: ${kills.length} kills, ${refreshes.length} refreshes, ${countExpiries(relay)} expiries, ${again.length} shown again, ${logins} logins lost\n`,
    );
    expect(crowd.failures).toEqual(new Map());
    expect(earlyRefreshes(relay)).toEqual([]);
    expect(refreshes.length).toBeLessThanOrEqual(countExpiries(relay) + kills.length);
    for (const pair of again) expectLost(pair, stage, kills);
    expect(again.length).toBeLessThanOrEqual(kills.length);
    // Who is killed before it has dropped a spent token leaves it to the next one to be shown once more.
    expect(new Set(again.map((pair) => pair.again.shown)).size).toBe(logins);
    expect(provider.seen.reused).toHaveLength(logins);

    expect(await filesOf(home, 'other')).toEqual(untouched);
    expect(other.provider.seen.at('token')).toHaveLength(1);
    const needless = crowd.everyone.flatMap(({ calls }) =>
      calls.filter(({ tool, outcome }) => tool === 'other__echo' && outcome !== 'answered'),
    );
    expect(needless).toEqual([]);

    const fresh = await home.serve();
    await fresh.callTool('api__echo', { text: 'x' });
    await fresh.callTool('other__echo', { text: 'x' });
    for (const [path, content] of await home.files()) {
      if (path.endsWith('.json')) expect(() => JSON.parse(content), path).not.toThrow();
    }
    const { value: status, code } = await home.json(['auth', 'status']);
    expect(status.map(({ server, state }) => [server, state])).toEqual([
      ['api', 'logged_in'],
      ['other', 'logged_in'],
    ]);
    expect(code).toBe(0);
  },
  (seconds + 180) * 1000,
);
