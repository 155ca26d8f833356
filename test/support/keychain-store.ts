import { onTestFinished } from 'vitest';
import {
  createKeychainStore,
  type KeychainOptions,
} from '../../src/platform/keychain/keychain-store.ts';
import { KEYCHAIN_HELPER } from './build-program.ts';
import { memoryLog } from './memory-log.ts';

/** The keychain of an environment, closed when the test ends, and its log. */
export function openKeychain(env: Record<string, string>, more: Partial<KeychainOptions> = {}) {
  const { log, lines } = memoryLog();
  const store = createKeychainStore({
    ...{ env, platform: process.platform, log },
    ...{ node: process.execPath, helper: KEYCHAIN_HELPER },
    ...more,
  });
  onTestFinished(() => store.close());
  return { store, lines };
}
