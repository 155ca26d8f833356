import type { Backend } from '../../backend/backend.ts';
import { McpMasterError } from '../../errors.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { toErrorObject } from '../../rpc/relay.ts';
import type { BackendPool } from '../backend-pool.ts';
import { noLoginReply, openLoginReply } from './answers.ts';
import type { SignInHelp } from './sign-in-help.ts';

/** Logins for one call: a login and wider scopes for it, one after the other. */
const MOST_LOGINS = 3;

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
}

/** Sends the request; what it fails with goes to `onFailure` instead of to the client. */
type Send = (onFailure: (error: McpMasterError) => void) => void;

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
  else send((error) => request.reply({ error: toErrorObject(error) }));
}

class GuardedCall {
  readonly #backend: Backend;
  readonly #request: IncomingRequest;
  readonly #guards: CallGuards;
  readonly #send: Send;
  readonly #startedAt: number;
  #logins = 0;

  constructor(backend: Backend, request: IncomingRequest, guards: CallGuards, send: Send) {
    this.#backend = backend;
    this.#request = request;
    this.#guards = guards;
    this.#send = send;
    this.#startedAt = guards.now();
  }

  start(): void {
    this.#send((error) => this.#onFailure(error));
  }

  #onFailure(error: McpMasterError): void {
    const { desk } = this.#guards.signIn;
    const { config } = this.#backend;
    if (!desk.canHelp(config, error) || this.#request.isCancelled) this.#fail(error);
    else if (error.code === 'LOGIN_REQUIRED' && this.#logins > 0) this.#refuse(error);
    else if (this.#logins >= MOST_LOGINS) this.#fail(error);
    else if (this.#logins === 0 && desk.isLoggedInSince(config, this.#startedAt)) this.#again();
    else void this.#logIn();
  }

  async #logIn(): Promise<void> {
    const { signIn } = this.#guards;
    const { config } = this.#backend;
    const result = await signIn.login(config, this.#request);
    switch (result.outcome) {
      case 'logged_in':
        this.#again();
        break;
      case 'open':
        this.#request.reply(openLoginReply(this.#request, { server: config.name, ...result }));
        break;
      case 'impossible':
        this.#request.reply(noLoginReply(this.#request, config.name, result.error));
        break;
      case 'cancelled':
        break;
    }
  }

  /** On a connection with the new login. */
  #again(): void {
    this.#logins += 1;
    this.#guards.pool.lookAtCredentials();
    this.start();
  }

  /** The login is new, and its token is of no use: another one would be, too. */
  #refuse({ message, cause }: McpMasterError): void {
    const { desk } = this.#guards.signIn;
    void desk.noteInVain(this.#backend.config);
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
