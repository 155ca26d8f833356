import { EXIT } from './cli/exit-codes.ts';
import { run } from './cli/program.ts';
import { createNodeContext } from './node-context.ts';
import { stdoutFlushed } from './platform/stdout.ts';

// Built as CommonJS, which can't wait at its top.
void main();

async function main(): Promise<never> {
  const { context, processes, interrupts } = createNodeContext(() =>
    process.exit(EXIT.interrupted),
  );
  // Whatever ends this process, no server may outlive it.
  process.on('exit', processes.killAll);
  const exitCode = await run(process.argv.slice(2), context);
  await stdoutFlushed();
  process.exit(interrupts.happened() ? EXIT.interrupted : exitCode);
}
