import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Locks } from '../oauth/store/locks.ts';
import type { LoginIndex } from '../oauth/store/login-index.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type { SignInInvitation, SignInRecords } from '../oauth/store/sign-in-records.ts';

/** How long a login waits for its person, in milliseconds. */
export const SIGN_IN_MS = 600_000;

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

/** Makes the login: {@link invite} is called when a person can come. Rejects as `login()` does. */
export type MakeLogin = (options: {
  signal: AbortSignal;
  patience: number;
  invite(invitation: SignInInvitation): Promise<void>;
}) => Promise<unknown>;

/** How an attempt ended: without an error, somebody has logged in. */
export interface SignInEnd {
  error: McpMasterError | undefined;
}

/** An invitation, and whether this process, or another one, is to show it to somebody. */
export interface OpenInvitation {
  invitation: SignInInvitation;
  /** False = another process has. */
  isOurs: boolean;
}

/**
 * One login that a person is to make, for all the calls that wait for it, and for those of other processes:
 * the one that has the lock makes it, the others learn from its record where it can be made.
 */
export class SignInAttempt {
  /** Rejects with why nobody can log in now. */
  readonly invitation: Promise<OpenInvitation>;
  /** Never rejects. */
  readonly ended: Promise<SignInEnd>;
  /** False where somebody has been asked in vain a short while ago. */
  readonly mayAsk: boolean;
  readonly #key: LoginKey;
  readonly #deps: SignInDeps;
  readonly #over = new AbortController();
  readonly #before: number | undefined;
  #resolve: (open: OpenInvitation) => void = () => undefined;
  #reject: (error: McpMasterError) => void = () => undefined;
  #asked: Promise<boolean> | undefined;
  #isLockOurs = false;

  constructor(key: LoginKey, make: MakeLogin, deps: SignInDeps) {
    this.#key = key;
    this.#deps = deps;
    this.#before = deps.index.get(key.file)?.loggedInAt;
    this.mayAsk = deps.records.rest(key.file, deps.now()) === undefined;
    this.invitation = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits for it hears; nobody has to.
    this.invitation.catch(() => undefined);
    this.ended = this.#run(make);
  }

  /** Opens the browser, once for all that ask. Resolves with whether it could be. */
  openBrowser({ url }: SignInInvitation): Promise<boolean> {
    this.#asked ??= this.#deps.openBrowser(url);
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
      const lock = locks.hold(`sign-in-${file}`, () => this.#make(make), { patienceMs: QUEUE_MS });
      await Promise.race([lock, this.#called()]);
      return { error: undefined };
    } catch (thrown) {
      if (this.#isLoggedIn()) return { error: undefined };
      const error = toMcpMasterError(thrown);
      this.#reject(error);
      return { error };
    } finally {
      clearTimeout(timer);
      for (const stop of stops) stop();
    }
  }

  /** With the lock: nobody else on this computer makes this login now. */
  async #make(make: MakeLogin): Promise<void> {
    this.#isLockOurs = true;
    const { records, now } = this.#deps;
    const { file } = this.#key;
    if (this.#isLoggedIn()) return;
    const { rest } = records.get(file);
    const isOther = this.mayAsk && rest !== undefined && records.rest(file, now()) !== undefined;
    if (isOther) throw endedElsewhere(this.#key.server, rest.code);
    if (this.#over.signal.aborted) throw this.#over.signal.reason;
    let isInvited = false;
    try {
      await make({
        signal: this.#over.signal,
        patience: SIGN_IN_MS,
        invite: async (invitation) => {
          await records.put(file, { invitation, rest });
          isInvited = true;
          this.#resolve({ invitation, isOurs: true });
        },
      });
      await records.put(file, {});
    } catch (thrown) {
      const error = toMcpMasterError(thrown);
      if (this.#isLoggedIn()) await records.put(file, {});
      else if (isInvited) await records.put(file, { rest: await this.#restAfter(error, rest) });
      throw error;
    }
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
    const { invitation } = this.#deps.records.get(this.#key.file);
    if (invitation !== undefined) this.#resolve({ invitation, isOurs: false });
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
