import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Message } from '../rpc/message.ts';
import type { DecodeProblem } from '../rpc/message-decoder.ts';
import { StreamTransport } from '../rpc/stream-transport.ts';
import { MESSAGE_LIMIT, type Transport } from '../rpc/transport.ts';
import type { ChildProcess, ExitStatus, Spawn, SpawnOptions } from './child-process.ts';
import { OutputTail } from './output-tail.ts';

/** What is shown of text that a server printed where messages belong. */
const RUBBISH_SHOWN = 3;

/**
 * A server as a child process (specification 2025-11-25, "stdio"). Its stderr goes to the debug log,
 * and its end into the error when it fails; text on its stdout that is no message is skipped and
 * named.
 */
export class StdioTransport implements Transport {
  onmessage?: Transport['onmessage'];
  onfailure?: Transport['onfailure'];
  onerror?: Transport['onerror'];
  onclose?: Transport['onclose'];

  readonly #options: SpawnOptions;
  readonly #spawn: Spawn;
  readonly #log: Logger;
  readonly #stderr: OutputTail;
  #child: ChildProcess | undefined;
  #streams: StreamTransport | undefined;
  #closing: Promise<void> | undefined;
  #rubbish: string[] = [];

  constructor(options: SpawnOptions, spawn: Spawn, log: Logger) {
    this.#options = options;
    this.#spawn = spawn;
    this.#log = log;
    this.#stderr = new OutputTail((line) => log.debug(`stderr: ${line}`));
  }

  async start(): Promise<void> {
    const child = await this.#spawn(this.#options);
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#stderr.push(text));
    const streams = new StreamTransport({
      input: child.stdout,
      output: child.stdin,
      queueLimit: 4 * MESSAGE_LIMIT,
      onProblem: (problem) => this.#onProblem(problem),
    });
    this.#streams = streams;
    streams.onmessage = (message) => this.onmessage?.(message);
    streams.onerror = (error) => this.onerror?.(error);
    // Without its stdout a server is of no use, also when it stays.
    streams.onclose = () => void child.endTree();
    void child.exited.then((status) => this.#onExit(status));
    await streams.start();
    // Closed while the process was starting: nobody else would end it.
    if (this.#closing !== undefined) await child.endTree();
  }

  send(message: Message): Promise<void> | undefined {
    return this.#streams === undefined
      ? Promise.reject(notRunningError())
      : this.#streams.send(message);
  }

  close(): Promise<void> {
    this.#closing ??= this.#child?.endTree() ?? Promise.resolve();
    return this.#closing;
  }

  diagnosis(): string | undefined {
    const parts: string[] = [];
    if (this.#rubbish.length > 0) {
      parts.push(`it printed text instead of JSON-RPC on its stdout: ${quoted(this.#rubbish)}`);
    }
    const stderr = this.#stderr.lines();
    if (stderr.length > 0) parts.push(`the end of its stderr: ${quoted(stderr)}`);
    return parts.length === 0 ? undefined : parts.join('; ');
  }

  #onProblem(problem: DecodeProblem): void {
    // We have ended it, perhaps in the middle of a line.
    if (this.#closing !== undefined) return;
    // A log line in JSON is rubbish like any other.
    const isForeign = problem.kind === 'not_a_message' && problem.id === undefined;
    if (problem.kind === 'not_json' || isForeign) {
      this.#noteRubbish(problem.excerpt);
      return;
    }
    const error = spoiled(problem);
    this.#log.warn(`${error.message}: «${problem.excerpt}»`);
    // A request of the server's own that can't be read has no request of ours to fail.
    if (problem.call === true) return;
    this.onfailure?.(problem.id, error);
  }

  #noteRubbish(text: string): void {
    if (this.#rubbish.length >= RUBBISH_SHOWN) return;
    this.#rubbish.push(text);
    this.#log.warn(`text on its stdout that is not JSON-RPC was skipped: «${text}»`);
  }

  #onExit(status: ExitStatus): void {
    if (this.#closing !== undefined) {
      this.onclose?.();
      return;
    }
    // Descendants that outlive the server hold on to whatever they were started with.
    this.#closing = this.#child?.endTree();
    this.onclose?.(exitError(status, this.diagnosis()));
  }
}

function notRunningError(): McpMasterError {
  return new McpMasterError('BACKEND_EXITED', 'The server is not running', { undelivered: true });
}

function quoted(lines: string[]): string {
  return lines.map((line) => `«${line}»`).join(' ');
}

function exitError({ code, signal }: ExitStatus, diagnosis: string | undefined): McpMasterError {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  const why = diagnosis === undefined ? '; it printed nothing on its stderr' : `; ${diagnosis}`;
  return new McpMasterError('BACKEND_EXITED', `the server process ended ${how}${why}`, {
    hint: 'Run its command in a terminal to see why.',
  });
}

function spoiled({ kind }: DecodeProblem): McpMasterError {
  switch (kind) {
    case 'too_large':
      return new McpMasterError('MESSAGE_TOO_LARGE', 'the server sent a message of over 16 MiB', {
        hint: 'Ask for less at a time.',
      });
    case 'invalid_utf8':
      return new McpMasterError('BACKEND_PROTOCOL', 'the server sent a message that is not UTF-8', {
        hint: 'Report it to the maintainer of the server: JSON-RPC over stdio is UTF-8.',
      });
    default:
      return new McpMasterError(
        'BACKEND_PROTOCOL',
        'the server sent JSON that is no JSON-RPC message',
        {
          hint: 'Report it to the maintainer of the server.',
        },
      );
  }
}
