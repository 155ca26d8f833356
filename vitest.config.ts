import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Time enough for a busy two-core machine: properties try many cases, and processes take turns. */
const slow = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // Most of what tests wait for is other processes and clocks.
    maxWorkers: Math.max(3, availableParallelism()),
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...slow } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...slow } },
      {
        test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...slow },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...slow } },
    ],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'text'] },
  },
});
