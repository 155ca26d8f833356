import type { ServerConfig } from '../config/config.ts';
import { BUILTIN_TOOLS } from '../proxy/builtin-names.ts';
import { joinNamed, type Warn } from '../proxy/named-table.ts';
import { SEPARATOR } from '../proxy/names.ts';
import { shownTools } from '../proxy/shown-tools.ts';
import type { JsonObject } from '../rpc/message.ts';

/** One tool as a client of `serve` sees it. */
export interface ToolRow {
  /** The name under which it is seen. */
  name: string;
  server: string;
  /** The server's own name for it. */
  original: string;
  /** Null where it has none. */
  description: string | null;
  /** Roughly what its definition costs a model: the characters of its JSON, divided by four. */
  tokens: number;
}

/** A server with the tools that it lists. */
export interface OfferedTools {
  config: ServerConfig;
  tools: JsonObject[];
}

const CHARACTERS_PER_TOKEN = 4;

/**
 * The tools of some servers with names, filters and descriptions as `serve` makes them of these servers.
 *
 * @param offers in the order of the configuration
 * @param warn is told what is left out, and why
 */
export function toolRows(offers: OfferedTools[], nameLimit: number, warn: Warn): ToolRow[] {
  const named = offers.map(({ config, tools }) => ({
    config,
    items: shownTools(config, tools, warn),
  }));
  const { items, routes } = joinNamed(named, { nameLimit, reserved: BUILTIN_TOOLS, warn });
  return items.flatMap((tool) => {
    const { name, description } = tool;
    const route = typeof name === 'string' ? routes.get(name) : undefined;
    if (route === undefined) return [];
    return {
      ...{ name: String(name), server: route.server, original: route.name },
      description: typeof description === 'string' ? description : null,
      tokens: Math.round(JSON.stringify(tool).length / CHARACTERS_PER_TOKEN),
    };
  });
}

/** Whether a text stands in the name of a tool or in its description, in capitals or not. */
export function matches({ name, original, description }: ToolRow, text: string): boolean {
  const wanted = text.toLowerCase();
  return [name, original, description ?? ''].some((known) => known.toLowerCase().includes(wanted));
}

/**
 * The servers that decide what the tools of one are called: itself, and those before it whose tools could
 * have taken a name that it would give.
 */
export function serversThatName(server: ServerConfig, servers: ServerConfig[]): ServerConfig[] {
  const before = servers.slice(0, servers.indexOf(server));
  const beginning = beginningOf(server);
  const rivals = before.filter((other) => {
    const taken = beginningOf(other);
    return other.enabled && (taken.startsWith(beginning) || beginning.startsWith(taken));
  });
  return [...rivals, server];
}

/** What the names of all tools of a server begin with. */
function beginningOf({ prefix }: ServerConfig): string {
  return prefix === '' ? '' : `${prefix}${SEPARATOR}`;
}
