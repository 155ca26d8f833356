import { McpMasterError } from '../../errors.ts';
import type { Failure } from './failure.ts';
import { type HelperCommand, HelperEnded, HelperProcess } from './helper-process.ts';
import type { KeychainRequest, KeychainResult } from './protocol.ts';

/** What a {@link HelperClient} works with. */
export interface HelperClientOptions extends HelperCommand {
  /** Milliseconds that a request may take: a person may have to type a password meanwhile. */
  patienceMs: number;
  /** The error for a refusal of the keychain. */
  toError(failure: Failure): McpMasterError;
}

/** How long a helper without work is kept, in milliseconds. */
const IDLE_MS = 5000;

/** After so many milliseconds the user is told that the keychain may be showing a prompt. */
const NOTICE_MS = 1000;

interface Job {
  request: KeychainRequest;
  resolve(result: KeychainResult): void;
  reject(error: unknown): void;
}

/**
 * Sends requests to a helper, one after the other. The helper is started for the first one, kept for
 * a while, and replaced, once a request, when it died: every request can be repeated safely.
 */
export class HelperClient {
  readonly #options: HelperClientOptions;
  #queue: Job[] = [];
  #working = false;
  #closed = false;
  #helper: HelperProcess | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: HelperClientOptions) {
    this.#options = options;
  }

  /**
   * Rejects with `KEYCHAIN_LOCKED` when there is no answer in time, as does everything that waits
   * behind; with `KEYCHAIN_UNAVAILABLE` when no helper stays alive; with `INTERRUPTED` once closed.
   */
  request(request: KeychainRequest): Promise<KeychainResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      if (!this.#working) void this.#work();
    });
  }

  /** Lets go of everything at once: nobody waits for the helper, which ends by itself. */
  close(): void {
    this.#closed = true;
    this.#dismiss();
  }

  async #work(): Promise<void> {
    this.#working = true;
    clearTimeout(this.#idle);
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await this.#carryOut(job.request).then(job.resolve, job.reject);
    }
    this.#working = false;
    this.#idle = setTimeout(() => this.#dismiss(), IDLE_MS).unref();
  }

  async #carryOut(request: KeychainRequest): Promise<KeychainResult> {
    try {
      return await this.#ask(request);
    } catch (error) {
      if (!(error instanceof HelperEnded)) throw error;
      this.#options.log.debug(`${error.message}: trying once more`);
      return await this.#ask(request).catch((second: unknown) => {
        if (!(second instanceof HelperEnded)) throw second;
        throw this.#options.toError({ kind: 'helper', message: second.message });
      });
    }
  }

  async #ask(request: KeychainRequest): Promise<KeychainResult> {
    if (this.#closed) throw new McpMasterError('INTERRUPTED', 'the keychain is no longer in use');
    const helper = this.#helper ?? new HelperProcess(this.#options);
    this.#helper = helper;
    try {
      return await this.#answerOf(helper, request);
    } catch (error) {
      if (!this.#closed) helper.kill();
      this.#helper = undefined;
      throw error;
    }
  }

  async #answerOf(helper: HelperProcess, request: KeychainRequest): Promise<KeychainResult> {
    const { log, patienceMs } = this.#options;
    const notice = setTimeout(() => {
      log.warn('the keychain has not answered yet: it may be showing a prompt for its password');
    }, NOTICE_MS);
    // The helper does not keep this process alive; this timer does, while somebody waits.
    let end: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      end = setTimeout(() => reject(this.#giveUp()), patienceMs);
    });
    try {
      return await Promise.race([helper.exchange(request), tooLate]);
    } finally {
      clearTimeout(notice);
      clearTimeout(end);
    }
  }

  /** What waits behind would meet the same prompt, one after the other. */
  #giveUp(): McpMasterError {
    const seconds = Math.round(this.#options.patienceMs / 1000);
    const error = this.#options.toError({
      kind: 'silent',
      message: `no answer within ${seconds} s`,
    });
    for (const job of this.#queue.splice(0)) job.reject(error);
    return error;
  }

  #dismiss(): void {
    this.#helper?.dismiss();
    this.#helper = undefined;
  }
}
