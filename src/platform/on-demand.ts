import type { HttpClient } from '../backend/http.ts';
import type { Logger } from '../log.ts';
import type { Fetch } from '../oauth/fetch.ts';
import type { Locks } from '../oauth/store/locks.ts';
import type { SecretStore, StoreName } from '../oauth/store/secret-store.ts';
import type { EncryptedFilesOptions } from './encrypted-files.ts';
import type { HttpClientOptions } from './http-client.ts';
import type { KeychainOptions } from './keychain/keychain-store.ts';
import type { Processes } from './processes.ts';

/*
 * Doors whose code is loaded when somebody goes through them: a command that looks at nothing but files
 * would otherwise take longer to load than to run.
 */

/** Something that is made when it is first needed. */
interface OnDemand<T> {
  /** Undefined before somebody needed it. */
  made: T | undefined;
  get(): Promise<T>;
}

function onDemand<T>(make: () => Promise<T>): OnDemand<T> {
  let making: Promise<T> | undefined;
  const part: OnDemand<T> = {
    made: undefined,
    get() {
      making ??= make().then((made) => {
        part.made = made;
        return made;
      });
      return making;
    },
  };
  return part;
}

/** See {@link import('./http-client.ts').createHttpClient}. */
export function httpClientOnDemand(options: HttpClientOptions): HttpClient {
  const client = onDemand(async () => {
    const { createHttpClient } = await import('./http-client.ts');
    return createHttpClient(options);
  });
  return {
    request: async (request) => (client.made ?? (await client.get())).request(request),
    close: () => client.made?.close(),
  };
}

/** See {@link import('./fetch.ts').createFetch}. */
export function fetchOnDemand(client: HttpClient): Fetch {
  const fetch = onDemand(async () => {
    const { createFetch } = await import('./fetch.ts');
    return createFetch(client);
  });
  return async (...request) => (await fetch.get())(...request);
}

/** See {@link import('./lock-files.ts').createLockFiles}. */
export function locksOnDemand(folder: string, log: Logger): Locks {
  const locks = onDemand(async () => {
    const { createLockFiles } = await import('./lock-files.ts');
    return createLockFiles(folder, log);
  });
  return { hold: async (...lock) => (await locks.get()).hold(...lock) };
}

/** See {@link import('./processes.ts').createProcesses}. */
export function processesOnDemand(platform: NodeJS.Platform): Processes {
  const processes = onDemand(async () => {
    const { createProcesses } = await import('./processes.ts');
    return createProcesses(platform);
  });
  return {
    spawn: async (options) => (await processes.get()).spawn(options),
    killAll: () => processes.made?.killAll(),
  };
}

/** The store of a name. */
export function secretStoreOnDemand(
  name: StoreName,
  options: { files: EncryptedFilesOptions; keychain: KeychainOptions },
): SecretStore {
  const store = onDemand(async () => {
    if (name === 'file') {
      const { createEncryptedFiles } = await import('./encrypted-files.ts');
      return createEncryptedFiles(options.files);
    }
    const { createKeychainStore } = await import('./keychain/keychain-store.ts');
    return createKeychainStore(options.keychain);
  });
  return {
    name,
    read: async (accounts) => (await store.get()).read(accounts),
    write: async (account, value) => (await store.get()).write(account, value),
    rehearse: async (length) => (await store.get()).rehearse(length),
    delete: async (account) => (await store.get()).delete(account),
    probe: async () => (await store.get()).probe(),
    close: () => store.made?.close(),
  };
}
