import type { ServerConfig } from '../config/config.ts';
import type { JsonObject } from '../rpc/message.ts';
import { alternativeName, qualifiedName } from './names.ts';

/** Where a request by a qualified name goes. */
export interface NamedRoute {
  server: string;
  /** The server's own name for it. */
  name: string;
}

/** Tools or prompts of all servers as the client sees them, and the way back from their names. */
export interface NamedTable {
  items: JsonObject[];
  routes: ReadonlyMap<string, NamedRoute>;
}

/** Takes a line for the log about something that is left out. */
export type Warn = (message: string) => void;

/** A server with what it offers, by its own names. */
export interface NamedItems {
  config: ServerConfig;
  items: ReadonlyMap<string, JsonObject>;
}

/** How names are made. */
export interface NamingOptions {
  nameLimit: number;
  /** Names that no server gets. */
  reserved?: readonly string[];
  warn: Warn;
}

/** Joins what the servers offer, in the order of the configuration. Of each item only the name changes. */
export function joinNamed(
  servers: NamedItems[],
  { nameLimit, reserved = [], warn }: NamingOptions,
): NamedTable {
  const items: JsonObject[] = [];
  const routes = new Map<string, NamedRoute>();
  const isTaken = (name: string) => routes.has(name) || reserved.includes(name);
  for (const { config, items: offered } of servers) {
    for (const [own, definition] of offered) {
      const identity = { server: config.name, prefix: config.prefix, name: own };
      const first = qualifiedName(identity, nameLimit);
      const name = isTaken(first) ? alternativeName(identity, nameLimit) : first;
      if (isTaken(name)) {
        warn(`"${own}" of server "${config.name}" is left out: the name "${name}" is taken`);
        continue;
      }
      routes.set(name, { server: config.name, name: own });
      items.push({ ...definition, name });
    }
  }
  return { items, routes };
}

/** Items by their names. Of two with one name only the first can be asked for. */
export function itemsByName(
  offered: JsonObject[],
  what: string,
  warn: Warn,
): Map<string, JsonObject> {
  const named = new Map<string, JsonObject>();
  for (const item of offered) {
    const { name } = item;
    if (typeof name !== 'string' || name === '') warn(`${what} without a name is left out`);
    else if (named.has(name)) warn(`${what} "${name}" is listed twice: the first one counts`);
    else named.set(name, item);
  }
  return named;
}
