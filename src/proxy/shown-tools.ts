import type { ServerConfig } from '../config/config.ts';
import type { JsonObject } from '../rpc/message.ts';
import { itemsByName, type Warn } from './named-table.ts';
import { toolFilter } from './tool-filter.ts';

/**
 * The tools of a server that its configuration lets through, by the server's own names; as the server
 * sent them, but for descriptions that the configuration overrides.
 */
export function shownTools(
  { name: server, tools: settings }: ServerConfig,
  offered: JsonObject[],
  warn: Warn,
): Map<string, JsonObject> {
  const isShown = toolFilter(settings);
  const shown = new Map<string, JsonObject>();
  for (const [name, tool] of itemsByName(offered, `a tool of server "${server}"`, warn)) {
    if (!isShown(name)) continue;
    const override = Object.hasOwn(settings.describe, name) ? settings.describe[name] : undefined;
    shown.set(name, override === undefined ? tool : { ...tool, description: override });
  }
  return shown;
}
