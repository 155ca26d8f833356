import { hash } from 'node:crypto';
import type { ClientIdentity } from '../backend/handshake.ts';
import type { ServerConfig } from '../config/config.ts';
import type { ErrorCode, McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isObject, type JsonObject } from '../rpc/message.ts';

/** The format of the files; those of another version are read as if they were not there. */
const VERSION = 2;

/** Where catalogues are kept between runs: one text for each key. */
export interface CatalogueStore {
  /** Undefined when there is none, or it can't be read. */
  read(key: string): string | undefined;
  /** Replaces the text as a whole. Never rejects: failing to is no reason to stop, and is logged. */
  write(key: string, text: string): Promise<void>;
}

/** What a server offers, each list as the server sent it. */
export interface Lists {
  tools: JsonObject[];
  resources: JsonObject[];
  resourceTemplates: JsonObject[];
  prompts: JsonObject[];
}
export const LIST_KINDS = ['tools', 'resources', 'resourceTemplates', 'prompts'] as const;

/** What is known of a server. */
export interface CatalogueEntry extends Lists {
  capabilities: JsonObject;
  instructions: string | undefined;
  /** Why nothing is known, of a server that has never answered. */
  failure: ErrorCode | undefined;
}

/** The same with the server's name. */
export interface KnownServer extends CatalogueEntry {
  server: string;
}

const NOTHING: CatalogueEntry = {
  tools: [],
  resources: [],
  resourceTemplates: [],
  prompts: [],
  capabilities: {},
  instructions: undefined,
  failure: undefined,
};

/**
 * What each server offered when it was last asked: from its live connection, or from the run before,
 * so that the first list is complete at once. Kept apart by server, configuration and what the client
 * said of itself, since servers show other tools to other clients.
 */
export class Catalogue {
  readonly #store: CatalogueStore;
  readonly #client: ClientIdentity;
  readonly #log: Logger;
  /** Undefined where there is nothing on disk, either. */
  readonly #entries = new Map<string, CatalogueEntry | undefined>();
  /** Servers of which nothing is known but what they said under another configuration. */
  readonly #presumed = new Set<string>();
  readonly #writing = new Set<Promise<void>>();

  constructor(store: CatalogueStore, client: ClientIdentity, log: Logger) {
    this.#store = store;
    this.#client = client;
    this.#log = log;
  }

  /** What is known of a server; undefined when it was never asked. */
  get(server: ServerConfig): CatalogueEntry | undefined {
    if (!this.#entries.has(server.name)) this.#entries.set(server.name, this.#read(server));
    return this.#entries.get(server.name);
  }

  /** What is known of these servers, without those that were never asked. */
  known(servers: readonly ServerConfig[]): KnownServer[] {
    return servers.flatMap((server) => {
      const entry = this.get(server);
      return entry === undefined ? [] : { server: server.name, ...entry };
    });
  }

  /**
   * Takes over what a server says now, and keeps the rest; tells which lists are others than before.
   * Without `remember`, the next run does not know of it.
   */
  update(
    server: ServerConfig,
    news: Partial<CatalogueEntry>,
    { remember } = { remember: true },
  ): Set<keyof Lists> {
    const before = this.get(server) ?? NOTHING;
    const after = { ...before, failure: undefined, ...news };
    const isNew = this.get(server) === undefined || this.#presumed.has(server.name);
    this.#presumed.delete(server.name);
    this.#entries.set(server.name, after);
    const differs = (key: keyof CatalogueEntry) =>
      JSON.stringify(before[key]) !== JSON.stringify(after[key]);
    const keys = ['capabilities', 'instructions', 'failure', ...LIST_KINDS] as const;
    if (remember && (isNew || keys.some(differs))) this.#write(server, after);
    return new Set(LIST_KINDS.filter(differs));
  }

  /**
   * Remembers that a server did not answer, unless it has answered before: then that is kept. Tells which
   * lists are others than before.
   */
  noteFailure(server: ServerConfig, error: McpMasterError): Set<keyof Lists> {
    if (this.#presumed.has(server.name)) {
      return this.update(server, { ...NOTHING, failure: error.code });
    }
    const known = this.get(server);
    if (known !== undefined && known.failure === undefined) return new Set();
    return this.update(server, { failure: error.code });
  }

  /**
   * The server is connected under a new configuration. Unless it was asked under that one in an earlier run,
   * what is known holds until it has answered or failed: its tools don't vanish for that time.
   */
  presume(server: ServerConfig): void {
    const { name } = server;
    const before = this.#entries.get(name);
    this.forget(name);
    if (this.get(server) !== undefined || before === undefined) return;
    if (before.failure !== undefined) return;
    this.#entries.set(name, before);
    this.#presumed.add(name);
  }

  /** Keeps what is known of a server for the next run, under the configuration that it has now. */
  remember(server: ServerConfig): void {
    const known = this.#entries.get(server.name);
    if (known !== undefined && !this.#presumed.has(server.name)) this.#write(server, known);
  }

  /** The server is not in use any more. */
  forget(server: string): void {
    this.#entries.delete(server);
    this.#presumed.delete(server);
  }

  /** Settles when everything is where the next run finds it. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #write(server: ServerConfig, entry: CatalogueEntry): void {
    const text = JSON.stringify({ version: VERSION, ...entry });
    const written = this.#store.write(this.#key(server), text).finally(() => {
      this.#writing.delete(written);
    });
    this.#writing.add(written);
  }

  #read(server: ServerConfig): CatalogueEntry | undefined {
    const text = this.#store.read(this.#key(server));
    if (text === undefined) return undefined;
    const entry = parseEntry(text);
    if (entry === undefined) {
      this.#log.warn(`what is remembered of server "${server.name}" is unreadable`);
    }
    return entry;
  }

  #key({ name, fingerprint }: ServerConfig): string {
    const { capabilities, clientInfo, protocolVersion } = this.#client;
    const about = [fingerprint, capabilities, clientInfo['name'] ?? '', protocolVersion];
    const digest = hash('sha256', JSON.stringify(about));
    return `${name}-${digest.slice(0, 32)}`;
  }
}

function parseEntry(text: string): CatalogueEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value['version'] !== VERSION) return undefined;
  if (!LIST_KINDS.every((kind) => Array.isArray(value[kind]))) return undefined;
  const { version: _, ...entry } = value;
  // Written by this program, in this version: the lists are arrays, and the rest is as it was.
  return { ...NOTHING, ...entry } as CatalogueEntry;
}
