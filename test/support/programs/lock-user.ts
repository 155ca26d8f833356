/** Uses the lock files in a process of its own. */
import { once } from 'node:events';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLockFiles } from '../../../src/platform/lock-files.ts';
import { memoryLog } from '../memory-log.ts';

export interface LockTask {
  folder: string;
  /**
   * `count`: adds 1 to a number in a file under the lock, `rounds` times, and says how often somebody else was
   * inside. `hold`: says `held` and holds the lock until a line comes on stdin, then says whether it still had it.
   */
  do: 'count' | 'hold';
  rounds?: number;
  patienceMs?: number;
}

const task = JSON.parse(process.argv[2] ?? '') as LockTask;
const locks = createLockFiles(join(task.folder, 'locks'), memoryLog().log);
const options = task.patienceMs === undefined ? {} : { patienceMs: task.patienceMs };
const say = (line: string) => process.stdout.write(`${line}\n`);

async function count(): Promise<void> {
  const file = join(task.folder, 'number');
  const guard = join(task.folder, 'inside');
  say('ready');
  await once(process.stdin, 'data');
  let clashes = 0;
  for (let round = 0; round < (task.rounds ?? 1); round += 1) {
    await locks.hold('x', async () => {
      const mine = await open(guard, 'wx').catch(() => undefined);
      if (mine === undefined) clashes += 1;
      const before = Number(await readFile(file, 'utf8'));
      await writeFile(file, String(before + 1));
      await mine?.close();
      await rm(guard, { force: true });
    });
  }
  say(`clashes: ${clashes}`);
}

async function hold(): Promise<void> {
  await locks.hold(
    'x',
    async (lock) => {
      say('held');
      await once(process.stdin, 'data');
      say(`still held: ${lock.isHeld()}`);
    },
    options,
  );
  say('released');
}

await (task.do === 'count' ? count() : hold()).catch((error: { code: string; message: string }) =>
  say(`${error.code}: ${error.message}`),
);
process.exit(0);
