import type { ConnectDeps } from '../backend/connect.ts';
import type { Logger } from '../log.ts';
import type { CatalogueStore, Lists } from './catalogue.ts';
import type { CredentialWatch } from './credential-watch.ts';
import type { PooledBackendHandlers } from './pooled-backend.ts';

/** What a `BackendPool` takes from the world. */
export interface PoolDeps {
  backend: ConnectDeps;
  credentials: CredentialWatch;
  catalogue: CatalogueStore;
  /** How many programs the computer can run at the same time. */
  processors: number;
  log: Logger;
}

/** What the pool tells its owner. */
export interface PoolHandlers extends PooledBackendHandlers {
  /** A server has connected, or could not. */
  onSettled(): void;
  /** These lists, joined, are others than before. */
  onListsChanged(changed: ReadonlySet<keyof Lists>): void;
}
