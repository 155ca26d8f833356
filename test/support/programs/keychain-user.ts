/**
 * Uses the keychain as mcp-master does, in a process of its own. What to do, as JSON, is its one
 * argument; what came of it are lines on stdout.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKeychainStore } from '../../../src/platform/keychain/keychain-store.ts';
import { readValue, writeValue } from '../../../src/platform/keychain/parts.ts';
import { FileItems } from '../file-items.ts';
import { memoryLog } from '../memory-log.ts';

export interface KeychainTask {
  /**
   * `read`: one read, its value or error code. `read-and-exit`: exits while a read is under way.
   * `writer`, `reader`: one, then, once there is a line on stdin, many, of values that can be told from
   * torn ones. `killed-writer`: one write, and a SIGKILL by its own hand before the call with the
   * number `step`. The last three go to files in `items` where that is given.
   */
  do: 'read' | 'read-and-exit' | 'writer' | 'reader' | 'killed-writer';
  account: string;
  helper: string;
  limit?: number;
  items?: string;
  rounds?: number;
  step?: number;
  value?: string;
}

const task = JSON.parse(process.argv[2] ?? '') as KeychainTask;
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Values of different lengths that end with the hash of what is before. */
function checkedValue(seed: string, size: number): string {
  const text = seed.repeat(Math.ceil(size / seed.length)).slice(0, size);
  return `${text}|${createHash('sha256').update(text).digest('hex')}`;
}

function isWhole(value: string): boolean {
  const [text = '', hash] = value.split('|');
  return createHash('sha256').update(text).digest('hex') === hash;
}

const { log, lines } = memoryLog();
const openStore = () =>
  createKeychainStore({
    ...{ env: process.env, platform: process.platform, log },
    ...{ node: process.execPath, helper: task.helper },
    ...(task.limit !== undefined && { limit: task.limit }),
  });

async function readOnce(): Promise<string> {
  const value = (await openStore().read([task.account])).get(task.account);
  return value instanceof Error ? value.code : String(value);
}

/** What the many writes and reads go to. */
function openValues() {
  if (task.items === undefined) {
    const keychain = openStore();
    const read = async (account: string) => (await keychain.read([account])).get(account);
    return { read, write: (account: string, value: string) => keychain.write(account, value) };
  }
  const store = { items: new FileItems(task.items), limit: task.limit, pause: () => sleep(25) };
  return {
    read: (account: string) => readValue(store, account),
    write: (account: string, value: string) => writeValue(store, account, value),
  };
}

async function write(): Promise<void> {
  const values = openValues();
  for (let round = 0; round < (task.rounds ?? 1); round++) {
    const seed = `${process.pid}-${round}-`;
    await values.write(task.account, checkedValue(seed, 100 + ((round * 997) % 1500)));
    if (round === 0) await readyAndGo();
  }
  say('done');
}

async function read(): Promise<void> {
  const values = openValues();
  let [whole, torn] = [0, 0];
  for (let round = 0; round < (task.rounds ?? 1); round++) {
    const value = await values.read(task.account);
    if (typeof value === 'string' && isWhole(value)) whole += 1;
    else torn += 1;
    if (round === 0) await readyAndGo();
  }
  say(`${whole} whole, ${torn} torn`);
}

/** The others open their connections first: see `KeyringItems`. */
async function readyAndGo(): Promise<void> {
  say('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
}

async function writeAndDie(): Promise<void> {
  const items = new FileItems(task.items ?? '');
  let steps = 0;
  const step = <T>(use: () => Promise<T>): Promise<T> => {
    if (steps === task.step) process.kill(process.pid, 'SIGKILL');
    steps += 1;
    return use();
  };
  const dying = {
    get: (account: string) => step(() => items.get(account)),
    set: (account: string, bytes: Uint8Array) => step(() => items.set(account, bytes)),
    remove: (account: string) => step(() => items.remove(account)),
  };
  const store = { items: dying, limit: task.limit, pause: async () => undefined };
  await writeValue(store, task.account, task.value ?? '');
  say(`finished in ${steps} steps`);
}

switch (task.do) {
  case 'read':
    say(await readOnce().catch((error: { code: string }) => error.code));
    break;
  case 'read-and-exit':
    readOnce().then(say, say);
    // Long enough for the helper to be inside of the call.
    setTimeout(() => {
      say(`leaving after ${lines.length} lines of log`);
      process.exit(0);
    }, 1500);
    break;
  case 'writer':
    await write();
    break;
  case 'reader':
    await read();
    break;
  case 'killed-writer':
    await writeAndDie();
}
