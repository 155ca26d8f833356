import type { SignInAttempt } from '../../auth/sign-in-attempt.ts';
import type { Logger } from '../../log.ts';
import type { SignInInvitation } from '../../oauth/store/sign-in-records.ts';
import { isObject, type JsonObject } from '../../rpc/message.ts';
import type { Peer } from '../../rpc/peer.ts';

/** What a client said to being asked: `failed` = it could not ask anybody. */
export type Elicited = 'accept' | 'decline' | 'failed';

interface Question {
  url: string;
  answer: Promise<Elicited>;
  withdraw(): void;
}

/** Whether a client can send a person to an address (specification 2025-11-25, "Elicitation"). */
export function canElicitUrl(capabilities: JsonObject): boolean {
  const { elicitation } = capabilities;
  return isObject(elicitation) && isObject(elicitation['url']);
}

/** Asks the client, once for each login, however many of its calls wait for that. */
export class UrlElicitation {
  readonly #client: Peer;
  readonly #log: Logger;
  /** The latest question for each login. */
  readonly #asked = new WeakMap<SignInAttempt, Question>();

  constructor(client: Peer, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /**
   * Never rejects. When the login is made, the client is told so; a question about an address that is no
   * more is withdrawn.
   */
  ask(attempt: SignInAttempt, server: string, invitation: SignInInvitation): Promise<Elicited> {
    const known = this.#asked.get(attempt);
    if (known?.url === invitation.url) return known.answer;
    known?.withdraw();
    const question = this.#ask(attempt, server, invitation);
    this.#asked.set(attempt, question);
    return question.answer;
  }

  #ask(attempt: SignInAttempt, server: string, { url, userCode }: SignInInvitation): Question {
    const elicitationId = crypto.randomUUID();
    const code = userCode === undefined ? '' : ` The code to enter there is ${userCode}.`;
    const message = `Log in to "${server}", so that the call can go on.${code}`;
    const params = { mode: 'url', message, url, elicitationId };
    let withdraw: () => void = () => undefined;
    const answer = new Promise<Elicited>((resolve) => {
      const { cancel } = this.#client.request('elicitation/create', params, {
        onReply: (reply) => resolve(this.#answerIn(reply)),
        onFailure: (error) => {
          this.#log.debug(`the client was not asked to log in: ${error.message}`);
          resolve('failed');
        },
      });
      withdraw = () => {
        cancel({ reason: 'the login is over, or goes on elsewhere' });
        resolve('accept');
      };
      void attempt.ended.then(({ error }) => {
        // Somebody may have logged in without it.
        withdraw();
        if (error === undefined) {
          this.#client.notify('notifications/elicitation/complete', { elicitationId });
        }
      });
    });
    return { url, answer, withdraw: () => withdraw() };
  }

  #answerIn(reply: { result: JsonObject } | { error: { message: string } }): Elicited {
    if ('error' in reply) {
      this.#log.warn(`the client could not ask for a login: ${reply.error.message}`);
      return 'failed';
    }
    return reply.result['action'] === 'accept' ? 'accept' : 'decline';
  }
}
