import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { waitFor } from '../bin.ts';
import type { RecordingClient } from '../recording-client.ts';
import type { AuthHome } from './auth-home.ts';

/** Milliseconds between the answer to a call and the next call of the same process. */
const PAUSE_MS = 100;

/** Milliseconds that a call may take: one may have to wait for the lock of a process that was killed. */
const DEADLINE_MS = 60_000;

/** What a call came to: `login` is the answer that names the command for a login. */
export type Outcome = 'answered' | 'login' | 'failed';

/** A call that was answered. */
export interface Call {
  tool: string;
  outcome: Outcome;
}

/** A `serve` that is called continually. */
export interface Worker {
  name: string;
  pid: number;
  /** Its calls so far, in order. */
  calls: readonly Call[];
  /** Kills it as `kill -9` does; resolves when it has ended. */
  kill(): Promise<void>;
}

/** Several processes of one home that call tools of their servers all the time. */
export class RefreshCrowd {
  /** Answers that no call should have had, each with how often it came. */
  readonly failures = new Map<string, number>();
  /** Answers that named the command for a login, each with how often it came. */
  readonly demands = new Map<string, number>();
  /** All that were started, also those that were killed. */
  readonly everyone: Worker[] = [];
  readonly #home: AuthHome;
  readonly #tools: readonly string[];
  readonly #running = new Map<Worker, Promise<void>>();
  #started = 0;
  #over = false;

  /** @param tools called in turn, with their prefix */
  constructor(home: AuthHome, tools: readonly string[]) {
    this.#home = home;
    this.#tools = tools;
  }

  /** Those that run. */
  get workers(): Worker[] {
    return [...this.#running.keys()];
  }

  /** Starts one more, whose environment has its name as WORKER. */
  async start(): Promise<Worker> {
    this.#started += 1;
    const name = `worker-${this.#started}`;
    const client = await this.#home.serve({ env: { WORKER: name }, deadline: DEADLINE_MS });
    const calls: Call[] = [];
    const worker: Worker = {
      ...{ name, pid: client.pid, calls },
      kill: async () => {
        const calling = this.#running.get(worker);
        this.#running.delete(worker);
        client.kill('SIGKILL');
        await client.waitForExit();
        await calling;
      },
    };
    this.#running.set(
      worker,
      this.#callOn(client, calls, () => this.#running.has(worker)),
    );
    return worker;
  }

  /** Whether the last call of `tool` that some process made has come to this. */
  some(tool: string, outcome: Outcome): boolean {
    return this.workers.some((worker) => lastOf(worker, tool) === outcome);
  }

  /** Waits until the last call of `tool` that each process made has come to this. */
  async all(tool: string, outcome: Outcome): Promise<void> {
    const what = `"${outcome}" from each process`;
    const is = () => this.workers.every((worker) => lastOf(worker, tool) === outcome);
    await waitFor(is, { deadline: DEADLINE_MS, what });
  }

  /** Lets the calls that are under way end, and makes no more. */
  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running.values());
  }

  async #callOn(client: RecordingClient, calls: Call[], runs: () => boolean): Promise<void> {
    for (let next = 0; !this.#over; next += 1) {
      const tool = this.#tools[next % this.#tools.length] ?? '';
      const outcome = await this.#call(client, tool);
      // A process that was killed meanwhile owes no answer.
      if (!(runs() || this.#over)) return;
      calls.push({ tool, outcome: this.#judge(outcome) });
      await wait(PAUSE_MS);
      if (!runs()) return;
    }
  }

  /** The text of an error, or undefined for a result. */
  async #call(client: RecordingClient, name: string): Promise<string | undefined> {
    const params: JsonObject = { name, arguments: { text: 'x' } };
    try {
      const { result, error } = await client.request('tools/call', params);
      const answered = result !== undefined && result['isError'] !== true;
      return answered ? undefined : JSON.stringify(error ?? result);
    } catch (error) {
      return String(error);
    }
  }

  #judge(error: string | undefined): Outcome {
    if (error === undefined) return 'answered';
    const isDemand = error.includes('mcp-master auth login --server=');
    const book = isDemand ? this.demands : this.failures;
    book.set(error, (book.get(error) ?? 0) + 1);
    return isDemand ? 'login' : 'failed';
  }
}

function lastOf({ calls }: Worker, tool: string): Outcome | undefined {
  return calls.findLast((call) => call.tool === tool)?.outcome;
}

/** How many calls came to this. */
export function countOf({ calls }: Worker, outcome: Outcome): number {
  return calls.filter((call) => call.outcome === outcome).length;
}
