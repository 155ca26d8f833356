/** Notes refusals and renewals in the records of the authentication, in a process of its own. */
import { once } from 'node:events';
import { join } from 'node:path';
import { AuthRecords } from '../../../src/oauth/store/auth-records.ts';
import { createLockFiles } from '../../../src/platform/lock-files.ts';
import { createStateFiles } from '../../../src/platform/state-files.ts';
import { memoryLog } from '../memory-log.ts';

export interface RecordsTask {
  folder: string;
  /** How often both are noted and flushed, once a line has come on stdin; 0 = noted once, never flushed. */
  rounds: number;
}

const { folder, rounds } = JSON.parse(process.argv[2] ?? '') as RecordsTask;
const { log } = memoryLog();
const records = new AuthRecords({
  files: createStateFiles(folder, log),
  locks: createLockFiles(join(folder, 'locks'), log),
  now: Date.now,
  warn: (message) => void process.stderr.write(`${message}\n`),
  redact: (text) => text,
});

process.stdout.write('ready\n');
if (rounds === 0) {
  records.used('x');
} else {
  await once(process.stdin, 'data');
  for (let round = 0; round < rounds; round += 1) {
    records.refused('x');
    records.refreshed('x');
    await records.flush();
  }
  process.exit(0);
}
