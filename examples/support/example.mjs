/** What every example does: it ends, cleans up, and says how it went. */
import process from 'node:process';
import { say } from '../demo/print.mjs';

const DEADLINE_MS = 120_000;

/**
 * Runs an example, ends everything that it has started, also after an error or Ctrl-C, and exits
 * with 1 when it failed.
 * @param {(later: (step: () => unknown) => void) => Promise<void>} show gets a function that notes
 *   what is to be done at the end; the last one noted is done first
 */
export async function runExample(show) {
  const steps = [];
  try {
    await Promise.race([show((step) => steps.push(step)), interruption()]);
    say('\nIt worked.');
  } catch (error) {
    process.stderr.write(`\nThe example failed: ${error.stack}\n`);
    process.exitCode = 1;
  }
  for (const step of steps.reverse()) await step();
}

/** Fails on Ctrl-C and when time is up. */
function interruption() {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => reject(new Error('interrupted')));
    }
    const late = () => reject(new Error(`it took longer than ${DEADLINE_MS / 1000} s`));
    setTimeout(late, DEADLINE_MS).unref();
  });
}

/** Fails the example with what was expected, unless that holds. */
export function expect(holds, what) {
  if (!holds) throw new Error(`expected: ${what}`);
}
