import { randomBytes, randomUUID } from 'node:crypto';
import { McpMasterError } from '../errors.ts';
import type { SecretStore } from '../oauth/store/secret-store.ts';

/** As large as a login with large tokens becomes: bytes, half the characters of the value. */
const PROBE_BYTES = 4096;

/**
 * Finds out whether a store keeps what it is given: writes a random value of 8 KB, reads it back and
 * deletes it. Rejects with the store's own error, or with `STORE_UNAVAILABLE` when another value comes back.
 */
export async function probeStore(store: SecretStore): Promise<void> {
  const account = `probe/${randomUUID()}`;
  const value = randomBytes(PROBE_BYTES).toString('hex');
  await store.write(account, value);
  let read: string | McpMasterError | undefined;
  let deleted = false;
  try {
    read = (await store.read([account])).get(account);
  } finally {
    deleted = await store.delete(account);
  }
  if (read instanceof McpMasterError) throw read;
  if (read === value && deleted) return;
  throw new McpMasterError(
    'STORE_UNAVAILABLE',
    `the ${store.name} does not keep what it is given`,
    {
      hint: 'Choose the other store with MCP_MASTER_TOKEN_STORE.',
    },
  );
}
