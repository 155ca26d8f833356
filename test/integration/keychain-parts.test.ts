import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { deleteValue, readValue, writeValue } from '../../src/platform/keychain/parts.ts';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import { buildProgram } from '../support/build-program.ts';
import { FileItems } from '../support/file-items.ts';
import { openKeychain } from '../support/keychain-store.ts';
import type { KeychainTask } from '../support/programs/keychain-user.ts';
import { runProgram } from '../support/run-program.ts';
import { runTogether } from '../support/run-together.ts';
import { startSecretService } from '../support/secret-service.ts';

let programs: TempFolder;
let user: string;
beforeAll(async () => {
  programs = await createTempFolder();
  user = await buildProgram('keychain-user', programs.path);
});
afterAll(() => programs.remove());

/** Items of this size stand for those of Windows, which hold 2,560 bytes. */
const LIMIT = 200;

const OLD = 'old '.repeat(80);
const NEW = 'new, '.repeat(100);

/** Values over items that are files of the test's own. */
async function openItems() {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const folder = temp.path;
  return {
    folder,
    store: { items: new FileItems(folder), limit: LIMIT, pause: async () => undefined },
  };
}

describe('values over the limit of an item', () => {
  it('are cut into items that fit, and leave nothing behind', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env, { limit: LIMIT });
    for (const value of [OLD, NEW, 'short', 'ü'.repeat(LIMIT), '🔑'.repeat(333)]) {
      await store.write('alpha', value);
      expect((await store.read(['alpha'])).get('alpha')).toBe(value);
      const items = await service.accounts();
      const bytes = Buffer.byteLength(value);
      expect(items).toHaveLength(bytes > LIMIT ? Math.ceil(bytes / LIMIT) + 1 : 1);
      for (const item of items) {
        expect(Buffer.byteLength((await service.lookup(item)) ?? '')).toBeLessThanOrEqual(LIMIT);
      }
    }
    expect(await store.delete('alpha')).toBe(true);
    expect(await service.accounts()).toEqual([]);
  });

  it('are the old or the new one, whole, wherever their writer is killed', async () => {
    const { folder, store } = await openItems();
    const seen = new Set<unknown>();
    let finished = false;
    for (let step = 0; step < 100 && !finished; step++) {
      await writeValue(store, 'alpha', OLD);
      const task: KeychainTask = {
        do: 'killed-writer',
        account: 'alpha',
        helper: '',
        limit: LIMIT,
      };
      const own = { items: folder, step, value: NEW };
      const { code, stdout } = await runProgram(user, { ...task, ...own }, { env: {} }).ended;
      finished = code === 0;
      expect(stdout).toMatch(finished ? /^finished/ : /^$/);
      const value = await readValue(store, 'alpha');
      expect([OLD, NEW]).toContain(value);
      seen.add(value);
    }
    expect(finished).toBe(true);
    expect(seen).toEqual(new Set([OLD, NEW]));
    // Also what the killed writers have left in other slots.
    expect(await deleteValue(store, 'alpha')).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it('are whole for readers while several processes write', async () => {
    const { folder, store } = await openItems();
    const common = { account: 'alpha', helper: '', limit: LIMIT, items: folder };
    const writer = { do: 'writer', rounds: 150 } as const;
    const reader = { do: 'reader', rounds: 300 } as const;
    const tasks = [writer, reader, writer, reader];
    const whole = '300 whole, 0 torn';
    expect(await runTogether(user, {}, common, tasks)).toEqual([...['done', whole, 'done', whole]]);
    expect(await deleteValue(store, 'alpha')).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it('are damaged when a part is lost, and can be replaced', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env, { limit: LIMIT });
    await store.write('alpha', OLD);
    await store.write('beta', 'fine');
    const part = (await service.accounts()).find((account) => account.endsWith('.1'));
    await service.store(part ?? '', 'another part');
    const found = await store.read(['alpha', 'beta']);
    expect(found.get('alpha')).toMatchObject({ code: 'INTERNAL' });
    expect(found.get('beta')).toBe('fine');
    await store.write('alpha', NEW);
    expect((await store.read(['alpha'])).get('alpha')).toBe(NEW);
  });
});
