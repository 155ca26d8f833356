import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AuthRecords } from '../../src/oauth/store/auth-records.ts';
import { createLockFiles } from '../../src/platform/lock-files.ts';
import { createStateFiles } from '../../src/platform/state-files.ts';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import { buildProgram } from '../support/build-program.ts';
import { memoryLog } from '../support/memory-log.ts';
import type { RecordsTask } from '../support/programs/records-user.ts';
import { runProgram } from '../support/run-program.ts';

let programs: TempFolder;
let user: string;
beforeAll(async () => {
  programs = await createTempFolder();
  user = await buildProgram('records-user', programs.path);
});
afterAll(() => programs.remove());

async function createPlace() {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const { log } = memoryLog();
  const warnings: string[] = [];
  const open = () =>
    new AuthRecords({
      files: createStateFiles(temp.path, log),
      locks: createLockFiles(join(temp.path, 'locks'), log),
      now: Date.now,
      warn: (message) => void warnings.push(message),
      redact: (text) => text,
    });
  const run = (rounds: number) => {
    const task: RecordsTask = { folder: temp.path, rounds };
    return runProgram(user, task, { env: { PATH: process.env['PATH'] ?? '' } });
  };
  return { folder: temp.path, open, run, warnings };
}

describe('the records on disk', () => {
  it('add up over two instances that write at the same time', async () => {
    const { folder, open, warnings } = await createPlace();
    const [one, other] = [open(), open()];
    const write = async (records: AuthRecords) => {
      for (let round = 0; round < 15; round += 1) {
        records.refused('x');
        records.refreshed('x');
        records.used('x');
        await records.flush();
      }
    };
    await Promise.all([write(one), write(other)]);
    expect(one.get('x')).toMatchObject({ refreshes: 30, refusals: 30 });
    expect(other.get('x')).toEqual(one.get('x'));
    expect(warnings).toEqual([]);
    const mode = async (path: string) =>
      ((await stat(join(folder, path))).mode & 0o777).toString(8);
    expect(await mode('records')).toBe('700');
    expect(await mode('records/x.json')).toBe('600');
  });

  it('add up over several processes that write at the same time', async () => {
    const { open, run } = await createPlace();
    const rounds = 15;
    const all = [1, 2, 3, 4].map(() => run(rounds));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { child } of all) child.stdin?.write('go\n');
    const ends = await Promise.all(all.map(({ ended }) => ended));
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      all.map(() => ({ code: 0, stderr: '' })),
    );
    const sum = all.length * rounds;
    expect(open().get('x')).toEqual({ refreshes: sum, refusals: sum });
  });

  it('keep no process alive', async () => {
    const { run } = await createPlace();
    // It ends by itself with a write ahead of it.
    expect(await run(0).ended).toMatchObject({ code: 0, stderr: '' });
  });
});
