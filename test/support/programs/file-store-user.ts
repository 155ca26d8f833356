/** Uses the encrypted files in a process of its own, which may be another user's. */
import { createEncryptedFiles } from '../../../src/platform/encrypted-files.ts';
import { memoryLog } from '../memory-log.ts';

export interface FileStoreTask {
  folder: string;
  write?: string;
}

const task = JSON.parse(process.argv[2] ?? '') as FileStoreTask;
const store = createEncryptedFiles({ folder: task.folder, env: process.env, log: memoryLog().log });
const say = (line: string) => process.stdout.write(`${line}\n`);

if (task.write !== undefined) {
  await store.write('alpha', task.write).then(
    () => say('written'),
    (error: { code: string; message: string }) => say(`${error.code}: ${error.message}`),
  );
}
const read = (await store.read(['alpha'])).get('alpha');
say(read instanceof Error ? `read: ${read.message}` : `read: ${read}`);
