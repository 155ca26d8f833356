/** One MCP session with a subject over stdio: as little work as can be on the measuring side. */
import { readFileSync } from 'node:fs';
import { start } from './belongings.mjs';

const ANSWER_DEADLINE_MS = 30_000;
const CLOSE_GRACE_MS = 5_000;
const KEPT_STDERR = 2_000;

/** Starts `command` and speaks JSON-RPC with it. */
export class Session {
  /** When the latest bytes came; in ms, as `performance.now()`. */
  arrivedAt = 0;
  #child;
  /** By id; not a Map, which keeps what was in it (src/rpc/request-table.ts says why). */
  #pending = Object.create(null);
  #nextId = 1;
  #parts = [];
  #stderr = '';
  #exited;

  constructor([command, ...args], env) {
    this.#child = start(command, args, { stdio: 'pipe', env });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR);
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => this.#receive(text));
    // An ended subject is reported by its exit, not by EPIPE.
    this.#child.stdin.on('error', () => {});
    this.#exited = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(`could not be started: ${error.message}`));
      this.#child.on('exit', (code, signal) => resolve(`exited with ${code ?? signal}`));
    });
    void this.#exited.then((how) => this.#failAll(how));
  }

  /** Sends a request; gives its result, fails with the reason and the tail of stderr. */
  request(method, params = {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const fail = (why) => {
        clearTimeout(timer);
        delete this.#pending[id];
        reject(new Error(`${method}: ${why}${this.#complaint()}`));
      };
      const late = () => fail(`no answer in ${ANSWER_DEADLINE_MS} ms`);
      const timer = setTimeout(late, ANSWER_DEADLINE_MS);
      const settle = (message) => {
        if (message.error) return fail(JSON.stringify(message.error));
        clearTimeout(timer);
        delete this.#pending[id];
        resolve(message.result);
      };
      this.#pending[id] = { settle, fail };
      this.#send({ jsonrpc: '2.0', id, method, params });
    });
  }

  /** Sends a notification. */
  notify(method) {
    this.#send({ jsonrpc: '2.0', method });
  }

  /** Resident memory of the subject's own process in MB, NaN where it can't be read (not Linux). */
  memory() {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  /** Ends stdin, as a desktop client does, and kills the subject if that is not enough. */
  async close() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_GRACE_MS);
    await this.#exited;
    clearTimeout(timer);
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  #failAll(why) {
    for (const { fail } of Object.values(this.#pending)) fail(why);
  }

  /** The line of stderr that says most: the first that speaks of an error, else the last. */
  #complaint() {
    const lines = this.#stderr.trim().split('\n');
    const line = lines.find((text) => /error/i.test(text)) ?? lines.at(-1);
    return line ? `; stderr: ${line}` : '';
  }

  #send(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Looks at each chunk once: a large message comes in many. */
  #receive(text) {
    this.arrivedAt = performance.now();
    const lines = text.split('\n');
    const rest = lines.pop();
    for (const line of lines) {
      this.#parts.push(line);
      this.#take(this.#parts.join(''));
      this.#parts = [];
    }
    if (rest !== '') this.#parts.push(rest);
  }

  #take(line) {
    if (line === '') return;
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.#failAll(`stdout carried what is not JSON: ${line.slice(0, 200)}`);
    }
    if (message.method === undefined) this.#pending[message.id]?.settle(message);
    else if (message.id !== undefined) this.#send({ jsonrpc: '2.0', id: message.id, result: {} });
  }
}
