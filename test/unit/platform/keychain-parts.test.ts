import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Items } from '../../../src/platform/keychain/items.ts';
import { deleteValue, readValue, writeValue } from '../../../src/platform/keychain/parts.ts';

const LIMIT = 200;

/** Items in memory; `before` is called before each call. */
function memoryItems(before: () => void = () => undefined) {
  const kept = new Map<string, Uint8Array>();
  const items: Items = {
    async get(account) {
      before();
      return kept.get(account);
    },
    async set(account, bytes) {
      before();
      if (bytes.length > LIMIT) throw new Error(`${bytes.length} bytes are too many`);
      kept.set(account, Uint8Array.from(bytes));
    },
    async remove(account) {
      before();
      return kept.delete(account);
    },
  };
  const store = { items, limit: LIMIT, pause: async () => undefined };
  return { store, kept };
}

describe('values in parts', () => {
  it('are what was written, of any size and content, and leave nothing when deleted', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 1000 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (values) => {
        const { store, kept } = memoryItems();
        for (const value of values) {
          await writeValue(store, 'alpha', value);
          expect(await readValue(store, 'alpha')).toBe(value);
        }
        expect(await deleteValue(store, 'alpha')).toBe(true);
        expect(await deleteValue(store, 'alpha')).toBe(false);
        expect(kept.size).toBe(0);
      }),
    );
  });

  it.each([LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 2 * LIMIT + 1])(
    'take as many items as %i bytes need',
    async (size) => {
      const { store, kept } = memoryItems();
      await writeValue(store, 'alpha', 'x'.repeat(size));
      expect(kept.size).toBe(size <= LIMIT ? 1 : 1 + Math.ceil(size / LIMIT));
    },
  );

  it('need no parts where there is no limit', async () => {
    const { store, kept } = memoryItems();
    await writeValue({ ...store, limit: undefined }, 'alpha', 'x'.repeat(LIMIT));
    expect([...kept.keys()]).toEqual(['alpha']);
  });

  it('are the old or the new one wherever a writer stops, and the rest is found again', async () => {
    const [old, fresh] = ['o'.repeat(500), 'n'.repeat(700)];
    let left = Number.POSITIVE_INFINITY;
    const { store, kept } = memoryItems(() => {
      if (left === 0) throw new Error('stopped');
      left -= 1;
    });
    let stops = 0;
    for (let finished = false; !finished; stops++) {
      left = Number.POSITIVE_INFINITY;
      await writeValue(store, 'alpha', old);
      left = stops;
      finished = await writeValue(store, 'alpha', fresh).then(
        () => true,
        () => false,
      );
      left = Number.POSITIVE_INFINITY;
      expect([old, fresh]).toContain(await readValue(store, 'alpha'));
    }
    expect(stops).toBeGreaterThan(10);
    await deleteValue(store, 'alpha');
    expect(kept.size).toBe(0);
  });

  it('are read again when a part vanishes under the reader', async () => {
    const { store } = memoryItems();
    await writeValue(store, 'alpha', 'o'.repeat(500));
    let calls = 0;
    const items: Items = {
      ...store.items,
      async get(account) {
        calls += 1;
        if (calls === 3) await writeValue(store, 'alpha', 'n'.repeat(500));
        return store.items.get(account);
      },
    };
    expect(await readValue({ ...store, items }, 'alpha')).toBe('n'.repeat(500));
  });

  it('are damaged, after a bounded number of looks, when a part stays away', async () => {
    const { store, kept } = memoryItems();
    await writeValue(store, 'alpha', 'x'.repeat(500));
    for (const account of kept.keys()) if (account.endsWith('.1')) kept.delete(account);
    let pauses = 0;
    const counting = {
      ...store,
      pause: async () => {
        pauses += 1;
      },
    };
    await expect(readValue(counting, 'alpha')).rejects.toThrow('parts of it');
    expect(pauses).toBe(19);
  });

  it.each([
    ['keeps nothing', async () => undefined],
    ['keeps the old value', async () => Buffer.from('old')],
  ])('are not taken as written by a keychain that %s', async (_, get) => {
    const { store } = memoryItems();
    const items: Items = { ...store.items, get };
    for (const value of ['new', 'x'.repeat(500)]) {
      await expect(writeValue({ ...store, items }, 'alpha', value)).rejects.toThrow('keeping');
    }
  });
});
