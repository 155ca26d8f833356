import type { ConnectDeps } from '../backend/connect.ts';
import type { ClientIdentity } from '../backend/handshake.ts';
import type { Logger } from '../log.ts';
import type { Catalogue, Lists } from './catalogue.ts';
import type { CredentialWatch } from './credential-watch.ts';
import type { PooledBackendHandlers } from './pooled-backend.ts';

/** What a `BackendPool` takes from the world. */
export interface PoolDeps {
  backend: ConnectDeps;
  credentials: CredentialWatch;
  /** How many programs the computer can run at the same time. */
  processors: number;
  log: Logger;
}

/** For whom the servers of a pool are. */
export interface PoolClient {
  client: ClientIdentity;
  /** What is known of the servers, as they are for this client. */
  catalogue: Catalogue;
}

/** What the pool tells its owner. */
export interface PoolHandlers extends PooledBackendHandlers {
  /** A server has connected, or could not. */
  onSettled(): void;
  /** These lists, joined, are others than before. */
  onListsChanged(changed: ReadonlySet<keyof Lists>): void;
}
