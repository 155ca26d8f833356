/**
 * A bare MCP client without any SDK: starts a command, speaks JSON lines with it and keeps
 * everything that was said, so that a test can compare it with a backend's own record.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { JsonObject } from '../../src/rpc/message.ts';
import { BIN, createTempFolder, strippedEnv, waitFor, writeConfig } from './bin.ts';
import { readLines } from './lines.js';

/** A message of either side, whole. */
export interface Recorded {
  direction: 'in' | 'out';
  message: JsonObject;
  /** Milliseconds since the client was made. */
  at: number;
}

/** An answer as it came: the `result` or the `error` member is set. */
export interface Answer extends JsonObject {
  id: string | number | null;
  result?: JsonObject;
  error?: JsonObject & { code: number; message: string };
}

/** Answers a request of the server: with `result` or `error`, or undefined for never. */
export type Responder = (
  request: JsonObject & { method: string },
) => JsonObject | undefined | Promise<JsonObject | undefined>;

/** How to start the command, and how to deal with it. */
export interface ClientOptions {
  command: string;
  args?: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Answers the server's requests; default: `ping`, no roots, and -32601 for the rest. */
  respond?: Responder;
  /** Milliseconds that anything may take; default 15000. */
  deadline?: number;
  /** False tolerates lines on stdout that are not JSON-RPC; else `close` fails because of them. */
  strict?: boolean;
}

/** How the command ended. */
export interface Closed {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It did not end by itself within the grace and was killed. */
  killed: boolean;
  /** Milliseconds from the end of its stdin to its own end. */
  took: number;
}

/** The client's side of one session. Make it with `startServe`. */
export class RecordingClient {
  readonly messages: Recorded[] = [];
  /** Every line of stdout, as it came. */
  readonly rawLines: string[] = [];
  /** Lines of stdout that are no JSON-RPC message, each with the reason. */
  readonly badLines: string[] = [];
  /** Answers to nothing that was asked: unknown ids, second answers. */
  readonly strayAnswers: Answer[] = [];
  /** Everything on stderr so far. */
  stderr = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: ClientOptions;
  readonly #deadline: number;
  readonly #pending = new Map<string | number, (answer: Answer) => void>();
  readonly #ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #started = performance.now();
  readonly #afterClose: () => Promise<void>;
  #nextId = 1;
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;

