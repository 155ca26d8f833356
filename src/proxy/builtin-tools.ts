import type { Config, ServerConfig } from '../config/config.ts';
import { didYouMean } from '../config/suggest.ts';
import type { McpMasterError } from '../errors.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import { isObject, type JsonObject, type Reply } from '../rpc/message.ts';
import { answerFaults } from './answer-faults.ts';
import type { BackendPool } from './backend-pool.ts';
import { BUILTIN_TOOLS, LOGIN_TOOL, STATUS_TOOL } from './builtin-names.ts';
import { noLoginReply, openLoginReply } from './sign-in/answers.ts';
import type { SignInHelp } from './sign-in/sign-in-help.ts';

/** Where a server's login stands, as `auth status --json` shows it. */
export interface StatusRow extends JsonObject {
  server: string;
  state: string;
  next: string | null;
}

/** What the built-in tools know of logins. */
export interface LoginStatuses {
  /** From what is on disk: neither a keychain nor a server is asked. */
  of(server: ServerConfig): StatusRow;
}

/** What {@link BuiltinTools} work with. */
export interface BuiltinDeps {
  config: Config;
  pool: BackendPool;
  signIn: SignInHelp;
  statuses: LoginStatuses;
  /** Milliseconds since the epoch. */
  now(): number;
}

const STATUS: JsonObject = {
  name: STATUS_TOOL,
  title: 'Status of the servers',
  description:
    'Tells for each server behind mcp-master whether it is connected, and where its login stands. Use it when tools are missing or a call says that a login is needed.',
  inputSchema: { type: 'object', properties: {}, additionalProperties: false },
  annotations: { title: 'Status of the servers', readOnlyHint: true, openWorldHint: false },
};

const LOGIN: JsonObject = {
  name: LOGIN_TOOL,
  title: 'Log in to a server',
  description:
    'Begins the login to a server behind mcp-master in the browser of the user, and waits for it. The tools of a server that nobody was logged in to appear after that.',
  annotations: { title: 'Log in to a server', readOnlyHint: false, openWorldHint: true },
};

/** The tools of mcp-master itself, present while a server can need a login that a person makes. */
export class BuiltinTools {
  readonly #deps: BuiltinDeps;
  /** The servers with a strategy by which a person may log in. */
  readonly #servers: ServerConfig[];
  #seen: string | undefined;

  constructor(deps: BuiltinDeps) {
    this.#deps = deps;
    const { servers, serve } = deps.config;
    this.#servers = serve.builtinTools ? servers.filter(({ enabled }) => enabled) : [];
  }

  /** As they are listed now. */
  get items(): JsonObject[] {
    const names = this.#able().map(({ name }) => name);
    if (names.length === 0) return [];
    const server = { type: 'string', enum: names, description: 'The name of the server.' };
    const inputSchema = {
      ...{ type: 'object', properties: { server }, required: ['server'] },
      additionalProperties: false,
    };
    return [STATUS, { ...LOGIN, inputSchema }];
  }

  /** Whether they are others than the last time: a server has said that it wants a login. */
  haveChanged(): boolean {
    const before = this.#seen;
    this.#seen = JSON.stringify(this.items);
    return before !== undefined && before !== this.#seen;
  }

  #able(): ServerConfig[] {
    return this.#servers.filter((server) => this.#deps.signIn.desk.isFor(server));
  }

  /** Answers a call of one of them. False when the name is not one of theirs. */
  call(request: IncomingRequest, name: string): boolean {
    // First of all by the name: each call of every tool comes along here.
    if (!BUILTIN_TOOLS.includes(name) || this.items.length === 0) return false;
    if (name === STATUS_TOOL) request.reply(this.#status());
    else answerFaults(request, this.#logIn(request));
    return true;
  }

  #status(): Reply {
    const { config, pool, statuses } = this.#deps;
    const servers = config.servers.map((server) => {
      const state = pool.get(server.name)?.state;
      const error = state?.phase === 'failed' ? state.error : undefined;
      return {
        ...statuses.of(server),
        connection: connectionOf(state?.phase),
        error: error === undefined ? null : { code: error.code, message: error.message },
      };
    });
    const text = servers.map(lineOf).join('\n');
    return { result: { content: [{ type: 'text', text }], structuredContent: { servers } } };
  }

  async #logIn(request: IncomingRequest): Promise<void> {
    const { signIn, statuses } = this.#deps;
    const given = request.params?.['arguments'];
    const name = isObject(given) ? given['server'] : undefined;
    const server = this.#able().find((known) => known.name === name);
    if (server === undefined) {
      request.reply(failure(this.#unknown(name)));
      return;
    }
    if (statuses.of(server).state === 'logged_in') {
      request.reply(await this.#loggedIn(server, 'Already logged in'));
      return;
    }
    const result = await signIn.login(server, request);
    switch (result.outcome) {
      case 'logged_in':
        request.reply(await this.#loggedIn(server));
        break;
      case 'open':
        request.reply(
          openLoginReply(request, { server: server.name, ...result }, this.#deps.now()),
        );
        break;
      case 'impossible':
        request.reply(noLoginReply(request, this.#noLogin(server, result.error)));
        break;
      case 'cancelled':
        break;
    }
  }

  #noLogin(server: ServerConfig, error: McpMasterError) {
    return { server: server.name, command: this.#deps.signIn.desk.command(server), error };
  }

  /** What the login has brought, once its server has said so. */
  async #loggedIn(server: ServerConfig, start = 'Logged in'): Promise<Reply> {
    const { pool, signIn } = this.#deps;
    const { name } = server;
    pool.lookAtCredentials();
    const failed = await pool.listed(name);
    if (failed !== undefined) {
      // Another login would end in the same way.
      if (failed.code === 'LOGIN_REQUIRED') await signIn.desk.noteInVain(server, failed.code);
      const hint = failed.hint === undefined ? '' : ` ${failed.hint}`;
      return failure(`${start} to ${name}, but: ${failed.message} (${failed.code}).${hint}`);
    }
    const count = pool.router.countTools(name);
    const tools = count === 1 ? '1 tool is available' : `${count} tools are available`;
    return success(`${start} to ${name}: ${tools}.`);
  }

  #unknown(name: unknown): string {
    const names = this.#able().map((server) => server.name);
    const guess = typeof name === 'string' ? didYouMean(name, names) : undefined;
    const what =
      typeof name === 'string' ? `No login is of use to "${name}".` : '"server" is missing.';
    return `${what} ${guess === undefined ? '' : `${guess} `}The servers with a login are: ${names.join(', ')}.`;
  }
}

function connectionOf(phase: string | undefined): string {
  return phase === undefined ? 'disabled' : phase;
}

function lineOf(
  row: StatusRow & { connection: string; error: { message: string } | null },
): string {
  const next = row.next === null ? '' : ` Next: ${row.next}`;
  const error = row.error === null ? '' : ` ${row.error.message}.`;
  return `${row.server}: ${row.connection}, ${row.state.replaceAll('_', ' ')}.${error}${next}`;
}

function success(text: string): Reply {
  return { result: { content: [{ type: 'text', text }] } };
}

function failure(text: string): Reply {
  return { result: { content: [{ type: 'text', text }], isError: true } };
}
