import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Logger } from '../../log.ts';
import { excerpt } from '../../oauth/shown.ts';
import { LineSplitter } from '../../rpc/line-splitter.ts';
import { type KeychainRequest, type KeychainResult, MAX_LINE_BYTES } from './protocol.ts';

/** How to start a helper. */
export interface HelperCommand {
  /** The program of Node.js. */
  node: string;
  /** The helper's own file. */
  helper: string;
  /** Bytes that an item can hold; undefined = any number. */
  limit: number | undefined;
  env: Record<string, string>;
  log: Logger;
}

/** The helper ended without an answer. The message says how. */
export class HelperEnded extends Error {}

/** A running helper, for one request at a time. It never keeps this process alive. */
export class HelperProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Why it is over. */
  #ended: HelperEnded | undefined;
  #waiting: { resolve(result: KeychainResult): void; reject(error: Error): void } | undefined;

  constructor({ node, helper, limit, env, log }: HelperCommand) {
    const args = ['--expose-gc', helper, ...(limit === undefined ? [] : [String(limit)])];
    this.#child = spawn(node, args, { env, stdio: 'pipe', windowsHide: true });
    const { stdin, stdout, stderr } = this.#child;
    const lines = new LineSplitter(MAX_LINE_BYTES, {
      line: (bytes) => this.#take(bytes.toString()),
      oversized: () => this.#end('gave an answer that is too large'),
    });
    stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    stderr.on('data', (chunk: Buffer) => log.debug(`keychain helper: ${excerpt(String(chunk))}`));
    this.#child.once('error', (error) => this.#end(`could not be started: ${error.message}`));
    this.#child.once('exit', (code, signal) => this.#end(`ended (${signal ?? `status ${code}`})`));
    // Writing to it after it is gone: its end, which is told, says more.
    stdin.on('error', () => undefined);
    this.#child.unref();
    // Pipes of a child are sockets, whatever their type says.
    for (const pipe of [stdin, stdout, stderr]) (pipe as unknown as Socket).unref();
  }

  /** Rejects with {@link HelperEnded}; may never settle until it is killed. */
  exchange(request: KeychainRequest): Promise<KeychainResult> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends it at once, also in the middle of a call that never returns. */
  kill(): void {
    this.#end('was ended');
  }

  /** Lets it end by itself, half a second later at the latest, while nobody waits for it. */
  dismiss(): void {
    this.#settle(new HelperEnded('the keychain helper was dismissed'));
    this.#child.stdin.end();
  }

  #take(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    try {
      waiting?.resolve(JSON.parse(line) as KeychainResult);
    } catch {
      waiting?.reject(new HelperEnded('the keychain helper gave an answer that is no JSON'));
    }
  }

  #end(how: string): void {
    this.#settle(new HelperEnded(`the keychain helper ${how}`));
    this.#child.kill('SIGKILL');
  }

  #settle(error: HelperEnded): void {
    this.#ended ??= error;
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
