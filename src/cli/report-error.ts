import type { Context } from '../app/context.ts';
import { toMcpMasterError } from '../errors.ts';
import { exitCodeOf } from './exit-codes.ts';

/** Tells a person what a command failed with, secrets masked, and gives its exit code. */
export async function reportError(error: unknown, context: Context): Promise<number> {
  const { createPaint, renderError } = await import('./render.ts');
  const known = toMcpMasterError(error);
  const paint = createPaint(context.terminal.stderr, context.env);
  context.stderr.write(context.redactor.redact(renderError(known, paint)));
  return exitCodeOf(known.code);
}
