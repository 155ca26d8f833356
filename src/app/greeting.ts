import type { Config, Problem } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { GreetingDeps } from '../proxy/client-session.ts';
import { noConfiguration } from '../proxy/instructions.ts';
import type { Context } from './context.ts';
import type { Settings } from './settings.ts';

/** What a client's `initialize` is answered with. */
export function greetingDeps(
  context: Context,
  { folders, log }: Pick<Settings, 'folders' | 'log'>,
): GreetingDeps {
  return {
    serverInfo: { name: 'mcp-master', title: 'MCP Master', version: context.version },
    catalogue: context.createCatalogueStore(folders, log),
    log,
  };
}

/** Says in the log what was found wrong, or that there is no configuration at all. */
export function logProblems({ file, folder }: Config, problems: Problem[], log: Logger): void {
  if (file === undefined) log.warn(noConfiguration(folder));
  for (const { level, path, line, message, hint } of problems) {
    const where = `${file ?? ''}${line === undefined ? '' : `:${line}`}`;
    const text = `${where}${path === '' ? '' : ` ${path}`}: ${message}${hint ? ` ${hint}` : ''}`;
    if (level === 'error') log.error(text);
    else log.warn(text);
  }
}
