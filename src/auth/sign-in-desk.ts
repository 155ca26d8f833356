import type { ServerConfig } from '../config/config.ts';
import { MASTER } from '../config/master.ts';
import { McpMasterError } from '../errors.ts';
import { loginCommand } from '../oauth/login-command.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type { SignInInvitation } from '../oauth/store/sign-in-records.ts';
import { soon } from '../oauth/unless-aborted.ts';
import type { MakeLogin } from './make-login.ts';
import type { ServerAuth } from './server-auth.ts';
import { SignInAttempt, type SignInDeps } from './sign-in-attempt.ts';

/** What a {@link SignInDesk} works with. */
export interface DeskDeps extends SignInDeps {
  auth: Pick<ServerAuth, 'loginKey' | 'isUnattended' | 'isDetecting'>;
  challenges: Pick<ChallengeRecords, 'inVain' | 'has'>;
  /** What stands behind commands that are shown. */
  commandFlags: string;
  /** Whether {@link openBrowser} can do anything. */
  hasBrowser(): Promise<boolean>;
  /** The way to log in to a server. */
  makeLogin(server: ServerConfig): MakeLogin;
}

/** A desktop client kills a program that does not end within a few seconds. */
const LAST_MOMENT_MS = 1500;

/** What a client is told of a login that waits for its person (contract, "Over MCP"). */
export interface OAuthDelegation {
  type: 'oauth_delegation';
  server_id: string;
  authorize_url: string;
  auth_endpoint: string | null;
  token_endpoint: string | null;
  client_info: { client_id: string };
  required_scopes: string[];
  redirect_after_auth: true;
  login_command: string;
  [member: string]: string | null | boolean | string[] | { client_id: string };
}

/** The logins that persons are to make while clients wait: one for each login, for all that need it. */
export class SignInDesk {
  readonly #deps: DeskDeps;
  /** By the file of the login. */
  readonly #attempts = new Map<string, SignInAttempt>();

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  /**
   * Whether a server can need a login that a person makes. One that is left to say so has done so, or has a
   * login.
   */
  isFor(server: ServerConfig): boolean {
    const { auth, challenges, index } = this.#deps;
    const key = this.#keyOf(server);
    if (key === undefined || auth.isUnattended(server)) return false;
    if (!auth.isDetecting(server)) return true;
    return challenges.has(key.file) || index.get(key.file) !== undefined;
  }

  /** Whether a request that failed with this error may work after a login that a person makes. */
  canHelp(server: ServerConfig, { code }: Pick<McpMasterError, 'code'>): boolean {
    const { auth, challenges, index } = this.#deps;
    if (auth.isUnattended(server)) return false;
    const key = auth.loginKey(server);
    // Of a strategy of somebody's own only that knows what helps.
    if (code === 'LOGIN_REQUIRED') return key !== undefined || isMasters(server);
    // A wider scope for one server would be one for all that the master's token is sent to.
    if (code !== 'INSUFFICIENT_SCOPE' || key === undefined || key.server === MASTER) return false;
    const granted = index.get(key.file)?.scopes ?? [];
    return challenges.inVain(key.file, granted) === undefined;
  }

  /** Whether a browser may be opened here, and there is one. */
  hasBrowser(): Promise<boolean> {
    return this.#deps.hasBrowser();
  }

  /**
   * Begins a login, or joins the one that is under way. Throws when there is none to be had.
   *
   * @param canAsk whether somebody can be asked to make it
   */
  begin(server: ServerConfig, canAsk: boolean): SignInAttempt {
    const key = this.#keyOf(server);
    if (key === undefined) throw noLogin(server, this.command(server));
    const known = this.#attempts.get(key.file);
    if (known !== undefined) return known;
    const attempt = new SignInAttempt(key, this.#deps.makeLogin(server), canAsk, this.#deps);
    this.#attempts.set(key.file, attempt);
    void attempt.ended.then(() => this.#attempts.delete(key.file));
    return attempt;
  }

  /** Whether somebody has logged in since, so that there is nothing left to do. */
  isLoggedInSince(server: ServerConfig, time: number): boolean {
    const key = this.#keyOf(server);
    const entry = key && this.#deps.index.get(key.file);
    return entry !== undefined && entry.loggedInAt >= time;
  }

  /** A login was made and its token is refused all the same: nobody is asked again for a while. */
  async noteInVain(server: ServerConfig, code: string): Promise<void> {
    const { records, now, log } = this.#deps;
    const key = this.#keyOf(server);
    if (key === undefined) return;
    const rest = { code, since: now() };
    await records.put(key.file, { ...records.get(key.file), rest }).catch((error: unknown) => {
      log.warn(`it can't be remembered that a login was in vain: ${String(error)}`);
    });
  }

  /** The command that logs in to a server in a terminal. */
  command(server: ServerConfig): string {
    return loginCommand(this.#keyOf(server)?.server ?? loginName(server), this.#deps.commandFlags);
  }

  delegation(server: ServerConfig, invitation: SignInInvitation): OAuthDelegation {
    return {
      type: 'oauth_delegation',
      server_id: this.#keyOf(server)?.server ?? server.name,
      authorize_url: invitation.url,
      auth_endpoint: invitation.authorizationEndpoint ?? null,
      token_endpoint: invitation.tokenEndpoint ?? null,
      client_info: { client_id: invitation.clientId },
      required_scopes: invitation.scopes,
      redirect_after_auth: true,
      login_command: this.command(server),
    };
  }

  /** Calls all logins off that are under way, and settles when nothing is left of them. Never rejects. */
  async close(): Promise<void> {
    const attempts = [...this.#attempts.values()];
    for (const attempt of attempts) attempt.cancel();
    await soon(Promise.all(attempts.map(({ ended }) => ended)), LAST_MOMENT_MS);
  }

  #keyOf(server: ServerConfig): LoginKey | undefined {
    return this.#deps.auth.loginKey(server);
  }
}

/** The master's, where a server is sent its token and the master can't log in. */
function loginName(server: ServerConfig): string {
  return isMasters(server) ? MASTER : server.name;
}

function isMasters({ endpoint }: ServerConfig): boolean {
  return endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'master_oauth';
}

function noLogin(server: ServerConfig, command: string): McpMasterError {
  const message = `nothing says where ${loginName(server)} logs in`;
  return new McpMasterError('CONFIG_INVALID', message, {
    hint: `Write a \`master_oauth\` block at the root of the configuration, then: ${command}`,
  });
}
