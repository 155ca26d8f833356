import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { readLines } from '../lines.js';

/** How to start a stdio MCP server. */
export interface StdioCommand {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
}

/** What a {@link StdioChild} tells its owner. */
export interface StdioChildHandlers {
  onMessage(message: JSONRPCMessage): void;
  /** It has ended, asked or unasked. Called once. */
  onEnd(): void;
  /** Something that a good server does not do. */
  onProblem(problem: string): void;
}

/** Milliseconds that a server has to end after its stdin, before it is killed. */
const GRACE = 5_000;

/** A running stdio MCP server. */
export class StdioChild {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #handlers: StdioChildHandlers;
  readonly #ended: Promise<void>;
  #stderr = '';
  #ending: Promise<void> | undefined;

  constructor({ command, args, env, cwd }: StdioCommand, handlers: StdioChildHandlers) {
    this.#handlers = handlers;
    this.#child = spawn(command, args, { stdio: 'pipe', env: { ...env }, cwd });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // Writing to a process that has ended is told by its exit.
    this.#child.stdin.on('error', () => {});
    void readLines(this.#child.stdout, (line) => this.#receive(line));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#finish(error.message, resolve));
      this.#child.once('exit', (code, signal) => this.#finish(signal ?? `status ${code}`, resolve));
    });
  }

  send(message: JSONRPCMessage): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Ends its stdin and waits until it has ended. May be called twice. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => {
      this.#handlers.onProblem(`did not end within ${GRACE} ms of its stdin`);
      this.#child.kill('SIGKILL');
    }, GRACE);
    await this.#ended;
    clearTimeout(timer);
  }

  #receive(line: string): void {
    try {
      // Whether it is a message is for the referee to judge.
      this.#handlers.onMessage(JSON.parse(line) as JSONRPCMessage);
    } catch (error) {
      this.#handlers.onProblem(`${error}: on stdout: ${line.slice(0, 200)}`);
    }
  }

  #finish(how: string, resolve: () => void): void {
    const unasked = this.#ending === undefined || how !== 'status 0';
    if (unasked)
      this.#handlers.onProblem(`ended with ${how}; stderr: ${this.#stderr.slice(-2000)}`);
    resolve();
    this.#handlers.onEnd();
  }
}
