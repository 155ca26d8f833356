import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { HeldLock, Locks } from '../oauth/store/locks.ts';
import type { LoginIndex } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type { SignInInvitation, SignInRecord } from '../oauth/store/sign-in-records.ts';
import { Latest } from './latest.ts';
import { type MakeLogin, SIGN_IN_MS } from './make-login.ts';
import { SignInNotes, type SignInNotesDeps } from './sign-in-notes.ts';
import { signInLock } from './sign-in-room.ts';
import { whileHeld } from './while-held.ts';

/** Who waits for the login of another process waits a little longer than that. */
const QUEUE_MS = SIGN_IN_MS + 30_000;

/** What a login in a client is made with. */
export interface SignInDeps extends SignInNotesDeps {
  locks: Locks;
  index: Pick<LoginIndex, 'get' | 'watch'>;
  /** Opens a browser where that is allowed and makes sense. Resolves with whether it did. */
  openBrowser(url: string): Promise<boolean>;
}

/** How an attempt ended: without an error, somebody has logged in. */
export interface SignInEnd {
  error: McpMasterError | undefined;
}

/** An invitation, and whether another process has shown it to somebody. */
export interface OpenInvitation {
  invitation: SignInInvitation;
  isShownElsewhere: boolean;
}

/**
 * One login that a person is to make, for all the calls that wait for it, and for those of other processes:
 * the one that has the lock makes it, the others learn from its record where it can be made.
 */
export class SignInAttempt {
  /** Never rejects. */
  readonly ended: Promise<SignInEnd>;
  /** False where somebody has been asked in vain a short while ago. */
  readonly mayAsk: boolean;
  readonly #key: LoginKey;
  readonly #deps: SignInDeps;
  readonly #over = new AbortController();
  readonly #before: number | undefined;
  readonly #willAsk: boolean;
  readonly #invitations = new Latest<OpenInvitation>();
  readonly #notes: SignInNotes;
  /** The browser that is opened for all, if it is. */
  #opening: Promise<boolean> | undefined;
  /** Whether somebody is being asked, in whatever way. */
  #isAsked = false;
  /** Somebody who is alive has the lock: what the record says is true. */
  #isJoined = false;
  #isDeclined = false;

  /** @param canAsk whether somebody can be asked here: other processes leave it to this one then */
  constructor(key: LoginKey, make: MakeLogin, canAsk: boolean, deps: SignInDeps) {
    this.#key = key;
    this.#deps = deps;
    this.#notes = new SignInNotes(key.file, deps);
    this.#before = deps.index.get(key.file)?.loggedInAt;
    this.mayAsk = deps.records.rest(key.file, deps.now()) === undefined;
    this.#willAsk = canAsk && this.mayAsk;
    this.ended = this.#run(make);
  }

  /**
   * Where somebody can log in. Rejects with why nobody can.
   *
   * @param after resolves with the next one after this, when the process has ended whose login it was; that
   * there is no next one is told by {@link ended} alone
   */
  invitation(after?: OpenInvitation): Promise<OpenInvitation> {
    this.#lookForInvitation();
    return this.#invitations.after(after);
  }

  /** Opens the browser, once for all that ask. Resolves with whether it could be. */
  openBrowser({ url }: SignInInvitation): Promise<boolean> {
    this.#opening ??= this.#open(url);
    return this.#opening;
  }

  /** Somebody is asked in another way than by the browser, or could not be after all. */
  async noteAsked(isAsked: boolean): Promise<void> {
    this.#isAsked = isAsked;
    await this.#notes.shown(isAsked);
  }

