import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigWatch } from '../../../src/config/watch.ts';
import { worldOf } from './support.ts';

const FILE = '/etc/mm/config.yaml';
const ENVIRONMENT = '/etc/mm/.env';

/** Longer than any change takes to be told. */
const LONG_MS = 3000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches files in memory, and counts what it tells. */
function start(files: Record<string, string>, file?: string) {
  const watch = new ConfigWatch({ folder: '/etc/mm', file }, worldOf({ files }));
  const told = vi.fn();
  watch.start(told);
  return { files, watch, told };
}

describe('ConfigWatch', () => {
  it('tells nothing while nothing changes', async () => {
    const { told } = start({ [FILE]: 'a' });
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).not.toHaveBeenCalled();
  });

  it.each<[string, Record<string, string>, (files: Record<string, string>) => void]>([
    ['another text', { [FILE]: 'a' }, (files) => Object.assign(files, { [FILE]: 'b' })],
    ['a file that is new', {}, (files) => Object.assign(files, { [FILE]: 'a' })],
    ['a file that is gone', { [FILE]: 'a' }, (files) => void delete files[FILE]],
    [
      'a second one beside it',
      { [FILE]: 'a' },
      (files) => Object.assign(files, { '/etc/mm/config.json': '{}' }),
    ],
    ['an .env file', { [FILE]: 'a' }, (files) => Object.assign(files, { [ENVIRONMENT]: 'A=1' })],
    [
      'an .env file that is gone',
      { [FILE]: 'a', [ENVIRONMENT]: 'A=1' },
      (files) => void delete files[ENVIRONMENT],
    ],
  ])('tells once of %s', async (_, before, change) => {
    const { files, told } = start({ ...before });
    change(files);
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('tells of a change between its making and its start', async () => {
    const files = { [FILE]: 'a' };
    const watch = new ConfigWatch({ folder: '/etc/mm' }, worldOf({ files }));
    files[FILE] = 'b';
    const told = vi.fn();
    watch.start(told);
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('waits until a file that is being written is as it stays', async () => {
    const { files, told } = start({ [FILE]: 'a' });
    for (let part = 0; part < 30; part += 1) {
      files[FILE] = 'b'.repeat(part);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['deleted', undefined],
    ['empty', ''],
  ])('tells of one change when the file is %s for a moment', async (_, moment) => {
    const { files, told } = start({ [FILE]: 'a' });
    if (moment === undefined) delete files[FILE];
    else files[FILE] = moment;
    await vi.advanceTimersByTimeAsync(700);
    files[FILE] = 'b';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('tells nothing of what is taken back at once', async () => {
    const { files, told } = start({ [FILE]: 'a' });
    files[FILE] = 'b';
    await vi.advanceTimersByTimeAsync(450);
    files[FILE] = 'a';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).not.toHaveBeenCalled();
  });

  it('follows a file that was named, and the .env beside that', async () => {
    const { files, told } = start({ '/srv/mine.json': '{}', [FILE]: 'a' }, '/srv/mine.json');
    files[FILE] = 'b';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).not.toHaveBeenCalled();
    files['/srv/.env'] = 'A=1';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('goes on where nobody lets it look, and tells when that is over', async () => {
    const deps = worldOf({ files: { [FILE]: 'a' } });
    const { stat } = deps;
    const denied = () => {
      throw Object.assign(new Error('denied'), { code: 'EACCES' });
    };
    const watch = new ConfigWatch({ folder: '/etc/mm' }, deps);
    const told = vi.fn();
    watch.start(told);
    deps.stat = denied;
    await vi.advanceTimersByTimeAsync(LONG_MS);
    deps.stat = stat;
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(2);
  });

  it('tells nothing once it is stopped, also by whom it has told', async () => {
    const { files, watch, told } = start({ [FILE]: 'a' });
    told.mockImplementation(() => watch.stop());
    files[FILE] = 'b';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    files[FILE] = 'c';
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(told).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
