import type { Environment } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SecretStore } from '../../oauth/store/secret-store.ts';
import { probeStore } from '../probe-store.ts';
import { HelperClient } from './helper-client.ts';
import { findUserBus, helperEnvironment } from './helper-environment.ts';
import { keychainError, type Situation } from './keychain-error.ts';
import type { KeychainRequest, KeychainResult, ReadOutcome } from './protocol.ts';

/** What the keychain takes from the world. */
export interface KeychainOptions {
  /** Of the process: tells where the keychain is. The helper gets a short list of names of it. */
  env: Environment;
  platform: NodeJS.Platform;
  /** The program of Node.js, and the file of the helper, `dist/keychain.js`. */
  node: string;
  helper: string;
  log: Logger;
  /** Bytes that an item can hold; default: what the platform allows. */
  limit?: number;
  /** Milliseconds that a request may take; default 25000. */
  patienceMs?: number;
}

/** Windows: CRED_MAX_CREDENTIAL_BLOB_SIZE. The others set no limit worth the name. */
const WINDOWS_LIMIT = 2560;

/** The account of an item that is nobody's: no server and no secret has such a name. */
const REHEARSAL = 'rehearsal';

/** Less than the `startup_timeout` of a server, whose error would hide that the keychain is locked. */
const PATIENCE_MS = 25_000;

/**
 * Secrets in the operating system's keychain: macOS Keychain, Windows Credential Manager, Linux
 * Secret Service. A helper process talks to it, since a call may never return; this process does not
 * even load the library.
 */
export function createKeychainStore(options: KeychainOptions): SecretStore {
  return new KeychainStore(options);
}

class KeychainStore implements SecretStore {
  readonly name = 'keychain';
  readonly #client: HelperClient;
  readonly #situation: Situation;

  constructor({ env, platform, patienceMs = PATIENCE_MS, ...options }: KeychainOptions) {
    this.#situation = { platform, env };
    const { node, helper, log } = options;
    this.#client = new HelperClient({
      ...{ node, helper, log, patienceMs },
      limit: options.limit ?? (platform === 'win32' ? WINDOWS_LIMIT : undefined),
      env: helperEnvironment(env, platform, () => findUserBus(process.getuid?.() ?? -1)),
      toError: (failure) => keychainError(failure, this.#situation),
    });
  }

  async read(accounts: readonly string[]): Promise<Map<string, string | McpMasterError>> {
    const { values } = await this.#ask({ operation: 'read', accounts }, 'values');
    const found = new Map<string, string | McpMasterError>();
    for (const [index, account] of accounts.entries()) {
      const value = this.#valueOf(values[index] ?? null, account);
      if (value !== undefined) found.set(account, value);
    }
    return found;
  }

  async write(account: string, value: string): Promise<void> {
    await this.#ask({ operation: 'write', account, value }, 'written');
  }

  async delete(account: string): Promise<boolean> {
    return (await this.#ask({ operation: 'delete', account }, 'deleted')).deleted;
  }

  /** By an item that stays: gnome-keyring 42 does not bear that one is deleted while others are read. */
  rehearse(length: number): Promise<void> {
    return this.write(REHEARSAL, '0'.repeat(length));
  }

  probe(): Promise<void> {
    return probeStore(this);
  }

  close(): void {
    this.#client.close();
  }

  #valueOf(outcome: ReadOutcome, account: string): string | McpMasterError | undefined {
    if (outcome === null) return undefined;
    if ('value' in outcome) return outcome.value;
    return keychainError(outcome.failure, this.#situation, account);
  }

  /** The result of a request, which has the member `key` when it was carried out. */
  async #ask<Key extends string>(request: KeychainRequest, key: Key): Promise<ResultWith<Key>> {
    const result = await this.#client.request(request);
    if (isResultWith(result, key)) return result;
    if ('failure' in result) throw keychainError(result.failure, this.#situation);
    throw new McpMasterError(
      'INTERNAL',
      `the keychain helper did not answer a ${request.operation}`,
    );
  }
}

type ResultWith<Key extends string> = Extract<KeychainResult, Record<Key, unknown>>;

function isResultWith<Key extends string>(
  result: KeychainResult,
  key: Key,
): result is ResultWith<Key> {
  return key in result;
}
