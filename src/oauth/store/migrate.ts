import { McpMasterError, toMcpMasterError } from '../../errors.ts';
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
  /** Drops the record. */
  forget(): Promise<unknown>;
}

/**
 * Moves all logins and secrets into one store, and resolves with how many were moved. Each is written
 * and read back there before it is deleted where it was, so that a failure in between loses nothing;
 * running it again goes on.
 *
 * @param force forgets what can't be read any more, since its keychain or its key is gone
 */
export async function migrate(to: StoreName, deps: MigrateDeps, force = false): Promise<number> {
  refuseDamaged(deps);
  const items = itemsOutside(to, deps);
  if (items.length === 0) return 0;
  const target = deps.stores.get(to);
  await target.probe();
  let moved = 0;
  for (const from of ['keychain', 'file'] as const) {
    const there = items.filter((item) => item.from === from);
    if (there.length === 0) continue;
    const values = await readAll(there, deps.stores.get(from), force);
    moved += values.size;
    await moveAll(there, values, { from: deps.stores.get(from), to: target, force });
  }
  return moved;
}

/** What a damaged record stands for can't be moved, and must not be left behind in silence. */
function refuseDamaged({ index }: MigrateDeps): void {
  const [file] = index.unreadable();
  if (file === undefined) return;
  const message = `the record of a login, ${file}, can't be read, so it can't be moved`;
  throw new McpMasterError('INTERNAL', message, {
    hint: 'Run `mcp-master list`, which makes it anew, or log in to that server again.',
  });
}

function itemsOutside(to: StoreName, { index, secrets }: MigrateDeps): Item[] {
  const logins = [...index.all()].map(([file, entry]) => ({
    ...{ account: entry.account, from: entry.store },
    recordMove: () => index.write(file, { ...entry, store: to }),
    forget: () => index.remove(file),
  }));
  const named = secrets.list().map((entry) => ({
    ...{ account: entry.account, from: entry.store },
    recordMove: () => secrets.write({ ...entry, store: to }),
    forget: () => secrets.forget(entry.name),
  }));
  return [...logins, ...named].filter(({ from }) => from !== to);
}

/** All values before the first is moved: half a move would leave both stores in use. */
async function readAll(
  items: Item[],
  from: SecretStore,
  force: boolean,
): Promise<Map<string, string>> {
  const found = await from.read(items.map(({ account }) => account)).catch((error: unknown) => {
    if (force) return new Map<string, never>();
    throw withForceHint(toMcpMasterError(error));
  });
  const values = new Map<string, string>();
  for (const { account } of items) {
    const value = found.get(account) ?? missingError(account, from.name);
    if (typeof value === 'string') values.set(account, value);
    else if (!force) throw withForceHint(value);
  }
  return values;
}

async function moveAll(
  items: Item[],
  values: ReadonlyMap<string, string>,
  { from, to, force }: { from: SecretStore; to: SecretStore; force: boolean },
): Promise<void> {
  for (const [account, value] of values) await to.write(account, value);
  for (const item of items) {
    if (values.has(item.account)) await item.recordMove();
    else if (force) await item.forget();
  }
  // Tokens that were renewed meanwhile are the ones that count.
  const now = values.size === 0 ? new Map() : await from.read([...values.keys()]);
  for (const [account, value] of values) {
    const latest = now.get(account);
    if (typeof latest === 'string' && latest !== value) await to.write(account, latest);
    await from.delete(account);
  }
}

function missingError(account: string, store: StoreName): McpMasterError {
  return new McpMasterError('INTERNAL', `"${account}" is recorded, but not in the ${store}`);
}

function withForceHint({ code, message, hint = '', cause }: McpMasterError): McpMasterError {
  const way = 'If it is gone for good, add --force: what can not be read is forgotten.';
  return new McpMasterError(code, message, { hint: `${hint} ${way}`.trim(), cause });
}
