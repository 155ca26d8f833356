import type { OpenInvitation, SignInAttempt } from '../../auth/sign-in-attempt.ts';
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
  /** How long a request that comes now waits for its person, in milliseconds. */
  waitMs(): number;
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
    const patience = bePatient(request, this.#deps.waitMs(), message);
    try {
      const canAsk = this.#elicitation !== undefined || (await this.desk.hasBrowser());
      return await this.#login(server, this.desk.begin(server, canAsk), patience);
    } catch (error) {
      return { outcome: 'impossible', error: toMcpMasterError(error) };
    } finally {
      patience.end();
    }
  }

  async #login(
    server: ServerConfig,
    attempt: SignInAttempt,
    patience: Patience,
  ): Promise<SignInResult> {
    const { notOpen, late, cancelled } = patience;
    let opened: OpenInvitation | undefined;
    let limit = notOpen;
    for (;;) {
      const news = await Promise.race([
        ...[attempt.invitation(opened), attempt.ended],
        ...[limit, cancelled],
      ]);
      if (news === 'cancelled') return { outcome: 'cancelled' };
      if (news === 'late') return this.#open(server, opened);
      if (!('invitation' in news)) return this.#afterEnd(server, news.error);
      opened = news;
      limit = late;
      const asked = await Promise.race([this.#ask(server, attempt, opened), late, cancelled]);
      if (asked === 'cancelled') return { outcome: 'cancelled' };
      if (asked !== true) return this.#open(server, opened);
    }
  }

  /** What there is to say while nobody has logged in. */
  #open(server: ServerConfig, opened: OpenInvitation | undefined): SignInResult {
    if (opened === undefined) return { outcome: 'impossible', error: notOpenYet() };
    const { invitation } = opened;
    const delegation = this.desk.delegation(server, invitation);
    return { outcome: 'open', invitation, delegation, error: undefined };
  }

  /** Resolves with whether there is somebody to wait for. */
  async #ask(
    { name }: ServerConfig,
    attempt: SignInAttempt,
    { invitation, isShownElsewhere }: OpenInvitation,
  ): Promise<boolean> {
    if (!attempt.mayAsk) return false;
    if (isShownElsewhere) return true;
    if (this.#elicitation === undefined) return attempt.openBrowser(invitation);
    void attempt.noteAsked(true);
    const answer = await this.#elicitation.ask(attempt, name, invitation);
    if (answer === 'failed') {
      await attempt.noteAsked(false);
      // A client that has gone has no person any more.
      return !this.#deps.client.isClosed && attempt.openBrowser(invitation);
    }
    if (answer === 'decline') attempt.decline();
    return true;
  }

  /** After a login that came to nothing there is another one to be made, for which nobody is asked. */
  async #afterEnd(server: ServerConfig, error: McpMasterError | undefined): Promise<SignInResult> {
    if (error === undefined) return { outcome: 'logged_in' };
    const next = soon(this.desk.begin(server, false).invitation(), NEXT_INVITATION_MS);
    const opened = await next.catch(() => 'later' as const);
    if (opened === 'later') return { outcome: 'impossible', error };
    const { invitation } = opened;
    const delegation = this.desk.delegation(server, invitation);
    return { outcome: 'open', invitation, delegation, error };
  }
}

function notOpenYet(): McpMasterError {
  const message = 'it takes long to find out where to log in, or another login has to end before';
  return new McpMasterError('LOGIN_TIMEOUT', message, {
    hint: 'Finish the other login, or try again in a moment; if it stays so, look at the authorization server.',
  });
}
