import type { Backend } from '../backend/backend.ts';
import type { ServerConfig } from '../config/config.ts';

/** Tells of logins and stored secrets that changed while this process runs, also in another one. */
export interface CredentialWatch {
  /** Calls back when any may have changed. Returns the way to stop it. */
  watch(onChange: () => void): () => void;
  /** Another text when the login or the secrets of a server are others; renewing tokens is no change. */
  version(server: ServerConfig): string;
}

/** What {@link watchCredentials} does until it is stopped. */
export interface CredentialLook {
  /** Looks now, without waiting to be told of a change. */
  look(): void;
  stop(): void;
}

/**
 * Calls back for each server whose login or secrets have changed: what happens in a terminal counts at
 * once here, too, and nobody has to restart anything.
 */
export function watchCredentials(
  backends: readonly Backend[],
  { watch, version }: CredentialWatch,
  onChange: (backend: Backend) => void,
): CredentialLook {
  const seen = new Map(backends.map((backend) => [backend, version(backend.config)]));
  const look = () => {
    for (const backend of backends) {
      const now = version(backend.config);
      if (seen.get(backend) === now) continue;
      seen.set(backend, now);
      onChange(backend);
    }
  };
  return { look, stop: watch(look) };
}