  constructor(options: ClientOptions, afterClose: () => Promise<void> = async () => {}) {
    this.#options = options;
    this.#afterClose = afterClose;
    this.#deadline = options.deadline ?? 15_000;
    const { command, args = [], env, cwd } = options;
    this.#child = spawn(command, args, { stdio: 'pipe', ...(env && { env }), ...(cwd && { cwd }) });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // Writing to a process that has ended is told by its exit, not by EPIPE.
    this.#child.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.stderr += `${error.message}\n`;
        resolve({ code: null, signal: null });
      });
      this.#child.on('exit', (code, signal) => resolve({ code, signal }));
    }).then((exit) => {
      this.#exit = exit as { code: number | null; signal: NodeJS.Signals | null };
      return this.#exit;
    });
    void readLines(this.#child.stdout, (line) => this.#receive(line));
  }

  /** Process id of the command. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** How the command ended, undefined while it runs. */
  get exit(): { code: number | null; signal: NodeJS.Signals | null } | undefined {
    return this.#exit;
  }

  /** Messages that the server sent, in order. */
  get received(): JsonObject[] {
    return this.messages.filter((m) => m.direction === 'in').map((m) => m.message);
  }

  /** Notifications of `method` so far. */
  notifications(method: string): JsonObject[] {
    return this.received.filter((m) => m['method'] === method && m['id'] === undefined);
  }

  /** Sends a request and waits for its answer, whatever that is. `id` may be chosen. */
  request(
    method: string,
    params?: JsonObject,
    id: string | number = this.#nextId++,
  ): Promise<Answer> {
    const answer = this.expectAnswer(id, method);
    this.send({ jsonrpc: '2.0', id, method, ...(params && { params }) });
    return answer;
  }

  /** As `request`, but gives the result and fails on an error. */
  async result(method: string, params?: JsonObject): Promise<JsonObject> {
    const answer = await this.request(method, params);
    if (answer.result !== undefined) return answer.result;
    throw new Error(`${method} failed: ${JSON.stringify(answer.error)}`);
  }

  /** Calls a tool; fails on an error, but not on `isError`. */
  callTool(name: string, args: JsonObject = {}, meta?: JsonObject): Promise<JsonObject> {
    return this.result('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  }

  /** All tools, every page. */
  async listTools(): Promise<JsonObject[]> {
    const tools: JsonObject[] = [];
    let cursor: unknown;
    for (let page = 0; page < 100; page++) {
      const result = await this.result('tools/list', typeof cursor === 'string' ? { cursor } : {});
      // A test that reads on finds out what is in them.
      tools.push(...(result['tools'] as JsonObject[]));
      cursor = result['nextCursor'];
      if (cursor === undefined) return tools;
    }
    throw new Error('tools/list has no end');
  }

  /** The handshake; gives the result of `initialize`. */
  async initialize(
    capabilities: JsonObject = {},
    protocolVersion = '2025-11-25',
  ): Promise<JsonObject> {
    const clientInfo = { name: 'recording-client', version: '1.0.0' };
    const result = await this.result('initialize', { protocolVersion, capabilities, clientInfo });
    this.notify('notifications/initialized');
    return result;
  }

  /** Sends a notification. */
  notify(method: string, params?: JsonObject): void {
    this.send({ jsonrpc: '2.0', method, ...(params && { params }) });
  }

  /** Sends a message as it is. */
  send(message: JsonObject): void {
    this.#record('out', message);
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Writes text or bytes to the server's stdin as they are (unrecorded); mind the newline. */
  sendRaw(data: string | Uint8Array): void {
    this.#child.stdin.write(data);
  }

  /** Waits for the answer to `id`, for a request sent by `send` or `sendRaw`. */
  expectAnswer(id: string | number, what = `request ${id}`): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => {
        clearTimeout(timer);
        if (!this.#pending.delete(id)) return;
        reject(new Error(`${what}: ${reason}; stderr: ${this.stderr.slice(-2000)}`));
      };
      const timer = setTimeout(() => fail(`no answer in ${this.#deadline} ms`), this.#deadline);
      this.#pending.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      // Its last answers may still be in the pipe when a process has ended.
      void this.#ended.then(() => setTimeout(() => fail('the server ended'), 500).unref());
    });
  }

  /** Waits until a message has come for which `test` holds, earlier ones included. */
  waitForMessage(test: (message: JsonObject) => boolean, what = 'a message'): Promise<JsonObject> {
    return waitFor(() => this.received.find(test), { deadline: this.#deadline, what });
  }

  /** Waits for the `count`-th notification of `method` and gives it. */
  waitForNotification(method: string, count = 1): Promise<JsonObject> {
    const what = `${method} (${count})`;
    const nth = () => this.notifications(method)[count - 1];
    return waitFor(nth, { deadline: this.#deadline, what });
  }

  /** Sends the command a signal. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for the command to end by itself. */
  async waitForExit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return waitFor(() => this.#exit, { deadline: this.#deadline, what: 'the end of the server' });
  }

  /**
   * Ends stdin and waits `grace` milliseconds (default 10000) for the command to end, then kills it.
   * Fails when stdout carried anything but JSON-RPC. May be called twice.
   */
  async close(grace = 10_000): Promise<Closed> {
    const from = performance.now();
    let killed = false;
    this.#child.stdin.end();
    const timer = setTimeout(() => {
      killed = true;
      this.#child.kill('SIGKILL');
    }, grace);
    const exit = await this.#ended;
    clearTimeout(timer);
    const took = performance.now() - from;
    await this.#drain();
    await this.#afterClose();
    if (this.#options.strict !== false && this.badLines.length > 0) {
      throw new Error(`stdout carried what is not JSON-RPC:\n${this.badLines.join('\n')}`);
    }
    return { ...exit, killed, took };
  }

  /** Lets the pipes run empty; what outlives the command and holds them open is not waited for. */
  async #drain(): Promise<void> {
    const { stdout, stderr } = this.#child;
    const done = () => stdout.readableEnded && stderr.readableEnded;
    await waitFor(() => done() || stdout.destroyed, { deadline: 500 }).catch(() => {});
    stdout.destroy();
    stderr.destroy();
  }

  #record(direction: 'in' | 'out', message: JsonObject): void {
    this.messages.push({ direction, message, at: performance.now() - this.#started });
  }

  #receive(line: string): void {
    this.rawLines.push(line);
    const message = parse(line);
    if (typeof message === 'string') {
      this.badLines.push(`${message}: ${line.slice(0, 200)}`);
      return;
    }
    this.#record('in', message);
    if (message['method'] === undefined) this.#settle(message as Answer);
    else if (message['id'] !== undefined) void this.#answer(message);
  }

  #settle(answer: Answer): void {
    const { id } = answer;
    const waiting = id === null ? undefined : this.#pending.get(id);
    if (waiting === undefined || id === null) {
      this.strayAnswers.push(answer);
      return;
    }
    this.#pending.delete(id);
    waiting(answer);
  }

  async #answer(request: JsonObject): Promise<void> {
    const respond = this.#options.respond ?? respondByDefault;
    // `parse` has checked that a message with `method` has a string there.
    const body = await respond(request as JsonObject & { method: string });
    if (body !== undefined) this.send({ jsonrpc: '2.0', id: request['id'], ...body });
  }
}

/** `ping`, an empty list of roots, and "method not found" for the rest. */
const respondByDefault: Responder = ({ method }) => {
  if (method === 'ping') return { result: {} };
  if (method === 'roots/list') return { result: { roots: [] } };
  return { error: { code: -32601, message: `Method not found: ${method}` } };
};

/** The JSON-RPC message on a line, or the reason why it is none. */
function parse(line: string): JsonObject | string {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return 'not an object';
  }
  // Any JSON object is a JsonObject.
  const object = message as JsonObject;
  if (object['jsonrpc'] !== '2.0') return 'jsonrpc is not "2.0"';
  if ('method' in object) return typeof object['method'] === 'string' ? object : 'bad method';
  if (!('id' in object)) return 'neither method nor id';
  return 'result' in object !== 'error' in object ? object : 'not one of result and error';
}

/** How to start `mcp-master serve`; what is left out has the defaults of `ClientOptions`. */
export interface ServeOptions extends Omit<ClientOptions, 'command' | 'args' | 'env'> {
  /** MCP_MASTER_HOME; default: an empty folder that `close` removes. */
  home?: string;
  /** Added to the stripped environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** More arguments of `serve`. */
  args?: readonly string[];
}

/**
 * Starts the built `mcp-master serve` with a configuration (an object, or YAML as text; undefined:
 * none) in a home of its own.
 */
export async function startServe(
  config: object | string | undefined,
  { home, env, args = [], ...options }: ServeOptions = {},
): Promise<RecordingClient> {
  const temp = home === undefined ? await createTempFolder() : undefined;
  const folder = home ?? temp?.path ?? '';
  const file = config === undefined ? [] : ['--config', await writeConfig(folder, config)];
  const client = { command: process.execPath, cwd: folder, env: strippedEnv(folder, env) };
  return new RecordingClient(
    { ...client, ...options, args: [BIN, 'serve', ...file, ...args] },
    async () => temp?.remove(),
  );
}
