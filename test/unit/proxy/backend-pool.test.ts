import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { BackendPool } from '../../../src/proxy/backend-pool.ts';
import type { Catalogue } from '../../../src/proxy/catalogue.ts';
import type { PoolDeps } from '../../../src/proxy/pool-deps.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { serverConfig } from '../../support/server-config.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A pool of programs that never come up, some of them known; and how many of them were started. */
function createPool({ known = 0, unknown = 0, processors = 1 }) {
  const names = [
    ...Array.from({ length: known }, (_, i) => `known${i}`),
    ...Array.from({ length: unknown }, (_, i) => `new${i}`),
  ];
  const config = {
    ...{ servers: names.map((name) => serverConfig({ name, prefix: name })), rejected: [] },
    serve: { firstListWait: 5, nameLimit: 47 },
  } as unknown as Config; // What a pool reads of one.
  const lists = { tools: [], prompts: [], resources: [], resourceTemplates: [] };
  const catalogue = {
    get: ({ name }: { name: string }) =>
      name.startsWith('known') ? { capabilities: {}, ...lists } : undefined,
  } as unknown as Catalogue; // What it knows.
  const spawn = vi.fn(() => new Promise<never>(() => undefined));
  const { log } = memoryLog();
  const deps = {
    ...{ processors, log },
    backend: {
      ...{ spawn, log, now: Date.now, auth: { forServer: () => ({}) } },
      surroundings: { env: {}, platform: 'linux', commandFolders: [] },
      readSecret: async () => undefined,
      redact: (text: string) => text,
    },
    credentials: { watch: () => () => undefined, version: () => '' },
  } as unknown as PoolDeps; // What programs are started with.
  const client = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };
  const handlers = {
    ...{ onRequest: vi.fn(), onNotification: vi.fn() },
    ...{ onReady: vi.fn(), onSettled: vi.fn(), onListsChanged: vi.fn() },
  };
  const pool = new BackendPool(config, { client, catalogue }, handlers, deps);
  return { pool, started: () => spawn.mock.calls.length };
}

it('starts programs that are known a few at a time, since nobody waits for them', async () => {
  const { pool, started } = createPool({ known: 9, processors: 2 });
  void pool.start();
  await vi.advanceTimersByTimeAsync(50);
  expect(started()).toBe(4);
  await vi.advanceTimersByTimeAsync(100);
  expect(started()).toBe(8);
  await vi.advanceTimersByTimeAsync(100);
  expect(started()).toBe(9);
});

it('starts at once those that nothing is known of: the first list waits for them', async () => {
  const { pool, started } = createPool({ known: 4, unknown: 6 });
  void pool.start();
  await vi.advanceTimersByTimeAsync(50);
  expect(started()).toBe(6 + 2);
});
