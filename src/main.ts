import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from './cli/exit-codes.ts';
import { run } from './cli/program.ts';
import { createNodeContext } from './node-context.ts';

/** How long a reader who does not read may keep the program from its end, in milliseconds. */
const FLUSH_MS = 500;

// Nobody reads the log, or the results, any more: that is no reason to fail.
process.stderr.on('error', () => undefined);
process.stdout.on('error', () => undefined);
// Built as CommonJS, which can't wait at its top.
void main();

async function main(): Promise<never> {
  const { context, processes, interrupts } = createNodeContext(() =>
    process.exit(EXIT.interrupted),
  );
  // Whatever ends this process, no server may outlive it.
  process.on('exit', processes.killAll);
  const exitCode = await run(process.argv.slice(2), context);
  await Promise.race([flushed(), sleep(FLUSH_MS)]);
  process.exit(interrupts.happened() ? EXIT.interrupted : exitCode);
}

/** Settles when what was written to stdout is with its reader, or can't get there. */
function flushed(): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.destroyed || process.stdout.writableLength === 0) resolve();
    else process.stdout.once('drain', resolve).once('error', () => resolve());
  });
}
