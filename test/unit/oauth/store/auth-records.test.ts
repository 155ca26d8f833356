import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { AuthRecords } from '../../../../src/oauth/store/auth-records.ts';
import { MemoryLocks, memoryFiles } from '../../../support/memory-stores.ts';

const START = 1_000_000;
const FILE = 'records/x';

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Records over files in memory; each of `instances` is like a process of its own. */
function setUp({ files = memoryFiles(), locks = new MemoryLocks() } = {}) {
  const warnings: string[] = [];
  const writes: string[] = [];
  const counted: typeof files = {
    ...files,
    write: async (folder, name, text) => {
      writes.push(`${folder}/${name}`);
      await files.write(folder, name, text);
    },
  };
  const open = () =>
    new AuthRecords({
      ...{ files: counted, locks, now: Date.now },
      warn: (message) => void warnings.push(message),
      redact: (text) => text.replaceAll('s3cret', '***'),
    });
  return { records: open(), open, files, locks, warnings, writes };
}

function failure(message = 'no network', code: McpMasterError['code'] = 'REFRESH_FAILED') {
  return new McpMasterError(code, message);
}

describe('AuthRecords', () => {
  it('knows nothing of a server of which nothing was noted', async () => {
    const { records, writes } = setUp();
    expect(records.get('x')).toBeUndefined();
    records.succeeded('x');
    await records.flush();
    expect(records.get('x')).toBeUndefined();
    expect(writes).toEqual([]);
  });

  it('keeps uses, renewals, refusals and the last error, on disk after a flush', async () => {
    const { records, open, writes } = setUp();
    records.used('x');
    records.refreshed('x');
    records.refused('x');
    records.refused('x');
    records.failed('x', failure());
    await records.flush();
    expect(writes).toEqual([FILE]);
    expect(open().get('x')).toEqual({
      lastUsedAt: START,
      lastError: { at: START, code: 'REFRESH_FAILED', message: 'no network' },
      refreshes: 1,
      refusals: 2,
    });
    await records.flush();
    expect(writes).toEqual([FILE]);
  });

  it('goes on from what is on disk', async () => {
    const { records, open } = setUp();
    records.refreshed('x');
    await records.flush();
    const next = open();
    next.refreshed('x');
    next.refused('x');
    await next.flush();
    expect(records.get('x')).toMatchObject({ refreshes: 2, refusals: 1 });
  });

  it('writes by itself soon after something that is worth seeing', async () => {
    const { records, writes } = setUp();
    records.refused('x');
    expect(writes).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    expect(records.get('x')).toMatchObject({ refusals: 1 });
    // A server that refuses everything costs a write every other second.
    for (let at = 0; at < 100; at += 1) {
      records.refused('x');
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(writes.length).toBeLessThanOrEqual(7);
    await records.flush();
    expect(records.get('x')).toMatchObject({ refusals: 101 });
  });

  it('writes uses at most once a minute, whatever the number of servers', async () => {
    const { records, writes } = setUp();
    for (let second = 0; second < 300; second += 1) {
      for (const name of ['x', 'y', 'z']) records.used(name);
      await vi.advanceTimersByTimeAsync(1000);
    }
    for (const name of ['x', 'y', 'z']) {
      const times = writes.filter((file) => file === `records/${name}`).length;
      expect(times).toBeGreaterThanOrEqual(5);
      expect(times).toBeLessThanOrEqual(6);
    }
    expect(records.get('x')?.lastUsedAt).toBeGreaterThan(START + 200_000);
    await records.flush();
    expect(records.get('x')?.lastUsedAt).toBe(START + 299_000);
  });

  it.each(['refreshed', 'succeeded'] as const)('forgets an error once it %s', async (how) => {
    const { records, open } = setUp();
    records.failed('x', failure());
    await records.flush();
    await vi.advanceTimersByTimeAsync(5);
    // It may well be another process for which it works.
    const other = open();
    other[how]('x');
    await other.flush();
    expect(records.get('x')).toBeDefined();
    expect(records.get('x')?.lastError).toBeUndefined();
  });

  it('tells what came last within a millisecond', async () => {
    const { records } = setUp();
    records.failed('x', failure());
    records.succeeded('x');
    await records.flush();
    expect(records.get('x')?.lastError).toBeUndefined();
    records.refreshed('x');
    records.failed('x', failure('again'));
    await records.flush();
    expect(records.get('x')?.lastError).toMatchObject({ message: 'again' });
    records.succeeded('x');
    records.failed('x', failure('and again'));
    records.succeeded('x');
    await records.flush();
    expect(records.get('x')?.lastError).toBeUndefined();
  });

  it('does not bring back an error that is older than a success', async () => {
    const { records, open } = setUp();
    const slow = open();
    slow.failed('x', failure());
    await vi.advanceTimersByTimeAsync(10);
    records.used('x');
    records.refreshed('x');
    await records.flush();
    await slow.flush();
    expect(records.get('x')).toMatchObject({ refreshes: 1 });
    expect(records.get('x')?.lastError).toBeUndefined();
  });

  it('clears an error from a clock that was ahead', async () => {
    const { records } = setUp();
    vi.setSystemTime(START + 86_400_000);
    records.failed('x', failure());
    await records.flush();
    vi.setSystemTime(START);
    records.failed('x', failure('later', 'LOGIN_REQUIRED'));
    await records.flush();
    await vi.advanceTimersByTimeAsync(10);
    records.succeeded('x');
    await records.flush();
    expect(records.get('x')?.lastError).toBeUndefined();
    records.failed('x', failure('at last'));
    await records.flush();
    expect(records.get('x')?.lastError).toMatchObject({ message: 'at last' });
  });

  it('clears an error from a clock that was ahead with the first success', async () => {
    const { records } = setUp();
    vi.setSystemTime(START + 86_400_000);
    records.failed('x', failure());
    await records.flush();
    vi.setSystemTime(START);
    records.succeeded('x');
    // It is written a while after it was noted.
    await vi.advanceTimersByTimeAsync(5000);
    expect(records.get('x')?.lastError).toBeUndefined();
  });

  it('keeps what a refusal came with', async () => {
    const { records, open } = setUp();
    const facts = { status: 400, oauthError: 'invalid_client' };
    records.failed('x', new McpMasterError('TOKEN_REQUEST_FAILED', 'no', facts));
    await records.flush();
    expect(open().get('x')?.lastError).toMatchObject(facts);
  });

  it('writes the same error again no more often than once a minute', async () => {
    const { records, writes } = setUp();
    for (let second = 0; second < 120; second += 1) {
      records.failed('x', failure(`attempt ${second}`));
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(writes.length).toBeLessThanOrEqual(3);
    records.failed('x', failure('another', 'LOGIN_REQUIRED'));
    await vi.advanceTimersByTimeAsync(2500);
    expect(records.get('x')?.lastError).toMatchObject({ code: 'LOGIN_REQUIRED' });
  });

  it('keeps messages short, on one line and without secrets', async () => {
    const { records, files } = setUp();
    records.failed('x', failure(`sent s3cret\nand\u001b[31m ${'more '.repeat(500)}`));
    await records.flush();
    const { message = '' } = records.get('x')?.lastError ?? {};
    expect(message).toMatch(/^sent \*\*\* and \[31m more/);
    expect(message.length).toBeLessThanOrEqual(201);
    expect([...files.texts.values()].join()).not.toContain('s3cret');
  });

  it.each([
    ['damaged', '{"version":1,"refre'],
    ['of a newer version', JSON.stringify({ version: 2, refreshes: 1, refusals: 1 })],
    ['something else', '[]'],
  ])('leaves out a record that is %s, and says so', async (_, text) => {
    const { records, files, warnings } = setUp();
    await files.write('records', 'x', text);
    expect(records.get('x')).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('x is damaged or of a newer version')]);
    records.refused('x');
    await records.flush();
    expect(records.get('x')).toMatchObject({ refusals: 1 });
  });

  it('keeps what could not be written for later, and warns once', async () => {
    const files = memoryFiles();
    const { records, open, warnings } = setUp({
      files: {
        ...files,
        write: async (...args) => {
          if (full) throw new McpMasterError('STORE_UNAVAILABLE', 'the disk is full');
          await files.write(...args);
        },
      },
    });
    let full = true;
    records.refreshed('x');
    await records.flush();
    records.refused('x');
    await records.flush();
    expect(records.get('x')).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('the disk is full')]);
    full = false;
    records.used('x');
    await records.flush();
    expect(open().get('x')).toMatchObject({ refreshes: 1, refusals: 1, lastUsedAt: START });
  });

  it('has one go at the disk for each flush when a lock can not be had', async () => {
    const { records, locks, warnings } = setUp();
    locks.hold = async () => {
      throw new McpMasterError('REFRESH_FAILED', 'somebody has been busy for too long');
    };
    records.refused('x');
    await records.flush();
    expect(warnings).toHaveLength(1);
  });

  it('loses no count of two processes that write at the same time', async () => {
    const { records: one, open } = setUp();
    const other = open();
    for (let at = 0; at < 50; at += 1) {
      one.refreshed('x');
      other.refused('x');
      await Promise.all([one.flush(), other.flush()]);
    }
    expect(one.get('x')).toMatchObject({ refreshes: 50, refusals: 50 });
  });

  it('adds up also when a suspended process has lost its lock', async () => {
    const files = memoryFiles();
    const locks = new MemoryLocks();
    const { records: one, open } = setUp({ files, locks });
    const other = open();
    await files.write('records', 'x', JSON.stringify({ version: 1, refreshes: 7, refusals: 0 }));
    const { read } = files;
    let suspended = false;
    files.read = (...args) => {
      if (!suspended) {
        suspended = true;
        locks.loseAll();
      }
      return read(...args);
    };
    const { open: openAgain } = setUp({ files, locks });
    const victim = openAgain();
    victim.refreshed('x');
    other.refreshed('x');
    await Promise.all([victim.flush(), other.flush()]);
    expect(one.get('x')).toMatchObject({ refreshes: 9 });
  });

  it('forgets a server that is removed, with what was pending', async () => {
    const { records, files, warnings } = setUp();
    records.refused('x');
    await records.flush();
    records.used('x');
    await records.remove('x');
    await vi.advanceTimersByTimeAsync(120_000);
    await records.flush();
    expect(files.texts.size).toBe(0);
    await records.remove('x');
    expect(warnings).toEqual([]);
  });

  it('does not fail over a record that can not be removed', async () => {
    const files = memoryFiles();
    const { records, warnings } = setUp({
      files: { ...files, remove: async () => Promise.reject(new Error('not permitted')) },
    });
    records.refused('x');
    await records.flush();
    await records.remove('x');
    expect(warnings).toEqual([expect.stringContaining('not permitted')]);
  });
});
