import { createHash } from 'node:crypto';
import type { ClientIdentity, ServerIdentity } from '../backend/handshake.ts';
import type { ServerConfig } from '../config/config.ts';
import type { ErrorCode, McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isObject, type JsonObject } from '../rpc/message.ts';

/** The format of the files; those of another version are read as if they were not there. */
const VERSION = 1;

/** Where catalogues are kept between runs: one text for each key. */
export interface CatalogueStore {
  /** Undefined when there is none, or it can't be read. */
  read(key: string): string | undefined;
  /** Replaces the text as a whole. Never rejects: failing to is no reason to stop, and is logged. */
  write(key: string, text: string): Promise<void>;
}

/** What is known of a server's offer. */
export interface CatalogueEntry {
  tools: JsonObject[];
  instructions: string | undefined;
  /** Why nothing is known, of a server that has never answered. */
  failure: ErrorCode | undefined;
}

/**
 * What each server offered when it was last asked: from its live connection, or from the run before,
 * so that the first list is complete at once. Kept apart by server, configuration and what the client
 * said of itself, since servers show other tools to other clients.
 */
export class Catalogue {
  readonly #store: CatalogueStore;
  readonly #client: ClientIdentity;
  readonly #log: Logger;
  readonly #entries = new Map<string, CatalogueEntry>();
  readonly #writing = new Set<Promise<void>>();

  constructor(store: CatalogueStore, client: ClientIdentity, log: Logger) {
    this.#store = store;
    this.#client = client;
    this.#log = log;
  }

  /** What is known of a server; undefined when it was never asked. */
  get(server: ServerConfig): CatalogueEntry | undefined {
    const known = this.#entries.get(server.name);
    if (known !== undefined) return known;
    const read = this.#read(server);
    if (read !== undefined) this.#entries.set(server.name, read);
    return read;
  }

  /** Takes over what a server offers now; false when that is what was known already. */
  update(server: ServerConfig, identity: ServerIdentity, tools: JsonObject[]): boolean {
    return this.#set(server, { tools, instructions: identity.instructions, failure: undefined });
  }

  /** Remembers that a server did not answer, unless it has answered before: then that is kept. */
  noteFailure(server: ServerConfig, error: McpMasterError): boolean {
    const known = this.get(server);
    if (known !== undefined && known.failure === undefined) return false;
    return this.#set(server, { tools: [], instructions: undefined, failure: error.code });
  }

  /** Settles when everything is where the next run finds it. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #set(server: ServerConfig, entry: CatalogueEntry): boolean {
    const before = JSON.stringify(this.get(server));
    const after = JSON.stringify(entry);
    this.#entries.set(server.name, entry);
    if (before === after) return false;
    const text = JSON.stringify({ version: VERSION, ...entry });
    const written = this.#store.write(this.#key(server), text).finally(() => {
      this.#writing.delete(written);
    });
    this.#writing.add(written);
    return true;
  }

  #read(server: ServerConfig): CatalogueEntry | undefined {
    const text = this.#store.read(this.#key(server));
    if (text === undefined) return undefined;
    const entry = parseEntry(text);
    if (entry === undefined)
      this.#log.warn(`the remembered tools of "${server.name}" are unreadable`);
    return entry;
  }

  #key({ name, fingerprint }: ServerConfig): string {
    const { capabilities, clientInfo, protocolVersion } = this.#client;
    const about = [fingerprint, capabilities, clientInfo['name'] ?? '', protocolVersion];
    const digest = createHash('sha256').update(JSON.stringify(about)).digest('hex');
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
  if (!isObject(value) || value['version'] !== VERSION || !Array.isArray(value['tools'])) {
    return undefined;
  }
  const { instructions, failure } = value;
  return {
    tools: value['tools'].filter(isObject),
    instructions: typeof instructions === 'string' ? instructions : undefined,
    // Written by this program; another version's codes are as good as any for "it failed".
    failure: typeof failure === 'string' ? (failure as ErrorCode) : undefined,
  };
}
