import type { Backend } from '../backend/backend.ts';
import type { ServerConfig } from '../config/config.ts';
import type { CredentialWatch } from './credential-watch.ts';
import type { PooledBackend } from './pooled-backend.ts';

/** A server that is in use. */
export interface Member {
  /** As it is configured now. Its connection may be older: made with another prefix, or other filters. */
  server: ServerConfig;
  backend: PooledBackend;
  /** Tell of its credentials. */
  credentials: CredentialWatch;
}

/** What {@link PoolMembers} do by others. */
export interface PoolMembersDeps {
  /** @param after the server is not connected before this has settled */
  create(server: ServerConfig, after: Promise<unknown>): Member;
  /** A backend that was let go is closed. */
  onGone(backend: Backend): void;
}

/** The servers in use, and those that are let go. */
export class PoolMembers {
  readonly #deps: PoolMembersDeps;
  /** By name, in the order of the configuration. */
  #members = new Map<string, Member>();
  /** Those that another configuration has no use for, until their requests are done. */
  readonly #retiring = new Map<PooledBackend, Promise<void>>();

  constructor(deps: PoolMembersDeps) {
    this.#deps = deps;
  }

  get all(): Member[] {
    return [...this.#members.values()];
  }

  get(server: string): Member | undefined {
    return this.#members.get(server);
  }

  /** The member that a backend belongs to; undefined for one that was let go. */
  of(backend: Backend): Member | undefined {
    const member = this.#members.get(backend.name);
    return member?.backend === backend ? member : undefined;
  }

  /**
   * From now on these servers are in use. Those known before keep their backends, but for the `left`, which
   * are let go. Gives the members that are new.
   */
  replace(servers: readonly ServerConfig[], left: ReadonlySet<string>): Member[] {
    const before = this.#members;
    for (const [name, { backend }] of before) if (left.has(name)) this.#retire(backend);
    this.#members = new Map();
    const created: Member[] = [];
    for (const server of servers) {
      const { name } = server;
      const known = left.has(name) ? undefined : before.get(name);
      const member = known ?? this.#deps.create(server, this.#predecessorsOf(name));
      if (known === undefined) created.push(member);
      this.#members.set(name, { ...member, server });
    }
    return created;
  }

  /** Ends all connections and child processes. Never rejects. */
  async close(): Promise<void> {
    const backends = [...this.all.map(({ backend }) => backend), ...this.#retiring.keys()];
    await Promise.all(backends.map((backend) => backend.close()));
  }

  #retire(backend: PooledBackend): void {
    const gone = backend.retire().then(() => {
      this.#retiring.delete(backend);
      this.#deps.onGone(backend);
    });
    this.#retiring.set(backend, gone);
  }

  /**
   * Settles when those of the same name are gone that have nothing left to do: a server may hold something
   * that only one can have. One that is busy is not waited for.
   */
  #predecessorsOf(name: string): Promise<unknown> {
    const ending = [...this.#retiring].filter(([one]) => one.name === name && !one.isBusy);
    return Promise.all(ending.map(([, gone]) => gone));
  }
}
