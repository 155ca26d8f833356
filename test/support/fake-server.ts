import { PassThrough } from 'node:stream';
import type { ChildProcess, ExitStatus, Spawn } from '../../src/backend/child-process.ts';
import { McpMasterError } from '../../src/errors.ts';
import type { JsonObject } from '../../src/rpc/message.ts';

/** A double of a child process that speaks MCP, for tests with a clock of their own. */
export class FakeServer {
  readonly received: JsonObject[] = [];
  /** Processes that were started so far. */
  starts = 0;
  /** What a process prints on its stderr when it starts. */
  stderr = '';
  /** Set: the next starts fail. */
  broken = false;
  /** Answers a request; undefined = never. */
  answer: (request: JsonObject) => JsonObject | undefined = () => ({ result: {} });
  #exit: ((status: ExitStatus) => void) | undefined;

  readonly spawn: Spawn = async () => {
    this.starts += 1;
    if (this.broken) throw new McpMasterError('COMMAND_NOT_FOUND', 'not found');
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stderr.write(this.stderr);
    const exited = new Promise<ExitStatus>((resolve) => {
      this.#exit = (status) => {
        stdout.end();
        resolve(status);
      };
    });
    stdin.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        const reply = this.#reply(JSON.parse(line));
        if (reply !== undefined) stdout.write(`${JSON.stringify(reply)}\n`);
      }
    });
    const child: ChildProcess = {
      ...{ pid: this.starts, stdin, stdout, stderr, exited },
      endTree: async () => this.#exit?.({ code: 0, signal: null }),
    };
    return child;
  };

  /** The process that runs ends by itself. */
  crash(): void {
    this.#exit?.({ code: 1, signal: null });
  }

  /** Requests of a method so far. */
  calls(method: string): JsonObject[] {
    return this.received.filter((message) => message['method'] === method);
  }

  #reply(message: JsonObject): JsonObject | undefined {
    this.received.push(message);
    if (message['id'] === undefined || message['method'] === undefined) return undefined;
    const body =
      message['method'] === 'initialize'
        ? { result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} } }
        : this.answer(message);
    return body && { jsonrpc: '2.0', id: message['id'], ...body };
  }
}
