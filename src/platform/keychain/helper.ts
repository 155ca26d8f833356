/**
 * The program that talks to the operating system's keychain: `keychain.js [BYTES AN ITEM CAN HOLD]`.
 * Requests and answers are JSON lines on stdin and stdout. A call of the keychain may never return
 * (a prompt that nobody answers), and then even `process.exit` waits for it; so the calls run in a
 * worker, and the main thread ends the process by SIGKILL when stdin ends, that is, with its parent.
 */
import process from 'node:process';
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
  type KeychainAnswer,
  type KeychainRequest,
  type KeychainResult,
  MAX_LINE_BYTES,
  type ReadOutcome,
} from './protocol.ts';

const PAUSE_MS = 25;

if (isMainThread) supervise();
else if (parentPort !== null) serve(parentPort, workerData as number | undefined);

function supervise(): void {
  const { stdin, stdout } = process;
  const [, , limit] = process.argv;
  const worker = new Worker(new URL(import.meta.url), {
    workerData: limit === undefined ? undefined : Number(limit),
  });
  worker.on('message', (answer: KeychainAnswer) => {
    stdout.write(`${JSON.stringify(answer)}\n`);
  });
  const end = () => process.kill(process.pid, 'SIGKILL');
  const lines = new LineSplitter(MAX_LINE_BYTES, {
    line: (bytes) => worker.postMessage(JSON.parse(bytes.toString())),
    oversized: end,
  });
  stdin.on('data', (chunk: Buffer) => lines.push(chunk));
  for (const over of ['end', 'error', 'close']) stdin.on(over, end);
  stdout.on('error', end);
  // Ctrl-C is for the parent, which ends its requests first.
  process.on('SIGINT', () => undefined);
}

function serve(port: MessagePort, limit: number | undefined): void {
  let items: KeyringItems | undefined;
  const answer = async (request: KeychainRequest): Promise<KeychainResult> => {
    try {
      // Here, so that a missing native part is an answer, too.
      items ??= new KeyringItems((await import('@napi-rs/keyring')).Entry);
      return carryOut({ items, limit, pause }, request);
    } catch (error) {
      return { failure: classify(error) };
    }
  };
  port.on('message', async (request: KeychainRequest) => {
    const result = await answer(request);
    port.postMessage({ result, opened: items?.opened ?? 0 } satisfies KeychainAnswer);
  });
}

function carryOut(store: ValueStore, request: KeychainRequest): KeychainResult {
  switch (request.operation) {
    case 'read':
      return { values: request.accounts.map((account) => read(store, account)) };
    case 'write':
      writeValue(store, request.account, request.value);
      return { written: true };
    case 'delete':
      return { deleted: deleteValue(store, request.account) };
  }
}

/** What concerns one item is its outcome; what concerns the keychain is thrown: no second prompt. */
function read(store: ValueStore, account: string): ReadOutcome {
  try {
    const value = readValue(store, account);
    return value === undefined ? null : { value };
  } catch (error) {
    const failure = classify(error);
    if (concernsAll(failure)) throw error;
    return { failure };
  }
}

/** The worker has nothing else to do. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
