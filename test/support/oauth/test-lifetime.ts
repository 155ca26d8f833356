import { onTestFinished } from 'vitest';

/** Closes what is being started when the test ends: `await untilTestEnds(startProtectedServer(…))`. */
export async function untilTestEnds<T extends { close(): void | Promise<void> }>(
  starting: T | Promise<T>,
): Promise<T> {
  const started = await starting;
  onTestFinished(() => started.close());
  return started;
}
