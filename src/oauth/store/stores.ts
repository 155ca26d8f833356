import type { Environment, TokenSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { SecretStore, StoreName } from './secret-store.ts';

/** The token stores of this computer, opened when they are needed, and the choice between them. */
export class Stores {
  readonly #open: (name: StoreName) => SecretStore;
  readonly #choice: StoreChoice;
  readonly #opened = new Map<StoreName, SecretStore>();

  constructor(open: (name: StoreName) => SecretStore, choice: StoreChoice) {
    this.#open = open;
    this.#choice = choice;
  }

  /**
   * The store in use. Throws `STORE_MISMATCH` when logins are in another one than was chosen, and
   * `CONFIG_INVALID` for a choice that is none.
   */
  current(): SecretStore {
    return this.get(chooseStore(this.#choice));
  }

  /** One of them, whether or not it is in use: for moving. */
  get(name: StoreName): SecretStore {
    let store = this.#opened.get(name);
    if (store === undefined) {
      store = this.#open(name);
      this.#opened.set(name, store);
    }
    return store;
  }

  /** Frees what they hold, at once. */
  close(): void {
    for (const store of this.#opened.values()) store.close();
    this.#opened.clear();
  }
}

/** What the choice of a store follows from. */
export interface StoreChoice {
  env: Environment;
  settings: TokenSettings;
  /** The stores that have logins or secrets in them, by the index. */
  inUse(): ReadonlySet<StoreName>;
}

/**
 * `MCP_MASTER_TOKEN_STORE`, else `tokens.store`, else where logins already are, else the encrypted
 * files where there is a key for them, else the keychain. Never another one in silence.
 */
export function chooseStore({ env, settings, inUse }: StoreChoice): StoreName {
  const chosen = named(env['MCP_MASTER_TOKEN_STORE']) ?? settings.store;
  const used = [...inUse()];
  const [first, second] = used;
  if (chosen !== undefined) {
    const other = used.find((name) => name !== chosen);
    if (other !== undefined) throw mismatch(other, chosen);
    return chosen;
  }
  if (first !== undefined && second !== undefined) throw mismatch(first, second);
  if (first !== undefined) return first;
  return env['OAUTH_ENCRYPTION_KEY'] || env['OAUTH_ENCRYPTION_KEY_FILE'] ? 'file' : 'keychain';
}

function named(name: string | undefined): StoreName | undefined {
  if (name === undefined || name === '') return undefined;
  if (name === 'keychain' || name === 'file') return name;
  throw new McpMasterError('CONFIG_INVALID', `MCP_MASTER_TOKEN_STORE is "${name}"`, {
    hint: 'Use keychain or file.',
  });
}

const PLACES = { keychain: 'in the keychain', file: 'in encrypted files' };

function mismatch(from: StoreName, to: StoreName): McpMasterError {
  const message = `there are logins or secrets ${PLACES[from]}, but ${PLACES[to]} is where they should be`;
  return new McpMasterError('STORE_MISMATCH', message, {
    hint: `Move them: mcp-master auth migrate --to ${to}. Or change MCP_MASTER_TOKEN_STORE or tokens.store to ${from}.`,
  });
}
