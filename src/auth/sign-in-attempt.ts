import { setTimeout as sleep } from 'node:timers/promises';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { HeldLock, Locks } from '../oauth/store/locks.ts';
import type { LoginIndex } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type {
  SignInInvitation,
  SignInRecord,
  SignInRecords,
} from '../oauth/store/sign-in-records.ts';
import { Latest } from './latest.ts';
import { type MakeLogin, SIGN_IN_MS } from './make-login.ts';
import { signInLock } from './sign-in-room.ts';
import { whileHeld } from './while-held.ts';

/** Who waits for the login of another process waits a little longer than that. */
const QUEUE_MS = SIGN_IN_MS + 30_000;

/** How long it may take to see that no other process is at it. */
const OWN_MS = 300;

/** What a login in a client is made with. */
export interface SignInDeps {
  records: SignInRecords;
  locks: Locks;
  index: Pick<LoginIndex, 'get' | 'watch'>;
  /** Opens a browser where that is allowed and makes sense. Resolves with whether it did. */
  openBrowser(url: string): Promise<boolean>;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
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
  #asked: Promise<boolean> | undefined;
  #isLockOurs = false;

  /** @param canAsk whether somebody can be asked here: other processes leave it to this one then */
  constructor(key: LoginKey, make: MakeLogin, canAsk: boolean, deps: SignInDeps) {
    this.#key = key;
    this.#deps = deps;
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
    this.#asked ??= this.#open(url);
    return this.#asked;
  }

  /** Somebody is asked in another way than by the browser. */
  noteAsked(): void {
    this.#asked ??= Promise.resolve(true);
  }

  /** The person does not want to. */
  decline(): void {
    this.#over.abort(
      new McpMasterError('ACCESS_DENIED', `the login to ${this.#key.server} was declined`),
    );
  }

  /** Calls it off; nobody is to blame. */
  cancel(): void {
    this.#over.abort(new McpMasterError('INTERRUPTED', 'mcp-master is shutting down'));
  }

  async #run(make: MakeLogin): Promise<SignInEnd> {
    const { locks, index, records } = this.#deps;
    const { file } = this.#key;
    const stops = [
      index.watch(() => this.#lookForLogin()),
      records.watch(() => this.#lookForInvitation()),
    ];
    const timer = setTimeout(() => this.#lookForInvitation(), OWN_MS);
    try {
      const turn = locks.hold(signInLock(file), (lock) => this.#make(make, lock), {
        patienceMs: QUEUE_MS,
      });
      await Promise.race([turn, this.#called()]);
      return { error: undefined };
    } catch (thrown) {
      if (this.#isLoggedIn()) return { error: undefined };
      const error = toMcpMasterError(thrown);
      this.#invitations.fail(error);
      return { error };
    } finally {
      clearTimeout(timer);
      for (const stop of stops) stop();
    }
  }

  /** With the lock: nobody else on this computer makes this login now. */
  async #make(make: MakeLogin, lock: HeldLock): Promise<void> {
    const { records } = this.#deps;
    const { file } = this.#key;
    if (this.#isLoggedIn()) return;
    const { rest } = await this.#takeOver();
    let isInvited = false;
    const held = whileHeld(lock, this.#over.signal);
    try {
      await make({
        signal: held.signal,
        patience: SIGN_IN_MS,
        invite: async (invitation) => {
          await records.put(file, { invitation, rest, isShown: this.#willAsk });
          isInvited = true;
          // It is another address than the one before, and nobody has been shown it.
          this.#asked = undefined;
          this.#invitations.set({ invitation, isShownElsewhere: false });
        },
      });
      await records.put(file, {});
    } catch (thrown) {
      const error = toMcpMasterError(thrown);
      if (held.isLost()) return this.#wait();
      if (this.#isLoggedIn()) await records.put(file, {});
      else if (isInvited) await records.put(file, { rest: await this.#restAfter(error, rest) });
      throw error;
    } finally {
      held.end();
    }
  }

  /** What is left of the one who had the lock before. Throws when there is nothing to be done any more. */
  async #takeOver(): Promise<SignInRecord> {
    const { records, now } = this.#deps;
    const { file, server } = this.#key;
    this.#isLockOurs = true;
    this.#invitations.current = undefined;
    const { rest, invitation } = records.get(file);
    const isNew = this.mayAsk && records.rest(file, now()) !== undefined;
    if (isNew && rest !== undefined) throw endedElsewhere(server, rest.code);
    this.#over.signal.throwIfAborted();
    // Of a process that is no more: nobody listens there.
    if (invitation !== undefined) await records.put(file, { rest });
    return { rest };
  }

  /** Somebody logs in in a terminal, for which this login has had to make room. */
  async #wait(): Promise<void> {
    const { signal } = this.#over;
    await sleep(SIGN_IN_MS, undefined, { signal, ref: false }).catch(() => {
      throw signal.reason;
    });
    throw new McpMasterError('LOGIN_TIMEOUT', 'the login that was begun elsewhere did not end');
  }

  /** Nobody was asked in vain who was not asked, or whose client has gone. */
  async #restAfter({ code }: McpMasterError, before: { code: string; since: number } | undefined) {
    const wasAsked = (await this.#asked) === true;
    return code === 'INTERRUPTED' || !wasAsked ? before : { code, since: this.#deps.now() };
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
    if (this.#isLockOurs) return;
    const { records, now } = this.#deps;
    const { invitation, isShown = false } = records.get(this.#key.file);
    if (invitation === undefined || invitation.expiresAt <= now()) {
      this.#invitations.current = undefined;
    } else if (this.#invitations.current?.invitation.url !== invitation.url) {
      this.#invitations.set({ invitation, isShownElsewhere: isShown });
    }
  }

  async #open(url: string): Promise<boolean> {
    const isOpen = await this.#deps.openBrowser(url);
    if (!isOpen && this.#isLockOurs) await this.#noteNotShown();
    return isOpen;
  }

  /** Other processes may ask then. */
  async #noteNotShown(): Promise<void> {
    const { records, log } = this.#deps;
    const { file } = this.#key;
    const { isShown, ...record } = records.get(file);
    if (isShown !== true) return;
    await records.put(file, record).catch((error: unknown) => {
      log.warn(`other clients take it that somebody was asked to log in: ${String(error)}`);
    });
  }

  /** Ends the waiting for the lock; with the lock, the login itself ends. */
  async #called(): Promise<void> {
    const { signal } = this.#over;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (!this.#isLockOurs) throw signal.reason;
    // The login hears the signal, too, and ends in its own way.
    await new Promise<never>(() => undefined);
  }
}

function endedElsewhere(server: string, code: string): McpMasterError {
  const message = `the login to ${server} came to nothing in another client (${code})`;
  return new McpMasterError('ACCESS_DENIED', message);
}
