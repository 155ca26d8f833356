import type { Backend } from '../../backend/backend.ts';
import { type ErrorCode, McpMasterError } from '../../errors.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import type { Reply } from '../../rpc/message.ts';
import { toErrorObject } from '../../rpc/relay.ts';
import { answerFaults } from '../answer-faults.ts';
import type { BackendPool } from '../backend-pool.ts';
import { noLoginReply, openLoginReply } from './answers.ts';
import type { SignInHelp } from './sign-in-help.ts';

/** The requests of a client that may bring its person to log in; lists and what the proxy asks itself may not. */
const MAY_LOG_IN: ReadonlySet<string> = new Set([
  'completion/complete',
  'prompts/get',
  'resources/read',
  'tools/call',
]);

/** What a {@link GuardedCall} works with. */
export interface CallGuards {
  signIn: SignInHelp;
  pool: BackendPool;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A server has refused a request: it may want a login that nobody knew of. */
  noteRefused(): void;
}

/** Sends the request to a backend; what it fails with goes to `onFailure` instead of to the client. */
type Send = (backend: Backend, onFailure: (error: McpMasterError) => void) => void;

/**
 * Sends a client's request to a server. Where that needs a login that a person can make, it waits for that,
 * and is sent once more.
 */
export function sendGuarded(
  backend: Backend,
  request: IncomingRequest,
  guards: CallGuards,
  send: Send,
): void {
  if (MAY_LOG_IN.has(request.method)) new GuardedCall(backend, request, guards, send).start();
  else send(backend, (error) => request.reply({ error: toErrorObject(error) }));
}

class GuardedCall {
  #backend: Backend;
  readonly #request: IncomingRequest;
  readonly #guards: CallGuards;
  readonly #send: Send;
  readonly #startedAt: number;
  /** What logins were made for: one for each reason, so that none leads to another for ever. Mostly empty. */
  readonly #tried: ErrorCode[] = [];

  constructor(backend: Backend, request: IncomingRequest, guards: CallGuards, send: Send) {
    this.#backend = backend;
    this.#request = request;
    this.#guards = guards;
    this.#send = send;
    this.#startedAt = guards.now();
  }

  start(): void {
    this.#send(this.#backend, (error) => this.#onFailure(error));
  }

  #onFailure(error: McpMasterError): void {
    const { desk } = this.#guards.signIn;
    const { config } = this.#backend;
    this.#guards.noteRefused();
    if (this.#request.isCancelled) this.#fail(error);
    else if (this.#tried.includes(error.code)) answerFaults(this.#request, this.#refuse(error));
    // Whatever else has happened, another failure may have come after the call was carried out.
    else if (!desk.canHelp(config, error)) this.#fail(error);
    else if (this.#tried.length === 0 && this.#isAnswerOld()) this.#again(error.code);
    else answerFaults(this.#request, this.#logIn(error));
  }

  /** Whether somebody has logged in meanwhile, or since the server was refused the last time. */
  #isAnswerOld(): boolean {
    const { pool, signIn } = this.#guards;
    const isChanged = pool.lookAtCredentials().has(this.#backend);
    return isChanged || signIn.desk.isLoggedInSince(this.#backend.config, this.#startedAt);
  }

  async #logIn(reason: McpMasterError): Promise<void> {
    const { signIn } = this.#guards;
    const { config } = this.#backend;
    const result = await signIn.login(config, this.#request);
    switch (result.outcome) {
      case 'logged_in':
        this.#again(reason.code);
        break;
      case 'open':
        this.#request.reply(
          openLoginReply(
            this.#request,
            { server: config.name, reason, ...result },
            this.#guards.now(),
          ),
        );
        break;
      case 'impossible':
        this.#request.reply(this.#noLogin(result.error));
        break;
      case 'cancelled':
        break;
    }
  }

  #noLogin(error: McpMasterError): Reply {
    const { config } = this.#backend;
    const command = this.#guards.signIn.desk.command(config);
    return noLoginReply(this.#request, { server: config.name, command, error });
  }

  /** On a connection with the new login, and as the server is configured by now. */
  #again(reason: ErrorCode): void {
    const { pool } = this.#guards;
    const { name } = this.#backend;
    const current = pool.get(name);
    if (current === undefined) {
      const what = `server "${name}" is not in the configuration any more`;
      this.#fail(new McpMasterError('UNKNOWN_SERVER', what));
      return;
    }
    // Another configuration may want another login.
    if (current === this.#backend) this.#tried.push(reason);
    else this.#tried.length = 0;
    this.#backend = current;
    pool.lookAtCredentials();
    this.start();
  }

  /** The login is new, and its token is of no use: another one would be, too. */
  async #refuse(error: McpMasterError): Promise<void> {
    const { code, message, cause } = error;
    // Before the answer, which may bring the next call.
    await this.#guards.signIn.desk.noteInVain(this.#backend.config, code);
    if (code !== 'LOGIN_REQUIRED') {
      this.#fail(error);
      return;
    }
    const what = `the login worked, but its token is refused: ${message}`;
    this.#fail(
      new McpMasterError('UNAUTHORIZED', what, {
        hint: 'Check `resource` and `scopes` in its auth_config, and that this account may use it.',
        cause,
      }),
    );
  }

  #fail(error: McpMasterError): void {
    this.#request.reply({ error: toErrorObject(error) });
  }
}
