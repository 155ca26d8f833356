import { McpMasterError } from '../../errors.ts';
import type { LoginIndex } from './login-index.ts';
import type { SecretStore, StoreName } from './secret-store.ts';
import type { Stores } from './stores.ts';
import type { UserSecrets } from './user-secrets.ts';

/** What {@link migrate} works with. */
export interface MigrateDeps {
  stores: Stores;
  index: LoginIndex;
  secrets: UserSecrets;
}

/** An item that is to be moved, and how its record is told of it. */
interface Item {
  account: string;
  from: StoreName;
  recordMove(): Promise<void>;
}

/**
 * Moves all logins and secrets into one store, and resolves with how many were moved. Each is written
 * and read back there before it is deleted where it was, so that a failure in between loses nothing;
 * running it again goes on.
 */
export async function migrate(to: StoreName, deps: MigrateDeps): Promise<number> {
  const items = itemsOutside(to, deps);
  if (items.length === 0) return 0;
  const target = deps.stores.get(to);
  await target.probe();
  for (const from of ['keychain', 'file'] as const) {
    const there = items.filter((item) => item.from === from);
    if (there.length > 0) await moveAll(there, deps.stores.get(from), target);
  }
  return items.length;
}

function itemsOutside(to: StoreName, { index, secrets }: MigrateDeps): Item[] {
  const logins = [...index.all()].map(([file, entry]) => ({
    ...{ account: entry.account, from: entry.store },
    recordMove: () => index.write(file, { ...entry, store: to }),
  }));
  const named = secrets.list().map((entry) => ({
    ...{ account: entry.account, from: entry.store },
    recordMove: () => secrets.write({ ...entry, store: to }),
  }));
  return [...logins, ...named].filter(({ from }) => from !== to);
}

async function moveAll(items: Item[], from: SecretStore, to: SecretStore): Promise<void> {
  const values = await from.read(items.map(({ account }) => account));
  // First look whether all can be read: half a move would leave both stores in use.
  for (const { account } of items) {
    const value = values.get(account);
    if (value !== undefined && typeof value !== 'string') throw value;
    if (value === undefined) throw missingError(account, from.name);
  }
  for (const { account } of items) await to.write(account, String(values.get(account)));
  for (const item of items) await item.recordMove();
  for (const { account } of items) await from.delete(account);
}

function missingError(account: string, store: StoreName): McpMasterError {
  return new McpMasterError('INTERNAL', `"${account}" is recorded, but not in the ${store}`, {
    hint: 'Log out of that server, or delete that secret, and move again.',
  });
}
