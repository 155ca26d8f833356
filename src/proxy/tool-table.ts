import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { JsonObject } from '../rpc/message.ts';
import { alternativeName, qualifiedName } from './names.ts';
import { toolFilter } from './tool-filter.ts';

/** Where a call by a qualified name goes. */
export interface ToolRoute {
  server: string;
  /** The server's own name for the tool. */
  tool: string;
}

/** The tools of all servers as the client sees them, and the way back from their names. */
export interface ToolTable {
  tools: JsonObject[];
  routes: ReadonlyMap<string, ToolRoute>;
}

/** A server with the tools that it offers, as it sent them. */
export interface OfferedTools {
  config: ServerConfig;
  tools: JsonObject[];
}

/**
 * Joins the tools of the servers, in the order of the configuration. Of each tool only the name
 * changes, and the description where the configuration overrides it.
 */
export function buildToolTable(servers: OfferedTools[], nameLimit: number, log: Logger): ToolTable {
  const tools: JsonObject[] = [];
  const routes = new Map<string, ToolRoute>();
  for (const { config, tools: offered } of servers) {
    for (const [tool, definition] of usableTools(config, offered, log)) {
      const identity = { server: config.name, prefix: config.prefix, tool };
      const first = qualifiedName(identity, nameLimit);
      const name = routes.has(first) ? alternativeName(identity, nameLimit) : first;
      if (routes.has(name)) {
        log.warn(`tool "${tool}" of server "${config.name}" is left out: "${name}" is taken`);
        continue;
      }
      routes.set(name, { server: config.name, tool });
      tools.push({ ...definition, ...described(config, tool), name });
    }
  }
  return { tools, routes };
}

/** The tools that the filters let through, by name. Of two with one name only the first is callable. */
function usableTools(
  { name: server, tools: settings }: ServerConfig,
  offered: JsonObject[],
  log: Logger,
): Map<string, JsonObject> {
  const shown = toolFilter(settings);
  const usable = new Map<string, JsonObject>();
  for (const definition of offered) {
    const { name } = definition;
    if (typeof name !== 'string' || name === '') {
      log.warn(`a tool of server "${server}" is left out: it has no name`);
    } else if (usable.has(name)) {
      log.warn(`tool "${name}" of server "${server}" is listed twice: the first one counts`);
    } else if (shown(name)) {
      usable.set(name, definition);
    }
  }
  return usable;
}

function described({ tools }: ServerConfig, tool: string): JsonObject {
  const description = Object.hasOwn(tools.describe, tool) ? tools.describe[tool] : undefined;
  return description === undefined ? {} : { description };
}
