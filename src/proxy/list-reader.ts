import type { Backend } from '../backend/backend.ts';
import { createToolSieve } from '../backend/tool-schemas.ts';
import type { ServerConfig } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Catalogue, Lists } from './catalogue.ts';
import { RefreshQueue } from './refresh-queue.ts';

/** What a {@link ListReader} works with. */
export interface ListReaderDeps {
  catalogue: Catalogue;
  log: Logger;
  /** The configuration of a server as it is now; undefined when it is not in use any more. */
  configOf(backend: Backend): ServerConfig | undefined;
  onChanged(changed: ReadonlySet<keyof Lists>): void;
}

/** Reads the lists of servers into the catalogue. */
export class ListReader {
  readonly #deps: ListReaderDeps;
  readonly #queue: RefreshQueue;
  readonly #usableTools: ReturnType<typeof createToolSieve>;
  /** Why the latest list of a server could not be read. */
  readonly #failures = new WeakMap<Backend, McpMasterError>();

  constructor(deps: ListReaderDeps) {
    this.#deps = deps;
    this.#usableTools = createToolSieve(deps.log);
    this.#queue = new RefreshQueue((backend, kinds) =>
      this.#read(backend, kinds).catch((error: unknown) => this.#failed(backend, error)),
    );
  }

  /** Reads these lists as soon as those are read that were asked for before. */
  read(backend: Backend, kinds: readonly (keyof Lists)[]): void {
    this.#queue.add(backend, kinds);
  }

  /** Settles when all lists of a server that were asked for so far are read. */
  settled(backend: Backend): Promise<void> {
    return this.#queue.settled(backend);
  }

  /** Why not all lists of a server are known; undefined when they are. */
  failure(backend: Backend): McpMasterError | undefined {
    return this.#failures.get(backend);
  }

  async #read(backend: Backend, kinds: readonly (keyof Lists)[]): Promise<void> {
    const { state, name } = backend;
    if (state.phase !== 'ready') return;
    const { session } = state;
    const { capabilities, instructions } = session.server;
    const lists: Partial<Lists> = {};
    const read = async (kind: keyof Lists) => {
      lists[kind] = await backend.list(session, kind);
    };
    const outcomes = await Promise.allSettled(kinds.map(read));
    this.#failures.delete(backend);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') this.#failed(backend, outcome.reason);
    }
    if (Object.keys(lists).length === 0) return;
    if (lists.tools !== undefined) lists.tools = await this.#usableTools(name, lists.tools);
    const config = this.#deps.configOf(backend);
    if (config === undefined) return;
    const news = { capabilities, instructions, ...lists };
    // What is known in part must not pass for the whole in the next run.
    const remember = this.failure(backend) === undefined;
    this.#deps.onChanged(this.#deps.catalogue.update(config, news, { remember }));
  }

  #failed(backend: Backend, reason: unknown): void {
    if (this.#deps.configOf(backend) === undefined) return;
    const error = toMcpMasterError(reason);
    this.#failures.set(backend, error);
    this.#deps.log.warn(`not all can be listed: ${error.message}`);
  }
}
