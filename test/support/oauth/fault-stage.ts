import { expect } from 'vitest';
import type { JsonObject } from '../../../src/rpc/message.ts';
import type { RunResult } from '../bin.ts';
import { type AuthHome, openAuthHome } from './auth-home.ts';
import { browse, type Visit } from './browse.ts';
import type { LoginRun } from './login-driver.ts';
import {
  type MisbehavingServer,
  type Script,
  startMisbehavingAuthorizationServer,
} from './misbehaving-authorization-server.ts';

/** What a person does with the address of the provider. */
export type Person = (url: string) => Promise<Visit | undefined>;

/** How a login ended, with or without an invitation. */
export interface LoginEnd extends RunResult {
  events: readonly JsonObject[];
  /** The last event. */
  last: JsonObject;
  /** Where the person ended; undefined when nobody was sent to a provider, or went no further. */
  page: Visit | undefined;
}

/** A home with two logins, of which no failed login may change anything. */
export interface FaultStage {
  home: AuthHome;
  /** The server called `faulty`, which does what a script says. */
  faulty: MisbehavingServer;
  /** The server called `other`. */
  other: MisbehavingServer;
  /**
   * Logs in to `faulty` again while it follows the script, and fails unless every file is as before:
   * configuration, records and encrypted tokens.
   */
  provoke(script: Script, how?: Provocation): Promise<LoginEnd>;
  /** Fails unless `auth status` says what it said at first, and both logins still open their server. */
  expectIntact(): Promise<void>;
  close(): Promise<void>;
}

/** How the login that must fail is done. */
export interface Provocation {
  /** More flags of `auth login`. */
  flags?: readonly string[];
  person?: Person;
  /** Added to the environment of the home. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** Starts both servers and logs in to them. */
export async function createFaultStage(): Promise<FaultStage> {
  const faulty = await startMisbehavingAuthorizationServer();
  const other = await startMisbehavingAuthorizationServer();
  const entry = ({ url }: MisbehavingServer) => ({ url: url.href });
  const home = await openAuthHome();
  await home.configure({ faulty: entry(faulty), other: entry(other) });
  const ends = await Promise.all([home.logIn(['faulty']), home.logIn(['other'])]);
  for (const end of ends) expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
  const { value: status } = await home.json(['auth', 'status']);
  const provoke = async (script: Script, { flags = [], person, env }: Provocation = {}) => {
    const before = await home.keptFiles();
    faulty.script(script);
    try {
      const end = await finish(home.startLogin(['faulty', '--force', ...flags], env), person);
      expect(await home.keptFiles()).toEqual(before);
      return end;
    } finally {
      faulty.script({});
    }
  };
  return {
    ...{ home, faulty, other, provoke },
    async expectIntact() {
      const { value: now } = await home.json(['auth', 'status']);
      expect(now.map(whatCounts)).toEqual(status.map(whatCounts));
      const { value: listed } = await home.json(['list']);
      expect(listed.map(({ server, state }) => [server, state])).toEqual([
        ['faulty', 'ready'],
        ['other', 'ready'],
      ]);
    },
    close: async () => {
      await home.close();
      await Promise.all([faulty.close(), other.close()]);
    },
  };
}

/** Where a login stands, without how it went. */
function whatCounts({ last_used: _, last_error: __, ...status }: JsonObject): JsonObject {
  return status;
}

/** Brings the person, by default one who agrees, to the address if there is one; waits for the end. */
export async function finish(login: LoginRun, person: Person = browse): Promise<LoginEnd> {
  const url = await login.authorizationUrl().catch(async () => {
    await login.ended;
    return undefined;
  });
  const page = url === undefined ? undefined : await person(url);
  const result = await login.ended;
  return { ...result, events: login.events, last: login.events.at(-1) ?? {}, page };
}

/** Stages for tests that run at the same time: each test has one to itself. */
export class FaultStages {
  readonly #all: readonly FaultStage[];
  readonly #free: FaultStage[];
  readonly #waiting: ((stage: FaultStage) => void)[] = [];

  private constructor(all: FaultStage[]) {
    this.#all = all;
    this.#free = [...all];
  }

  /** As many as there are processors on a small machine. */
  static async create(count = 2): Promise<FaultStages> {
    return new FaultStages(await Promise.all(Array.from({ length: count }, createFaultStage)));
  }

  /** Waits for one that is free, and gives it back when the work is over. */
  async use<T>(work: (stage: FaultStage) => Promise<T>): Promise<T> {
    const stage =
      this.#free.pop() ?? (await new Promise<FaultStage>((take) => this.#waiting.push(take)));
    try {
      return await work(stage);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(stage);
      else next(stage);
    }
  }

  provoke(script: Script, how?: Provocation): Promise<LoginEnd> {
    return this.use((stage) => stage.provoke(script, how));
  }

  async expectIntact(): Promise<void> {
    await Promise.all(this.#all.map((stage) => stage.expectIntact()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((stage) => stage.close()));
  }
}

/** What a failed login must look like. */
export interface Failure {
  code: string;
  exit?: number;
  message?: RegExp;
  hint: RegExp;
  /** Whether the person was sent to the provider; default no. */
  invited?: boolean;
}

/** Fails unless the login ended with this error: as its last event, with its hint, and an exit code. */
export function expectFailure(end: LoginEnd, failure: Failure): void {
  const { code, exit = 4, message = /./, hint, invited = false } = failure;
  const error: JsonObject = {
    event: 'error',
    server: 'faulty',
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  };
  expect(end.last).toEqual(error);
  expect(end).toMatchObject({ code: exit, signal: null });
  const names = end.events.map(({ event }) => event);
  expect(names).toEqual(invited ? ['authorization_url', 'error'] : ['error']);
}
