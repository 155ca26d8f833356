import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { JsonObject } from '../../../src/rpc/message.ts';
import { createTempFolder, type RunResult, runBin, writeConfig } from '../bin.ts';
import { type Mode, type RecordingBackend, recordingBackend } from '../recording.ts';
import { type RecordingClient, type ServeOptions, startServe } from '../recording-client.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server.ts';
import { type BrowseOptions, browse, type Visit } from './browse.ts';
import { type LoginOptions, type LoginRun, startLogin } from './login-driver.ts';
import {
  type ProtectedServer,
  type ProtectedServerOptions,
  startProtectedServer,
} from './protected-server.ts';
import { untilTestEnds } from './test-lifetime.ts';

/** 32 bytes: a key that needs no slow derivation. */
export const ENCRYPTION_KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0';

type Variables = Readonly<Record<string, string | undefined>>;

/** What may be said about a run; all of it may be left out. */
export interface HomeRunOptions {
  /** Added to the environment of the home. */
  env?: Variables;
  /** Written to stdin, which is then closed. */
  input?: string;
}

/** What a command with `--json` printed, read. */
export interface JsonRun<T> extends RunResult {
  value: T;
}

/** How a whole login ended. */
export interface LoginEnd extends RunResult {
  events: readonly JsonObject[];
  /** The last event. */
  last: JsonObject;
  /** The way of the person through the browser. */
  visit: Visit;
}

/** The home of a user (MCP_MASTER_HOME) whose logins are in encrypted files. */
export interface AuthHome {
  path: string;
  env: Variables;
  /** Writes `config.json` there; `more` are keys beside `servers`. */
  configure(servers: Readonly<Record<string, object>>, more?: object): Promise<string>;
  /** Runs `mcp-master ARGS` to its end. */
  run(args: readonly string[], options?: HomeRunOptions): Promise<RunResult>;
  /** The same with `--json`. */
  json<T = JsonObject[]>(args: readonly string[], options?: HomeRunOptions): Promise<JsonRun<T>>;
  /** Starts a login; it is killed when the test ends before it does. */
  startLogin(args: readonly [server: string, ...flags: string[]], env?: Variables): LoginRun;
  /** A whole login with a person who agrees. */
  logIn(
    args: readonly [server: string, ...flags: string[]],
    options?: BrowseOptions & { env?: Variables },
  ): Promise<LoginEnd>;
  /** Starts `serve`, initialised; it is closed when the test ends. */
  serve(options?: ServeOptions): Promise<RecordingClient>;
  /** Every file below it as Latin-1 text, so that bytes stay what they are, by its path from there. */
  files(): Promise<Map<string, string>>;
  /** Those of them that nothing may change unasked: all but the locks, the records of how it goes, and compiled code. */
  keptFiles(): Promise<Map<string, string>>;
}

/** A home that is there until it is closed, with everything that was started in it. */
export interface OpenHome extends AuthHome {
  close(): Promise<void>;
}

/** Makes a home for the test that runs; `env` is added to the environment of everything in it. */
export function createAuthHome(env: Variables = {}): Promise<AuthHome> {
  return untilTestEnds(openAuthHome(env));
}

/** Makes a home for several tests; `env` is added to the environment of everything in it. */
export async function openAuthHome(env: Variables = {}): Promise<OpenHome> {
  const folder = await createTempFolder();
  const { path } = folder;
  const all: Variables = { OAUTH_ENCRYPTION_KEY: ENCRYPTION_KEY, ...env };
  const started: { close(): Promise<unknown> }[] = [];
  const run: AuthHome['run'] = (args, { env: more, input } = {}) =>
    runBin(args, { home: path, env: { ...all, ...more }, ...(input !== undefined && { input }) });
  const start: AuthHome['startLogin'] = (args, more) => {
    const options: LoginOptions = { home: path, env: { ...all, ...more } };
    const login = startLogin(args, options);
    started.push(login);
    return login;
  };
  return {
    path,
    env: all,
    configure: (servers, more = {}) => writeConfig(path, { ...more, servers }),
    run,
    json: async (args, options) => {
      const ended = await run([...args, '--json'], options);
      return { ...ended, value: readJson(ended) };
    },
    startLogin: start,
    logIn: async (args, { env: more, ...person } = {}) => {
      const login = start(args, more);
      const visit = await browse(await login.authorizationUrl(), person);
      const ended = await login.ended;
      return { ...ended, events: login.events, last: login.events.at(-1) ?? {}, visit };
    },
    serve: async ({ env: more, ...options } = {}) => {
      const client = await startServe(undefined, {
        home: path,
        env: { ...all, ...more },
        ...options,
      });
      started.push(client);
      await client.initialize();
      return client;
    },
    files: () => readAll(path),
    keptFiles: async () => {
      const all = [...(await readAll(path))];
      return new Map(
        all.filter(([file]) => !/^(state\/(locks|records|sign-ins)|cache\/code)\//.test(file)),
      );
    },
    close: async () => {
      for (const one of started.reverse()) await one.close();
      await folder.remove();
    },
  };
}

/** Shows everything that was printed when it is no JSON. */
function readJson<T>({ stdout, stderr, code }: RunResult): T {
  try {
    return JSON.parse(stdout) as T;
  } catch (cause) {
    throw new Error(`Exit ${code} without JSON on stdout:\n${stdout}\n${stderr}`, { cause });
  }
}

async function readAll(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async ({ parentPath, name }): Promise<[string, string][]> => {
    const file = join(parentPath, name);
    try {
      return [[relative(folder, file), await readFile(file, 'latin1')]];
    } catch (error) {
      // A program that is running may just have given it its name.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
  return new Map((await Promise.all(read)).flat());
}

/** A real authorization server, and a protected MCP server that it issues tokens for. */
export interface ProtectedPair {
  provider: AuthorizationServer;
  server: ProtectedServer;
  /** The server's entry for the configuration. */
  entry: { url: string; auth_strategy: string };
}

/** Starts the two for the test that runs. */
export async function startPair(
  provider: AuthorizationServerOptions = {},
  protection: Omit<ProtectedServerOptions, 'authorizationServer'> = {},
): Promise<ProtectedPair> {
  const authorizationServer = await untilTestEnds(startAuthorizationServer(provider));
  const server = await untilTestEnds(startProtectedServer({ ...protection, authorizationServer }));
  const entry = { url: server.url.href, auth_strategy: 'delegate_oauth' };
  return { provider: authorizationServer, server, entry };
}

/** Starts a server without any login for the test that runs; its record is outside of every home. */
export async function startBackend(name: string, mode: Mode = 'http'): Promise<RecordingBackend> {
  const folder = await createTempFolder();
  await untilTestEnds({ close: folder.remove });
  const backend = await recordingBackend(folder.path, name, {}, mode);
  await untilTestEnds({ close: backend.stop });
  return backend;
}
