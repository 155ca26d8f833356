import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isObject, type JsonObject } from '../../src/rpc/message.ts';
import { supportProgram, writeConfig } from '../support/bin.ts';
import {
  type Ask,
  createSchedule,
  type Round,
} from '../support/recording/interleaving-schedule.ts';
import { judge, type Said } from '../support/recording/interleaving-verdict.ts';
import { SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordLine } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

/**
 * Two `serve` processes with one configuration and one state folder, each with one client, one server
 * over stdio and a session with one over HTTP: everything at the same time, from a seeded schedule.
 * `INTERLEAVING_SEED=n` plays a schedule again.
 */

const SEED = Number(process.env['INTERLEAVING_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 1000;
const IN_FLIGHT = 40;
const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };

const stage = useStage();

it('keeps 1,000 interleaved rounds apart, for each of two processes with one state folder', async () => {
  const script = { tools: [{ name: 'play', ...SCHEMA }], calls: { play: 'arguments' } };
  const remote = await stage.backend('remote', script, 'http');
  const config = await writeConfig(stage.folder, {
    servers: { local: localEntry(join(stage.folder, 'remote.script.json')), remote: remote.entry },
  });
  const names = ['one', 'two'];
  const runs = await Promise.all(names.map((name, at) => run(name, SEED + at, config)));
  const locals = readdirSync(stage.folder)
    .filter((file) => /^local-\d+\.jsonl$/.test(file))
    .map((file) => readRecord(join(stage.folder, file)));
  const connections = [...locals, ...bySession(remote.lines())].map(saidIn);

  for (const [at, { name, rounds, client }] of runs.entries()) {
    const said = client.messages.map(({ direction, message }) => ({ dir: direction, message }));
    const own = (server: string) => {
      const found = connections.filter((one) => ownerOf(one) === `${name}/${server}`);
      expect(found, `connections of ${name} with ${server}`).toHaveLength(1);
      return found[0] ?? [];
    };
    const servers = { local: own('local'), remote: own('remote') };
    const { problems, tally } = judge({ rounds, client: said, servers });
    expect(problems.slice(0, 20), `INTERLEAVING_SEED=${SEED}, client ${at}`).toEqual([]);
    for (const [what, count] of Object.entries(tally)) {
      expect(count, `${what}, INTERLEAVING_SEED=${SEED}`).toBeGreaterThan(ROUNDS / 50);
    }
  }
  expect(connections).toHaveLength(2 * names.length);

  // What both have written into the state folder is good for the next.
  const next = await startServe(undefined, { home: stage.folder, args: ['--config', config] });
  await next.initialize(CAPABILITIES);
  const tools = await next.listTools();
  expect(tools.map((tool) => tool['name'])).toEqual(['local__play', 'remote__play']);
  expect(await next.close()).toMatchObject({ code: 0, killed: false });
  expect(next.stderr).not.toContain('unreadable');
});

/** Each `serve` starts its own; the records are told apart by the process. */
function localEntry(script: string): JsonObject {
  const record = join(stage.folder, 'local-{pid}.jsonl');
  const program = supportProgram('recording-backend.mjs');
  return {
    command: process.execPath,
    args: [program, 'stdio', '--script', script, '--record', record],
  };
}

/** One client plays its schedule through a `serve` of its own, many rounds at a time. */
async function run(name: string, seed: number, config: string) {
  const rounds = createSchedule(name, seed, ROUNDS);
  const player = new Player(rounds);
  const client = await startServe(undefined, {
    home: stage.folder,
    args: ['--config', config],
    deadline: 20_000,
    respond: (request) => player.respond(request),
  });
  player.client = client;
  try {
    await client.initialize(CAPABILITIES);
    await client.listTools();
    const queue = [...rounds];
    const work = async () => {
      for (let round = queue.shift(); round !== undefined; round = queue.shift()) {
        await player.play(round);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, work));
    // What is asked by calls that were cancelled may still be on its way.
    await wait(200);
  } finally {
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
  }
  return { name, rounds, client };
}

/** The client's side of a schedule. */
class Player {
  client: RecordingClient | undefined;
  readonly #asks: Map<string, Ask>;
  readonly #answered = new Set<unknown>();
  readonly #withdrawn = new Set<unknown>();
  #seen = 0;

  constructor(rounds: Round[]) {
    this.#asks = new Map(rounds.flatMap(({ asks }) => asks.map((ask) => [ask.nonce, ask])));
  }

  /** Settles when the round is answered, or cancelled. */
  async play({ nonce, server, id, token, fate, scene, cancelAfter }: Round): Promise<void> {
    const { client } = this;
    if (client === undefined) return;
    const meta = token !== undefined && { _meta: { progressToken: token } };
    const params = { name: `${server}__play`, arguments: scene, ...meta };
    if (fate === 'answered') {
      // That there was none is for the verdict to say, which names the schedule.
      await client.request('tools/call', params, id).catch(() => undefined);
      return;
    }
    client.send({ jsonrpc: '2.0', id, method: 'tools/call', params });
    await wait(cancelAfter);
    this.#look();
    if (this.#answered.has(id)) return;
    client.notify('notifications/cancelled', { requestId: id, reason: nonce });
    await client.request('ping', undefined, `after ${nonce}`).catch(() => undefined);
  }

  /** Answers a server as the schedule says, unless it has withdrawn its request. */
  async respond({ id, params }: JsonObject): Promise<JsonObject | undefined> {
    const { nonce, _meta: meta } = isObject(params) ? params : {};
    const ask = this.#asks.get(String(nonce));
    if (ask === undefined || ask.fate === 'silent') return undefined;
    await wait(ask.delay);
    const progressToken = isObject(meta) ? meta['progressToken'] : undefined;
    for (let progress = 1; progress <= ask.progress; progress += 1) {
      if (progressToken === undefined) break;
      const about = { progressToken, progress, message: ask.nonce };
      this.client?.notify('notifications/progress', about);
    }
    this.#look();
    return this.#withdrawn.has(id) ? undefined : ask.reply;
  }

  /** Reads what has come since the last time. */
  #look(): void {
    const messages = this.client?.messages ?? [];
    for (; this.#seen < messages.length; this.#seen += 1) {
      const { direction, message } = messages[this.#seen] ?? {};
      if (direction !== 'in' || message === undefined) continue;
      const { method, id, params } = message;
      if (method === undefined) this.#answered.add(id);
      const about = method === 'notifications/cancelled' && isObject(params) && params;
      if (about) this.#withdrawn.add(about['requestId']);
    }
  }
}

function readRecord(file: string): RecordLine[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RecordLine);
}

/** The record of the HTTP server, taken apart by session; `initialize` has none yet. */
function bySession(lines: RecordLine[]): RecordLine[][] {
  const sessions = new Map<unknown, RecordLine[]>();
  for (const line of lines) {
    const { session } = line;
    if (session === undefined) continue;
    sessions.set(session, [...(sessions.get(session) ?? []), line]);
  }
  return [...sessions.values()];
}

function saidIn(lines: RecordLine[]): Said {
  return lines.flatMap(({ dir, message }) => (dir && message ? [{ dir, message }] : []));
}

/** Whose connection it is, by the first call on it; the rest has to fit. */
function ownerOf(said: Said): string | undefined {
  for (const { message } of said) {
    const { method, params } = message;
    const given = method === 'tools/call' && isObject(params) ? params['arguments'] : undefined;
    const nonce = isObject(given) ? given['nonce'] : undefined;
    if (typeof nonce === 'string') return nonce.split('/').slice(0, 2).join('/');
  }
  return undefined;
}
