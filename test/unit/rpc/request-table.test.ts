import { describe, expect, it } from 'vitest';
import { RequestTable } from '../../../src/rpc/request-table.ts';

function filled(...ids: (string | number)[]): RequestTable<string> {
  const table = new RequestTable<string>();
  for (const id of ids) table.set(id, `entry of ${JSON.stringify(id)}`);
  return table;
}

describe('RequestTable', () => {
  it('keeps a number and the same digits as a string apart', () => {
    const table = filled(1, '1');
    expect(table.get(1)).toBe('entry of 1');
    expect(table.get('1')).toBe('entry of "1"');
    expect(table.take('1')).toBe('entry of "1"');
    expect(table.get(1)).toBe('entry of 1');
    expect(table.get('1')).toBeUndefined();
  });

  it.each([0, -1, 2 ** 32, Number.MAX_SAFE_INTEGER, '', '__proto__', 'constructor', 'toString'])(
    'knows of %j what was filed, and nothing else',
    (id) => {
      const table = new RequestTable<string>();
      expect(table.get(id)).toBeUndefined();
      expect(table.take(id)).toBeUndefined();
      table.set(id, 'filed');
      expect(table.get(id)).toBe('filed');
      expect(table.entries()).toEqual(['filed']);
      expect(table.take(id)).toBe('filed');
      expect(table.take(id)).toBeUndefined();
      expect(table.entries()).toEqual([]);
    },
  );

  it('counts what is under way, once for each id', () => {
    const table = filled(1, 'a', 1);
    expect(table.size).toBe(2);
    table.take(1);
    table.take(1);
    table.take('b');
    expect(table.size).toBe(1);
    table.take('a');
    expect(table.size).toBe(0);
  });

  it('keeps what is under way over many others', () => {
    const table = filled('first', 0);
    for (let id = 1; id <= 5000; id += 1) {
      table.set(id, `entry of ${id}`);
      table.set(`old ${id}`, 'stays');
      expect(table.take(id)).toBe(`entry of ${id}`);
    }
    expect(table.size).toBe(5002);
    expect(table.get('first')).toBe('entry of "first"');
    for (let id = 5000; id > 0; id -= 1) expect(table.take(`old ${id}`)).toBe('stays');
    expect(table.entries()).toEqual(['entry of "first"', 'entry of 0']);
  });

  it('lists the entries of one moment, whatever becomes of them', () => {
    const table = filled(3, 1, 'a');
    const before = table.entries();
    table.take(1);
    table.set(4, 'later');
    expect(before.toSorted()).toEqual(['entry of "a"', 'entry of 1', 'entry of 3']);
    expect(table.entries().toSorted()).toEqual(['entry of "a"', 'entry of 3', 'later']);
  });
});
