import type { TokenSet } from './tokens/token-set.ts';

/** A token that was renewed after a refusal, and is refused again, is left alone at least this long. */
const FIRST_REST_MS = 5000;
const LONGEST_REST_MS = 600_000;

/**
 * When a token that a server refuses is not renewed: shortly after a refusal has led to it. A server that
 * refuses whatever it is sent must not cost a renewal for each request.
 */
export class RefusalRest {
  readonly #now: () => number;
  /** The token that the last refusal led to, and until when that counts. */
  #last: { token: string; rest: number; since: number; until: number } | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  isFor(refused: string): boolean {
    const { token, since = 0, until = 0 } = this.#last ?? {};
    const now = this.#now();
    // A clock that was set back must not make the rest longer.
    return token === refused && now >= since && now < until;
  }

  /** The refusal of one token has led to others. */
  begin(refused: string, { accessToken: token, obtainedAt, expiresAt }: TokenSet): void {
    const { token: last, rest: lastRest = 0 } = this.#last ?? {};
    const rest = last === refused ? Math.min(lastRest * 2, LONGEST_REST_MS) : FIRST_REST_MS;
    // After half of its life it may well have ended at the server: renewing so often is no flood.
    const halfway = obtainedAt + ((expiresAt ?? Number.POSITIVE_INFINITY) - obtainedAt) / 2;
    const since = this.#now();
    this.#last = { token, rest, since, until: Math.min(since + rest, halfway) };
  }
}
