/**
 * The program that talks to the operating system's keychain: `node --expose-gc keychain.js [LIMIT]`,
 * where LIMIT is the number of bytes that an item can hold. Requests and answers are JSON lines on
 * stdin and stdout. A call of the keychain may never return (a prompt that nobody answers), and then
 * even `process.exit` waits for it; so the calls run in a worker, and the main thread ends the process
 * by SIGKILL soon after stdin ended, that is, after its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isMainThread,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { LineSplitter } from '../../rpc/line-splitter.ts';
import { classify, concernsAll } from './failure.ts';
import { KeyringItems } from './items.ts';
import { deleteValue, readValue, type ValueStore, writeValue } from './parts.ts';
import {
  type KeychainRequest,
  type KeychainResult,
  MAX_LINE_BYTES,
  type ReadOutcome,
} from './protocol.ts';

const PAUSE_MS = 25;

/**
 * What a request may still take after stdin ended, in milliseconds: long for one that gets on, whose
 * value is then kept; and gnome-keyring 42 may abort when a client vanishes in the middle of a call.
 */
const LEAVE_MS = 500;

if (isMainThread) supervise();
else if (parentPort !== null) serve(parentPort, workerData as number | undefined);

function supervise(): void {
  const { stdin, stdout } = process;
  const [, , limit] = process.argv;
  const worker = new Worker(new URL(import.meta.url), {
    workerData: limit === undefined ? undefined : Number(limit),
  });
  const end = () => process.kill(process.pid, 'SIGKILL');
  let asked = 0;
  let leaving = false;
  worker.on('message', (answer: KeychainResult) => {
    asked -= 1;
    stdout.write(`${JSON.stringify(answer)}\n`);
    if (leaving && asked === 0) end();
  });
  const leave = () => {
    leaving = true;
    if (asked === 0) end();
    else setTimeout(end, LEAVE_MS);
  };
  const lines = new LineSplitter(MAX_LINE_BYTES, {
    line: (bytes) => {
      asked += 1;
      worker.postMessage(JSON.parse(bytes.toString()));
    },
    oversized: end,
  });
  stdin.on('data', (chunk: Buffer) => lines.push(chunk));
  for (const over of ['end', 'error', 'close']) stdin.on(over, leave);
  stdout.on('error', leave);
  // Ctrl-C is for the parent, which ends its requests first.
  process.on('SIGINT', () => undefined);
}

function serve(port: MessagePort, limit: number | undefined): void {
  let items: KeyringItems | undefined;
  const answer = async (request: KeychainRequest): Promise<KeychainResult> => {
    try {
      // Here, so that a missing native part is an answer, too.
      items ??= await openItems();
      return await carryOut({ items, limit, pause }, request);
    } catch (error) {
      return { failure: classify(error) };
    }
  };
  port.on('message', async (request: KeychainRequest) => port.postMessage(await answer(request)));
}

async function openItems(): Promise<KeyringItems> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('the helper was started without --expose-gc');
  const { Entry } = await import('@napi-rs/keyring');
  return new KeyringItems(Entry, gc);
}

async function carryOut(store: ValueStore, request: KeychainRequest): Promise<KeychainResult> {
  switch (request.operation) {
    case 'read': {
      const values: ReadOutcome[] = [];
      for (const account of request.accounts) values.push(await read(store, account));
      return { values };
    }
    case 'write':
      await writeValue(store, request.account, request.value);
      return { written: true };
    case 'delete':
      return { deleted: await deleteValue(store, request.account) };
  }
}

/** What concerns one item is its outcome; what concerns the keychain is thrown: no second prompt. */
async function read(store: ValueStore, account: string): Promise<ReadOutcome> {
  try {
    const value = await readValue(store, account);
    return value === undefined ? null : { value };
  } catch (error) {
    const failure = classify(error);
    if (concernsAll(failure)) throw error;
    return { failure };
  }
}

function pause(): Promise<void> {
  return sleep(PAUSE_MS);
}
