import type { ServeSettings } from './config.ts';

/** The `serve:` block when nothing is said. */
export const DEFAULT_SERVE: Readonly<ServeSettings> = {
  browser: 'on_call',
  loginWait: 50,
  builtinTools: true,
  firstListWait: 10,
  nameLimit: 47,
  logLevel: 'info',
};