  /** The person does not want to. */
  decline(): void {
    this.#isDeclined = true;
    this.#over.abort(
      new McpMasterError('ACCESS_DENIED', `the login to ${this.#key.server} was declined`),
    );
  }

  /** Calls it off; nobody is to blame. */
  cancel(): void {
    this.#over.abort(new McpMasterError('INTERRUPTED', 'mcp-master is shutting down'));
  }

  async #run(make: MakeLogin): Promise<SignInEnd> {
    const { index, records } = this.#deps;
    const stops = [
      index.watch(() => this.#lookForLogin()),
      records.watch(() => this.#lookForInvitation()),
    ];
    try {
      while ((await this.#takeTurn(make)) === 'lost');
      return { error: undefined };
    } catch (thrown) {
      if (this.#isLoggedIn()) return { error: undefined };
      const error = toMcpMasterError(thrown);
      this.#tell(error);
      if (this.#isDeclined && this.#isJoined) await this.#notes.refused(error.code);
      this.#invitations.fail(error);
      return { error };
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** Nobody else on this computer makes this login meanwhile. */
  #takeTurn(make: MakeLogin): Promise<'made' | 'lost'> {
    const { locks } = this.#deps;
    return locks.hold(signInLock(this.#key.file), (lock) => this.#make(make, lock), {
      patienceMs: QUEUE_MS,
      signal: this.#over.signal,
      onWait: () => {
        this.#isJoined = true;
        this.#lookForInvitation();
      },
    });
  }

  /** Makes the login, unless somebody has. `lost`: somebody makes it in a terminal. */
  async #make(make: MakeLogin, lock: HeldLock): Promise<'made' | 'lost'> {
    const { records } = this.#deps;
    const { file } = this.#key;
    if (this.#isLoggedIn()) return 'made';
    const { rest } = await this.#takeOver();
    const held = whileHeld(lock, this.#over.signal);
    try {
      await make({
        signal: held.signal,
        patience: SIGN_IN_MS,
        invite: async (invitation) => {
          await records.put(file, { invitation, rest, isShown: this.#willAsk });
          // It is another address than the one before, and nobody has been shown it.
          this.#opening = undefined;
          this.#isAsked = false;
          this.#invitations.set({ invitation, isShownElsewhere: false });
        },
      });
      await records.put(file, {});
      return 'made';
    } catch (error) {
      if (!held.isLost()) {
        const isOver = this.#isLoggedIn();
        // Where nobody could be asked here, another process may have.
        const asked = this.#isAsked || this.#willAsk ? this.#isAsked : undefined;
        const after = this.#notes.restAfter(error, asked, rest);
        await records.put(file, isOver ? {} : { rest: after });
        throw error;
      }
      // Nobody listens at the address any more; who logs in in the terminal has another one.
      this.#invitations.current = undefined;
      return 'lost';
    } finally {
      held.end();
    }
  }

  /** What is left of the one who had the lock before. Throws when there is nothing to be done any more. */
  async #takeOver(): Promise<SignInRecord> {
    const { records, now } = this.#deps;
    const { file, server } = this.#key;
    this.#isJoined = false;
    this.#invitations.current = undefined;
    const { rest, invitation } = records.get(file);
    const isNew = this.mayAsk && records.rest(file, now()) !== undefined;
    if (isNew && rest !== undefined) throw endedElsewhere(server, rest.code);
    this.#over.signal.throwIfAborted();
    // Of a process that is no more: nobody listens there.
    if (invitation !== undefined) await records.put(file, { rest });
    return { rest };
  }

  /** Maybe no call waits for it any more that could say so. */
  #tell({ code, message }: McpMasterError): void {
    if (code === 'INTERRUPTED') return;
    const { server } = this.#key;
    this.#deps.log.warn(`the login to "${server}" came to nothing: ${message} (${code})`);
  }

  #isLoggedIn(): boolean {
    const entry = this.#deps.index.get(this.#key.file);
    return entry !== undefined && entry.loggedInAt !== this.#before;
  }

  /** Somebody may log in elsewhere: in a terminal, or through another process. */
  #lookForLogin(): void {
    if (this.#isLoggedIn()) {
      this.#over.abort(new McpMasterError('INTERRUPTED', 'somebody has logged in elsewhere'));
    }
  }

  #lookForInvitation(): void {
    if (!this.#isJoined) return;
    const { records } = this.#deps;
    const { invitation, isShown = false } = records.get(this.#key.file);
    if (invitation === undefined) {
      this.#invitations.current = undefined;
    } else if (this.#invitations.current?.invitation.url !== invitation.url) {
      this.#invitations.set({ invitation, isShownElsewhere: isShown });
    }
  }

  async #open(url: string): Promise<boolean> {
    await this.noteAsked(true);
    const isOpen = await this.#deps.openBrowser(url);
    if (!isOpen) await this.noteAsked(false);
    return isOpen;
  }
}

function endedElsewhere(server: string, code: string): McpMasterError {
  const message = `the login to ${server} came to nothing in another client (${code})`;
  return new McpMasterError('ACCESS_DENIED', message);
}
