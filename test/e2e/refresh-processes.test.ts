import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { countOf, RefreshCrowd } from '../support/oauth/refresh-crowd.ts';
import {
  countExpiries,
  createRefreshStage,
  crowdSeconds,
  earlyRefreshes,
} from '../support/oauth/refresh-stage.ts';
import type { Use } from '../support/oauth/shared-server.ts';

const PROCESSES = 8;
const seconds = crowdSeconds();

/** Whether this process has used a token that another one has used, too. */
function shares(uses: readonly Use[], name: string): boolean {
  const own = new Set(uses.filter(({ worker }) => worker === name).map(({ token }) => token));
  return uses.some(({ worker, token }) => worker !== name && own.has(token));
}

it(
  `eight processes on one refresh token spend none of them twice in ${seconds} seconds`,
  async () => {
    const { home, provider, server, relay, entry } = await createRefreshStage();
    await home.configure({ api: entry });
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    const crowd = new RefreshCrowd(home, ['api__echo']);
    const begun = Date.now();
    const workers = await Promise.all(Array.from({ length: PROCESSES }, () => crowd.start()));
    await wait(seconds * 1000);
    await crowd.stop();
    const elapsed = (Date.now() - begun) / 1000;

    const refreshes = relay.refreshes();
    const calls = workers.map((worker) => countOf(worker, 'answered'));
    const refused = server.requests.filter((request) => request.refused === 401).length;
    process.stderr.write(
      `${refreshes.length} refreshes for ${calls.join(' + ')} calls in ${elapsed} s, ${refused} times 401\n`,
    );
    expect(provider.seen.reused).toEqual([]);
    const shown = refreshes.map((refresh) => refresh.shown);
    expect(shown).toHaveLength(new Set(shown).size);
    expect(refreshes.filter(({ status }) => status !== 200)).toEqual([]);
    expect(provider.seen.grants('refresh_token')).toHaveLength(refreshes.length);
    expect(earlyRefreshes(relay)).toEqual([]);
    expect(refreshes.length).toBeLessThanOrEqual(countExpiries(relay));

    expect(crowd.failures).toEqual(new Map());
    expect(workers.map((worker) => countOf(worker, 'login'))).toEqual(workers.map(() => 0));
    expect(Math.min(...calls)).toBeGreaterThan(0);
    const unshared = workers.filter(({ name }) => !shares(server.uses, name));
    expect(unshared).toEqual([]);
    // Also on a machine that is slow there were many.
    expect(refreshes.length).toBeGreaterThanOrEqual(Math.floor(seconds / 10));

    const { value: listed } = await home.json(['list']);
    expect(listed).toMatchObject([{ server: 'api', state: 'ready' }]);
    const { value: status, code } = await home.json(['auth', 'status']);
    expect(status).toMatchObject([{ state: 'logged_in', has_refresh_token: true }]);
    expect(code).toBe(0);
  },
  (seconds + 120) * 1000,
);
