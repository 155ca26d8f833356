import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { createNodeContext } from '../node-context.ts';
import type { LoadOptions } from './load-config.ts';

/** The world, and what a command would be told about it on its command line. */
export interface LibraryContext {
  context: Context;
  flags: Pick<GlobalFlags, 'config' | 'profile'>;
  /** Forces the children that are left to end: for the last moment of this process. */
  killAll(): void;
}

/** The real world, with another environment where the options name one. */
export function openContext({ file, profile, env }: LoadOptions): LibraryContext {
  // Signals are the business of the program that uses the library: nobody listens to them here.
  const { context, processes } = createNodeContext(() => undefined, env);
  const config = file === undefined ? {} : { config: file };
  const flags = profile === undefined ? config : { ...config, profile };
  return { context, flags, killAll: processes.killAll };
}
