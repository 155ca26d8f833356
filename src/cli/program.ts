import type { Context } from '../app/context.ts';
import { type PlainCommand, readPlainCommand } from './plain-command.ts';
import { reportError } from './report-error.ts';

/** Runs one command line (without `node` and the script) and gives its exit code. Never rejects. */
export async function run(argv: string[], context: Context): Promise<number> {
  try {
    const plain = readPlainCommand(argv);
    if (plain !== undefined) return await runPlain(plain, context);
    const { runAny } = await import('./program/all-commands.ts');
    return await runAny(argv, context);
  } catch (error) {
    return reportError(error, context);
  }
}

/** As commander would, with nothing loaded but the command: `serve` has to answer fast. */
async function runPlain({ name, flags }: PlainCommand, context: Context): Promise<number> {
  if (name === 'serve') {
    const { serve } = await import('./serve.ts');
    return serve(context, flags);
  }
  const { authStatus } = await import('./auth-status.ts');
  return authStatus(context, flags);
}
