import type { JsonObject } from '../../../src/rpc/message.ts';

/** The servers of an interleaving run. */
export const SERVERS = ['local', 'remote'] as const;
export type Server = (typeof SERVERS)[number];

/** What a server asks of the client in the middle of a round. */
export interface Ask {
  /** Whose, of which round, which: in every message about it. */
  nonce: string;
  method: string;
  /** Under which the server wants to hear of its progress. */
  token: string | undefined;
  /** `raced` and `silent` ones are withdrawn by the server; a `silent` one is never answered. */
  fate: 'answered' | 'raced' | 'silent';
  /** Milliseconds until the client answers. */
  delay: number;
  /** How often the client reports progress before it answers. */
  progress: number;
  reply: { result: JsonObject } | { error: JsonObject };
}

/** One call of a tool with all that happens during it. */
export interface Round {
  nonce: string;
  server: Server;
  id: string | number;
  token: string | number | undefined;
  /** `raced` and `endless` ones are cancelled by the client; an `endless` one is never answered. */
  fate: 'answered' | 'raced' | 'endless';
  /** Milliseconds until the client cancels it. */
  cancelAfter: number;
  asks: Ask[];
  /** How often the server reports progress. */
  progress: number;
  /** The arguments of the call: by these the server plays the round. */
  scene: JsonObject;
}

const METHODS = ['sampling/createMessage', 'elicitation/create', 'roots/list'] as const;

/** Beside those that the client gives to the rest of its requests. */
const FIRST_ID = 100_000;

/** A long time in a round that is to be cancelled. */
const ENDLESS_MS = 600_000;

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The rounds of a client: all that is random in them comes from the seed. */
export function createSchedule(client: string, seed: number, count: number): Round[] {
  const dice = new Dice(createRandom(seed));
  return Array.from({ length: count }, (_, number) => createRound(client, number, dice));
}

class Dice {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** An integer from 0 to `most`. */
  upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1));
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.upTo(from.length - 1)] ?? from[0];
  }
}

function createRound(client: string, number: number, dice: Dice): Round {
  const server = dice.pick(SERVERS);
  const nonce = `${client}/${server}/${number}`;
  const fate = dice.chance(0.8) ? 'answered' : dice.pick(['raced', 'endless'] as const);
  const round: Round = {
    nonce,
    server,
    fate,
    id: dice.chance(0.5) ? FIRST_ID + number : `call ${number}`,
    // The same ones for both clients: they must not meet.
    token: dice.pick([undefined, number, `token ${number}`] as const),
    cancelAfter: dice.upTo(20),
    asks: [],
    progress: 0,
    scene: { nonce },
  };
  const steps = Array.from({ length: dice.upTo(5) }, () => createStep(round, dice));
  if (fate === 'endless') steps.push({ wait: ENDLESS_MS });
  const fails = dice.chance(0.1) && { error: { code: -32050, message: nonce, data: { nonce } } };
  round.scene = { nonce, steps, ...fails };
  return round;
}

function createStep(round: Round, dice: Dice): JsonObject {
  const kind = dice.pick(['wait', 'progress', 'progress', 'ask', 'together'] as const);
  switch (kind) {
    case 'wait':
      return { wait: dice.upTo(8) };
    case 'progress':
      round.progress += 1;
      return { progress: { progress: round.progress, message: round.nonce } };
    case 'ask':
      return createAsk(round, dice);
    case 'together':
      return { together: Array.from({ length: 2 }, () => createAsk(round, dice)) };
  }
}

function createAsk(round: Round, dice: Dice): JsonObject {
  const nonce = `${round.nonce}/${round.asks.length}`;
  const method = dice.pick(METHODS);
  const ask: Ask = {
    nonce,
    method,
    token: dice.chance(0.5) ? `ask ${nonce}` : undefined,
    fate: dice.chance(0.7) ? 'answered' : dice.pick(['raced', 'silent'] as const),
    delay: dice.upTo(25),
    progress: dice.upTo(2),
    reply: dice.chance(0.8)
      ? { result: { answer: nonce, method, _meta: { nonce } } }
      : { error: { code: -1, message: nonce, data: { nonce } } },
  };
  round.asks.push(ask);
  const withdrawn = { cancel: { after: dice.upTo(25), params: { reason: nonce } } };
  return {
    request: { method, params: paramsOfAsk(ask), ...(ask.fate !== 'answered' && withdrawn) },
  };
}

/** What the server sends along; the client sees the same but for the token. */
export function paramsOfAsk({ nonce, token }: Ask): JsonObject {
  return { nonce, ...(token && { _meta: { progressToken: token, nonce } }) };
}
