import type { SignInAttempt } from '../../auth/sign-in-attempt.ts';
import type { OAuthDelegation, SignInDesk } from '../../auth/sign-in-desk.ts';
import type { ServerConfig } from '../../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SignInInvitation } from '../../oauth/store/sign-in-records.ts';
import { soon } from '../../oauth/unless-aborted.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import type { JsonObject } from '../../rpc/message.ts';
import type { Peer } from '../../rpc/peer.ts';
import { canElicitUrl, UrlElicitation } from './elicitation.ts';
import { bePatient, type Patience } from './patience.ts';

/** After a login that came to nothing, the way to another one is waited for no longer than this. */
const NEXT_INVITATION_MS = 5000;

/** What {@link SignInHelp} works with. */
export interface SignInHelpDeps {
  desk: SignInDesk;
  client: Peer;
  /** Those of the client. */
  capabilities: JsonObject;
  /** How long a request waits for its person, in milliseconds. */
  waitMs: number;
  log: Logger;
}

/** What came of waiting for a login. */
export type SignInResult =
  | { outcome: 'logged_in' }
  /** Somebody can still make it: the one that was waited for, or after that came to nothing another one. */
  | {
      outcome: 'open';
      invitation: SignInInvitation;
      delegation: OAuthDelegation;
      error: McpMasterError | undefined;
    }
  | { outcome: 'impossible'; error: McpMasterError }
  /** The client has withdrawn its request. */
  | { outcome: 'cancelled' };

/** Brings a client's person to log in while a request of that client waits (row F6). */
export class SignInHelp {
  readonly desk: SignInDesk;
  readonly #deps: SignInHelpDeps;
  readonly #elicitation: UrlElicitation | undefined;

  constructor(deps: SignInHelpDeps) {
    this.desk = deps.desk;
    this.#deps = deps;
    const { capabilities, client, log } = deps;
    this.#elicitation = canElicitUrl(capabilities) ? new UrlElicitation(client, log) : undefined;
  }

  /** Waits for a login to a server, beginning it where nobody has. Never rejects. */
  async login(server: ServerConfig, request: IncomingRequest): Promise<SignInResult> {
    const message = `Waiting for the login to ${server.name}`;
    const patience = bePatient(request, this.#deps.waitMs, message);
    try {
      return await this.#login(server, this.desk.begin(server), patience);
    } catch (error) {
      return { outcome: 'impossible', error: toMcpMasterError(error) };
    } finally {
      patience.end();
    }
  }

  async #login(
    server: ServerConfig,
    attempt: SignInAttempt,
    { late, cancelled }: Patience,
  ): Promise<SignInResult> {
    const opened = await Promise.race([attempt.invitation, attempt.ended, late, cancelled]);
    if (opened === 'cancelled') return { outcome: 'cancelled' };
    if (opened === 'late') throw notOpenYet();
    if (!('invitation' in opened)) return this.#afterEnd(server, opened.error);
    const { invitation } = opened;
    const open = { outcome: 'open' as const, invitation, error: undefined };
    const delegation = this.desk.delegation(server, invitation);
    const asking = this.#ask(server, attempt, opened);
    const asked = await Promise.race([asking, attempt.ended, late, cancelled]);
    if (asked === false || asked === 'late') return { ...open, delegation };
    const ended = await Promise.race([attempt.ended, late, cancelled]);
    if (ended === 'cancelled') return { outcome: 'cancelled' };
    return ended === 'late' ? { ...open, delegation } : this.#afterEnd(server, ended.error);
  }

  /** Resolves with whether there is somebody to wait for. */
  async #ask(
    { name }: ServerConfig,
    attempt: SignInAttempt,
    { invitation, isOurs }: { invitation: SignInInvitation; isOurs: boolean },
  ): Promise<boolean> {
    if (!attempt.mayAsk) return false;
    // The client of the other process has asked, if it is able to: as able as this one, most likely.
    if (!isOurs) return this.#elicitation !== undefined || this.desk.hasBrowser();
    const elicited = await this.#elicitation?.ask(attempt, name, invitation);
    if (elicited === undefined || elicited === 'failed') return attempt.openBrowser(invitation);
    attempt.noteAsked();
    if (elicited === 'decline') attempt.decline();
    return true;
  }

  /** After a login that came to nothing there is another one to be made, for which nobody is asked. */
  async #afterEnd(server: ServerConfig, error: McpMasterError | undefined): Promise<SignInResult> {
    if (error === undefined) return { outcome: 'logged_in' };
    const next = soon(this.desk.begin(server).invitation, NEXT_INVITATION_MS);
    const opened = await next.catch(() => 'later' as const);
    if (opened === 'later') return { outcome: 'impossible', error };
    const { invitation } = opened;
    const delegation = this.desk.delegation(server, invitation);
    return { outcome: 'open', invitation, delegation, error };
  }
}

function notOpenYet(): McpMasterError {
  return new McpMasterError('LOGIN_TIMEOUT', 'it takes long to find out where to log in', {
    hint: 'Try again in a moment; if it stays so, look at the authorization server.',
  });
}
