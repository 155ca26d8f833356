import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { BIN, strippedEnv } from '../bin.ts';
import { readLines } from '../lines.js';
import type { RecordingClient, Answer as RpcAnswer } from '../recording-client.ts';
import { changed } from './answers.ts';
import { type AuthHome, openAuthHome } from './auth-home.ts';
import { browse } from './browse.ts';
import {
  type MisbehavingServer,
  startMisbehavingAuthorizationServer,
} from './misbehaving-authorization-server.ts';
import {
  type FaultyEndpoint,
  type Identity,
  type RefreshFault,
  startFaultyEndpoint,
} from './refresh-fault-endpoint.ts';
import { type Items, type LoginsAtRest, loginsAtRest } from './refresh-fault-store.ts';
import { plainly } from './refusal.ts';

/**
 * Why a refresh is due, which is the name of the server, too: its token is near its end, past its end, or
 * good by the clock and refused by the server.
 */
export const STATES = ['valid', 'expired', 'refused'] as const;
export type DueState = (typeof STATES)[number];

/** A server with a login, whose token endpoint can be spoiled. */
export interface Side {
  server: MisbehavingServer;
  endpoint: FaultyEndpoint;
}

/** How a stage is made; all of it may be left out. */
export interface StageOptions {
  /** Added to the environment of the home. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where the items are, if not in encrypted files. */
  items?: Items;
  /** The token endpoints speak TLS. */
  identity?: Identity;
  /** The host of the token endpoints. */
  host?: string;
  /** Called with the home before anything runs in it. */
  prepare?(home: AuthHome): Promise<void>;
  /** Called when nothing uses the home any more, also when the stage could not be made. */
  release?(): Promise<void>;
  /** Starts `serve`; by default as the user of the tests. */
  serve?(home: AuthHome): Promise<RecordingClient>;
}

/** One `serve` with a login at a server for each state, and at one that is always well. */
export interface RefreshStage {
  home: AuthHome;
  client: RecordingClient;
  sides: Readonly<Record<DueState, Side>>;
  /** The server called `other`. */
  other: MisbehavingServer;
  atRest: LoginsAtRest;
  /** Makes a refresh due. */
  makeDue(state: DueState): Promise<void>;
  /** Spoils all three token endpoints. */
  set(fault: RefreshFault): Promise<void>;
  /** Calls a tool: what came back, whatever it is. */
  call(server: DueState | 'other'): Promise<RpcAnswer>;
  /** What `auth status` says of each server. */
  states(): Promise<Record<string, JsonObject>>;
  /** The servers of which it is written down that they need a login. */
  needy(): Promise<string[]>;
  /** The files that no failure may change: configuration, logins, tokens, registrations. */
  files(): Promise<Map<string, string>>;
  /** Fails if any token that there was so far has been shown, in the log of `serve` or in an answer. */
  expectNoSecrets(...texts: string[]): void;
  close(): Promise<void>;
}

/** A token that seems to have lived an hour is due a minute before its end. */
const VALID_MS = 50_000;

const ENTRY = { auth_strategy: 'delegate_oauth', timeout: 50 };

/** Starts the servers and logs in to them. */
export async function createRefreshStage(options: StageOptions = {}): Promise<RefreshStage> {
  const home = await openAuthHome(options.env);
  try {
    return await startStage(home, options);
  } catch (error) {
    await options.release?.();
    await home.close();
    throw error;
  }
}

