import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createLockFiles } from '../../src/platform/lock-files.ts';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import { buildProgram } from '../support/build-program.ts';
import { memoryLog } from '../support/memory-log.ts';
import type { LockTask } from '../support/programs/lock-user.ts';
import { runProgram } from '../support/run-program.ts';

let programs: TempFolder;
let user: string;
beforeAll(async () => {
  programs = await createTempFolder();
  user = await buildProgram('lock-user', programs.path);
});
afterAll(() => programs.remove());

async function createPlace() {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const folder = temp.path;
  const memory = memoryLog();
  const locks = createLockFiles(join(folder, 'locks'), memory.log);
  const run = (task: Omit<LockTask, 'folder'>) => {
    const env = { PATH: process.env['PATH'] ?? '' };
    return runProgram(user, { ...task, folder }, { env });
  };
  /** A process that holds the lock. */
  const holder = async () => {
    const program = run({ do: 'hold' });
    await program.ready;
    return program;
  };
  const files = () => readdir(join(folder, 'locks'));
  return { folder, locks, run, holder, files };
}

describe('lock files', () => {
  it('let one in at a time, of several processes', async () => {
    const { folder, run, files } = await createPlace();
    await writeFile(join(folder, 'number'), '0');
    const rounds = 60;
    const all = [1, 2, 3, 4].map(() => run({ do: 'count', rounds }));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { child } of all) child.stdin?.write('go\n');
    const ends = await Promise.all(all.map(({ ended }) => ended));
    expect(ends.map(({ stdout }) => stdout.split('\n').at(-1))).toEqual(
      all.map(() => 'clashes: 0'),
    );
    expect(await readFile(join(folder, 'number'), 'utf8')).toBe(String(4 * rounds));
    expect(await files()).toEqual([`x.${4 * rounds}.free`]);
  });

  it('let one in at a time, within one process', async () => {
    const { locks } = await createPlace();
    const order: string[] = [];
    const enter = (name: string) =>
      locks.hold('x', async () => {
        order.push(`in ${name}`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`out ${name}`);
      });
    await Promise.all(['a', 'b', 'c'].map(enter));
    const pairs = [0, 2, 4].map((at) => order.slice(at, at + 2).join());
    expect(pairs.sort()).toEqual(['in a,out a', 'in b,out b', 'in c,out c']);
  });

  it('do not keep different names apart, nor one that begins like another', async () => {
    const { locks } = await createPlace();
    const inner = await locks.hold('foo', () => locks.hold('foo.bar', async () => 'both'));
    expect(inner).toBe('both');
  });

  it('pass on at once from a process that was killed', async () => {
    const { locks, holder, files } = await createPlace();
    const { child, ended } = await holder();
    child.kill('SIGKILL');
    await ended;
    // A patience shorter than the silence after which a living holder counts as gone.
    expect(await locks.hold('x', async () => 'mine', { patienceMs: 1000 })).toBe('mine');
    expect(await files()).toEqual(['x.2.free']);
  });

  it('pass on from a process that is suspended, which sees it when it goes on', async () => {
    const { locks, holder } = await createPlace();
    const { child, ended } = await holder();
    child.kill('SIGSTOP');
    const order: string[] = [];
    await locks.hold('x', async (lock) => {
      order.push('taken over');
      child.kill('SIGCONT');
      child.stdin?.write('go on\n');
      expect((await ended).stdout).toBe('held\nstill held: false\nreleased');
      expect(lock.isHeld()).toBe(true);
    });
    expect(order).toEqual(['taken over']);
  });

  it('stay with a process that lives, and tell who that is when patience ends', async () => {
    const { locks, holder } = await createPlace();
    const { child, ended } = await holder();
    await expect(locks.hold('x', async () => 'mine', { patienceMs: 300 })).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
      message: expect.stringContaining(`another process (${child.pid})`),
      hint: expect.stringContaining('end that process'),
    });
    child.stdin?.write('go on\n');
    expect((await ended).stdout).toBe('held\nstill held: true\nreleased');
    expect(await locks.hold('x', async () => 'mine')).toBe('mine');
  });

  it('are taken from a process that lives by one that insists, and both see it', async () => {
    const { locks, holder } = await createPlace();
    const { child, ended } = await holder();
    const insisting = { patienceMs: 100, insist: true };
    const held = await locks.hold('x', async (lock) => lock.isHeld(), insisting);
    expect(held).toBe(true);
    child.stdin?.write('go on\n');
    expect((await ended).stdout).toBe('held\nstill held: false\nreleased');
  });

  it('are released when the work fails, with its error', async () => {
    const { locks } = await createPlace();
    const fail = locks.hold('x', () => Promise.reject(new Error('the work failed')));
    await expect(fail).rejects.toThrow('the work failed');
    expect(await locks.hold('x', async () => 'mine')).toBe('mine');
  });

  it('pass on from a holder that shows no life, whatever its file says', async () => {
    const texts = ['', '{', JSON.stringify({ pid: 1, system: `${hostname()}-other` })];
    const waited = texts.map(async (text) => {
      const { folder, locks } = await createPlace();
      const file = join(folder, 'locks', 'x.7.lock');
      await mkdir(join(folder, 'locks'));
      await writeFile(file, text);
      // Whatever the clock of that computer says: what counts is that the file does not change.
      const future = new Date(Date.now() + 3_600_000);
      await utimes(file, future, future);
      const impatient = locks.hold('x', async () => 'too early', { patienceMs: 300 });
      await expect(impatient).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
      return locks.hold('x', async () => 'mine');
    });
    expect(await Promise.all(waited)).toEqual(texts.map(() => 'mine'));
  });

  it('are lost with their folder', async () => {
    const { folder, locks } = await createPlace();
    const held = await locks.hold('x', async (lock) => {
      await rm(join(folder, 'locks'), { recursive: true });
      return lock.isHeld();
    });
    expect(held).toBe(false);
  });

  it('say which file can not be made', async () => {
    const { folder, locks } = await createPlace();
    await writeFile(join(folder, 'locks'), 'no folder');
    await expect(locks.hold('x', async () => 'mine')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(join(folder, 'locks')),
    });
  });
});
