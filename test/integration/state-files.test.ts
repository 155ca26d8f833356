import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createStateFiles } from '../../src/platform/state-files.ts';
import { createTempFolder, waitFor } from '../support/bin.ts';
import { memoryLog } from '../support/memory-log.ts';

async function openFiles() {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const root = join(temp.path, 'state');
  const { log, lines } = memoryLog();
  return { root, files: createStateFiles(root, log), other: createStateFiles(root, log), lines };
}

/** Counts the changes of a folder until the test ends. */
function watched(files: ReturnType<typeof createStateFiles>, folder: string) {
  const seen = {
    changes: 0,
    stop: files.watch(folder, () => {
      seen.changes += 1;
    }),
  };
  onTestFinished(() => seen.stop());
  return seen;
}

describe('createStateFiles', () => {
  it('keeps small files, for their owner alone', async () => {
    const { root, files } = await openFiles();
    await files.write('logins', 'beta', '2');
    await files.write('logins', 'alpha', 'ä');
    expect(files.read('logins', 'alpha')).toBe('ä');
    expect(files.list('logins')).toEqual(['alpha', 'beta']);
    expect((await stat(join(root, 'logins'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(root, 'logins', 'alpha.json'))).mode & 0o777).toBe(0o600);
  });

  it('has nothing to say of what is not there', async () => {
    const { files, lines } = await openFiles();
    expect(files.read('logins', 'alpha')).toBeUndefined();
    expect(files.list('logins')).toEqual([]);
    expect(files.version('logins', 'alpha')).toBeUndefined();
    expect(await files.remove('logins', 'alpha')).toBe(false);
    expect(lines).toEqual([]);
  });

  it('gives each content a version of its own', async () => {
    const { files } = await openFiles();
    const versions = new Set<string | undefined>();
    for (let round = 0; round < 20; round++) {
      await files.write('logins', 'alpha', 'same size');
      versions.add(files.version('logins', 'alpha'));
    }
    expect(versions.size).toBe(20);
    expect(await files.remove('logins', 'alpha')).toBe(true);
    expect(files.version('logins', 'alpha')).toBeUndefined();
  });

  it('counts what can not be read as absent, and tells it', async () => {
    const { root, files, lines } = await openFiles();
    await mkdir(join(root, 'logins', 'alpha.json'), { recursive: true });
    await writeFile(join(root, 'secrets'), '');
    expect(files.read('logins', 'alpha')).toBeUndefined();
    expect(files.list('secrets')).toEqual([]);
    expect(lines).toEqual([
      expect.stringContaining(join(root, 'logins', 'alpha.json')),
      expect.stringContaining(join(root, 'secrets')),
    ]);
    await expect(files.write('secrets', 'alpha', '')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(join(root, 'secrets', 'alpha.json')),
      hint: expect.any(String),
    });
  });
});

describe('watch', () => {
  it('calls back after a write and a removal by others, and not after it was stopped', async () => {
    const { files, other } = await openFiles();
    const seen = watched(files, 'logins');
    await other.write('logins', 'alpha', '1');
    await waitFor(() => seen.changes === 1);
    await other.write('logins', 'alpha', '2');
    await waitFor(() => seen.changes === 2);
    await other.remove('logins', 'alpha');
    await waitFor(() => seen.changes === 3);
    const witness = watched(files, 'logins');
    seen.stop();
    await other.write('logins', 'alpha', '3');
    await waitFor(() => witness.changes === 1);
    expect(seen.changes).toBe(3);
  });

  it('goes on when the folder is removed and made again', async () => {
    const { root, files, other, lines } = await openFiles();
    await other.write('logins', 'alpha', '1');
    const seen = watched(files, 'logins');
    await rm(join(root, 'logins'), { recursive: true });
    await waitFor(() => seen.changes === 1);
    await other.write('logins', 'alpha', '2');
    await waitFor(() => seen.changes === 2);
    expect(lines).toEqual([expect.stringContaining('every second')]);
  });

  it('goes on when another folder takes the place of the first', async () => {
    const { root, files, other } = await openFiles();
    await other.write('logins', 'alpha', '1');
    const seen = watched(files, 'logins');
    await rename(join(root, 'logins'), join(root, 'moved'));
    await other.write('logins', 'beta', '2');
    await waitFor(() => seen.changes >= 1);
    const before = seen.changes;
    await other.write('logins', 'beta', '3');
    await waitFor(() => seen.changes > before);
  });

  it('looks every second where the folder can not be watched', async () => {
    const { root, files, other, lines } = await openFiles();
    await mkdir(root);
    await writeFile(join(root, 'logins'), 'no folder');
    const seen = watched(files, 'logins');
    expect(lines).toEqual([expect.stringMatching(/debug .*every second.*EEXIST/)]);
    await rm(join(root, 'logins'));
    await other.write('logins', 'alpha', '1');
    await waitFor(() => seen.changes > 0);
  });
});