async function startStage(
  home: Awaited<ReturnType<typeof openAuthHome>>,
  options: StageOptions,
): Promise<RefreshStage> {
  const other = await startMisbehavingAuthorizationServer();
  const sides = {
    valid: await side(options),
    expired: await side(options),
    refused: await side(options),
  };
  const servers = Object.entries({ ...sides, other: { server: other } });
  await options.prepare?.(home);
  await home.configure(
    Object.fromEntries(
      servers.map(([name, { server }]) => [name, { ...ENTRY, url: server.url.href }]),
    ),
  );
  await logInToAll(home, servers.length);
  const serve =
    options.serve ?? (() => home.serve({ args: ['--log-level=debug'], deadline: 50_000 }));
  const client = await serve(home);
  const atRest = loginsAtRest(home, options.items);
  const tokens = new Set<string>();
  const secrets = async () => {
    for (const [name] of servers) {
      const { accessToken, refreshToken } = (await atRest.login(name))?.tokens ?? {};
      for (const token of [accessToken, refreshToken]) if (token !== undefined) tokens.add(token);
    }
  };
  const call = async (server: string) => {
    const params = { name: `${server}__echo`, arguments: { text: 'x' } };
    return plainly(await client.request('tools/call', params));
  };
  for (const [name] of servers) expectEchoed(await call(name));
  return {
    ...{ home, client, sides, other, atRest, call },
    async makeDue(state) {
      if (state === 'refused') {
        // A token that came of a refusal is not renewed at the next one: get another one first.
        await atRest.age(state, -1000);
        const before = (await atRest.login(state))?.tokens.accessToken;
        await healed(
          () => call(state),
          async () => {
            return (await atRest.login(state))?.tokens.accessToken !== before;
          },
        );
        sides.refused.server.expireAccessTokens();
      } else await atRest.age(state, state === 'valid' ? VALID_MS : -1000);
      await secrets();
    },
    async set(fault) {
      for (const { endpoint } of Object.values(sides)) await endpoint.set(fault);
    },
    async states() {
      const { value } = await home.json(['auth', 'status']);
      return Object.fromEntries(value.map((status) => [String(status['server']), status]));
    },
    needy: () => readdir(join(home.path, 'state', 'challenges')).catch(() => []),
    files: async () => {
      await secrets();
      return new Map([...(await home.files())].filter(([path]) => !PASSING.test(path)));
    },
    expectNoSecrets(...texts) {
      const shown = [client.stderr, ...texts].join('\n');
      for (const token of tokens) expect(shown.includes(token) && token).toBe(false);
    },
    async close() {
      await client.close();
      await options.release?.();
      await home.close();
      await other.close();
      for (const { server, endpoint } of Object.values(sides)) {
        await server.close();
        await endpoint.close();
      }
    },
  };
}

/** One program for all logins costs a quarter of the time. */
async function logInToAll({ path, env }: AuthHome, count: number): Promise<void> {
  const args = [BIN, 'auth', 'login', '--all', '--no-browser', '--json'];
  const child = spawn(process.execPath, args, { cwd: path, env: strippedEnv(path, env) });
  const [events, errors]: [JsonObject[], string[]] = [[], []];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const visits: Promise<unknown>[] = [];
  const read = readLines(child.stdout, (line) => {
    const event: JsonObject = JSON.parse(line);
    if (event['event'] === 'authorization_url') visits.push(browse(String(event['url'])));
    else events.push(event);
  });
  await once(child, 'close');
  await Promise.all([read, ...visits]);
  const names = events.map(({ event }) => event);
  expect(names, errors.join('')).toEqual(Array.from({ length: count }, () => 'logged_in'));
}

/** A stage of its own for some work, in tests that run at the same time, too. */
export async function onStage(
  options: StageOptions,
  work: (stage: RefreshStage) => Promise<void>,
): Promise<void> {
  const stage = await createRefreshStage(options);
  try {
    await work(stage);
  } finally {
    await stage.close();
  }
}

/** What programs note about their work: that a login is needed, which lock is whose, how it went. */
const PASSING = /^(cache|state\/(locks|records|challenges|sign-ins))\/|^state\/filler$/;

async function side({ identity, host }: StageOptions): Promise<Side> {
  const server = await startMisbehavingAuthorizationServer();
  const target = () => `${server.issuer}/token`;
  const endpoint = await startFaultyEndpoint({ target, identity, host });
  server.script({ metadata: (_, right) => changed(right(), { token_endpoint: endpoint.url }) });
  return { server, endpoint };
}

/** Fails unless the tool has answered. */
export function expectEchoed(answer: RpcAnswer): void {
  expect(answer).toMatchObject({ result: { content: [{ type: 'text', text: 'x' }] } });
}

/** Calls until a call succeeds and `done` holds: within the pause that failures have led to. */
export async function healed(
  call: () => Promise<RpcAnswer>,
  done: () => boolean | Promise<boolean> = () => true,
): Promise<void> {
  const end = performance.now() + 20_000;
  for (;;) {
    const answer = await call();
    if (answer.result !== undefined && (await done())) return;
    if (performance.now() > end) throw new Error(`It stays so: ${JSON.stringify(answer)}`);
    await wait(100);
  }
}
