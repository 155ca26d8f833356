import type { Backend } from '../backend/backend.ts';
import type { ServerConfig } from '../config/config.ts';

/** Tells of logins and stored secrets that changed while this process runs, also in another one. */
export interface CredentialWatch {
  /** Calls back when any may have changed. Returns the way to stop it. */
  watch(onChange: () => void): () => void;
  /** Another text when the login or the secrets of a server are others; renewing tokens is no change. */
  version(server: ServerConfig): string;
}

/** What was seen of a server's credentials, and how to look again. */
interface Seen {
  credentials: CredentialWatch;
  version: string;
}

/**
 * Calls back for each server whose login or secrets have changed: what happens in a terminal counts at
 * once here, too, and nobody has to restart anything.
 */
export class CredentialLook {
  readonly #onChange: (backend: Backend) => void;
  readonly #seen = new Map<Backend, Seen>();
  #stop: (() => void) | undefined;

  constructor(onChange: (backend: Backend) => void) {
    this.#onChange = onChange;
  }

  /** Looks after this server, too, from now on. */
  follow(backend: Backend, credentials: CredentialWatch): void {
    this.#seen.set(backend, { credentials, version: credentials.version(backend.config) });
    this.#stop ??= credentials.watch(() => void this.look());
  }

  unfollow(backend: Backend): void {
    this.#seen.delete(backend);
  }

  /** Looks now, without waiting to be told of a change. Whose credentials have changed. */
  look(): ReadonlySet<Backend> {
    const changed = new Set<Backend>();
    for (const [backend, seen] of this.#seen) {
      const version = seen.credentials.version(backend.config);
      if (version === seen.version) continue;
      seen.version = version;
      changed.add(backend);
      this.#onChange(backend);
    }
    return changed;
  }

  stop(): void {
    this.#stop?.();
  }
}
