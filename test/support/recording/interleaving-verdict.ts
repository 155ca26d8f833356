import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject, type JsonValue } from '../../../src/rpc/message.ts';
import {
  type Ask,
  paramsOfAsk,
  type Round,
  SERVERS,
  type Server,
} from './interleaving-schedule.ts';

/** What was said on one connection, in order, from the point of view of whoever kept the record. */
export type Said = { dir: 'in' | 'out'; message: JsonObject }[];

/** The records of all three sides. */
export interface Records {
  rounds: Round[];
  client: Said;
  servers: Record<Server, Said>;
}

/** How much of what the schedule wanted really happened: a check of nothing proves nothing. */
export interface Tally {
  answers: number;
  errors: number;
  cancelledByClient: number;
  cancelledByServers: number;
  asks: number;
  progressOfServers: number;
  progressOfClient: number;
}

/** Of what was seen instead, in a problem. */
const SHOWN = 500;

type Key = string | number;
type Sighting = { at: number; message: JsonObject };

/** Everything that went wrong, one line each, and the tally. */
export function judge(records: Records): { problems: string[]; tally: Tally } {
  const judgement = new Judgement(records);
  return { problems: judgement.problems, tally: judgement.tally };
}

class Judgement {
  readonly problems: string[] = [];
  readonly tally: Tally = {
    ...{ answers: 0, errors: 0, cancelledByClient: 0, cancelledByServers: 0, asks: 0 },
    ...{ progressOfServers: 0, progressOfClient: 0 },
  };
  readonly #client: Side;

  constructor({ rounds, client, servers }: Records) {
    this.#client = new Side(client);
    const asks = new Map(rounds.flatMap((round) => round.asks.map((ask) => [ask.nonce, ask])));
    const byId = new Map(rounds.map((round) => [round.id, round]));
    const byToken = new Map(rounds.map((round) => [round.token, round]));
    for (const round of rounds) this.#judgeCall(round);
    this.#judgeProgress(byToken);
    this.#expectKnown('an answer', this.#client.answers, (id) => isOwnId(id) || byId.has(id));
    this.#expectKnown('a request', this.#client.requests('nonce'), (key) => asks.has(String(key)));
    for (const server of SERVERS) {
      const side = new Side(servers[server]);
      const own = rounds.filter((round) => round.server === server);
      this.#judgeServer(server, side, own);
    }
  }

  #expect(holds: boolean, problem: string, seen?: unknown): void {
    if (holds) return;
    this.problems.push(
      seen === undefined ? problem : `${problem}: ${JSON.stringify(seen).slice(0, SHOWN)}`,
    );
  }

  #expectKnown(what: string, seen: Map<Key, Sighting[]>, isKnown: (key: Key) => boolean): void {
    for (const [key, sightings] of seen) {
      this.#expect(isKnown(key), `the client got ${what} of nobody (${key})`, sightings);
    }
  }

  /** What became of a call, as the client saw it. */
  #judgeCall(round: Round): void {
    const { nonce, id, fate } = round;
    const answers = this.#client.answers.get(id) ?? [];
    const [answer] = answers;
    this.#expect(answers.length <= 1, `${nonce} was answered ${answers.length} times`);
    if (answer !== undefined) this.#judgeAnswer(round, answer.message);
    if (fate === 'answered') {
      this.#expect(answer !== undefined, `${nonce} was never answered`);
      return;
    }
    const cancelled = this.#client.cancellations('out').get(id)?.length === 1;
    if (cancelled) this.tally.cancelledByClient += 1;
    if (fate === 'endless') this.#expect(answer === undefined, `${nonce} was answered, cancelled`);
    // Once a later ping is answered, the proxy has seen the cancellation.
    const [ping] = this.#client.answers.get(`after ${nonce}`) ?? [];
    const isLate = answer !== undefined && ping !== undefined && answer.at > ping.at;
    this.#expect(!isLate, `${nonce} was answered after its cancellation`);
  }

  #judgeAnswer({ nonce, scene, asks }: Round, message: JsonObject): void {
    const error = scene['error'];
    if (error !== undefined) {
      this.tally.errors += 1;
      this.#expect(isDeepStrictEqual(message['error'], error), `${nonce}: another error`, message);
      return;
    }
    this.tally.answers += 1;
    const result = isObject(message['result']) ? message['result'] : {};
    const structured = result['structuredContent'];
    const { arguments: given, replies } = isObject(structured) ? structured : {};
    if (asks.length === 0) {
      const content = [{ type: 'text', text: JSON.stringify(scene) }];
      this.#expect(isDeepStrictEqual(result, { content }), `${nonce}: another result`, result);
      return;
    }
    this.#expect(isDeepStrictEqual(given, scene), `${nonce}: another result`, result);
    const got = Array.isArray(replies) ? replies : [];
    this.#expect(got.length === asks.length, `${nonce}: ${got.length} replies`, result);
    for (const [at, ask] of asks.entries()) this.#judgeReply(ask, got[at]);
  }

  #judgeReply(ask: Ask, reply: JsonValue | undefined): void {
    const isWithdrawn = isDeepStrictEqual(reply, { cancelled: true });
    const isAnswer = isDeepStrictEqual(reply, ask.reply);
    const allowed = {
      answered: isAnswer,
      silent: isWithdrawn,
      raced: isAnswer || isWithdrawn,
    };
    this.#expect(allowed[ask.fate], `${ask.nonce} (${ask.fate}): another reply`, reply);
  }

  /** Progress that the client got: to the right token, in order, whole, before the answer. */
  #judgeProgress(rounds: Map<Round['token'], Round>): void {
    for (const [token, sightings] of this.#client.progress) {
      const round = rounds.get(token);
      const got = sightings.map(({ message }) => message['params']);
      this.tally.progressOfServers += got.length;
      if (round === undefined || token === undefined) {
        this.#expect(false, `progress under the unknown token ${token}`, got);
        continue;
      }
      const expected = progressOf(token, round.nonce, round.progress);
      const whole = round.fate === 'answered' ? expected : expected.slice(0, got.length);
      this.#expect(isDeepStrictEqual(got, whole), `${round.nonce}: other progress`, got);
      const [answer] = this.#client.answers.get(round.id) ?? [];
      const last = sightings.at(-1)?.at ?? 0;
      this.#expect(answer === undefined || last < answer.at, `${round.nonce}: late progress`);
    }
    for (const { token, fate, progress, nonce } of rounds.values()) {
      const isLost = progress > 0 && token !== undefined && !this.#client.progress.has(token);
      this.#expect(!(fate === 'answered' && isLost), `${nonce}: no progress`);
    }
  }

  #judgeServer(server: Server, side: Side, rounds: Round[]): void {
    const calls = side.calls();
    const byNonce = new Map(rounds.map((round) => [round.nonce, round]));
    for (const [nonce, sightings] of calls) {
      const round = byNonce.get(String(nonce));
      this.#expect(round !== undefined, `${server} got a call of another (${nonce})`);
      this.#expect(sightings.length === 1, `${nonce} arrived ${sightings.length} times`);
      const { params } = sightings[0]?.message ?? {};
      const given = isObject(params) ? params['arguments'] : undefined;
      this.#expect(isDeepStrictEqual(given, round?.scene), `${nonce}: other arguments`, params);
    }
    const callIds = new Map<Key, string>();
    for (const [nonce, sightings] of calls) {
      for (const { message } of sightings) callIds.set(message['id'] as Key, String(nonce));
    }
    this.#judgeCancellations(server, side, callIds, byNonce);
    this.#judgeAsks(server, side, rounds);
  }

  /** Cancellations that a server got: of its own calls, and of those alone that the client cancelled. */
  #judgeCancellations(
    server: Server,
    side: Side,
    callIds: Map<Key, string>,
    rounds: Map<string, Round>,
  ): void {
    for (const [id, sightings] of side.cancellations('in')) {
      const nonce = callIds.get(id);
      const reason = reasonOf(sightings[0]);
      // Over HTTP a cancellation may overtake its call: then it is known by its reason alone.
      const meant = nonce ?? (server === 'remote' ? reason : undefined);
      this.#expect(meant === reason, `${server}: ${nonce} was cancelled for ${reason}`);
      this.#expect(sightings.length === 1, `${reason} was cancelled ${sightings.length} times`);
      const round = rounds.get(String(reason));
      const isWanted = round !== undefined && round.fate !== 'answered';
      this.#expect(isWanted, `${server}: ${reason} was cancelled by nobody`);
    }
    const told = new Set([...side.cancellations('in').values()].map(([first]) => reasonOf(first)));
    const reached = new Set(callIds.values());
    for (const { nonce, fate } of rounds.values()) {
      const isLost = fate === 'endless' && reached.has(nonce) && !told.has(nonce);
      this.#expect(!isLost, `${server} did not hear that ${nonce} was cancelled`);
    }
  }

  #judgeAsks(server: Server, side: Side, rounds: Round[]): void {
    const sent = side.requests('nonce', 'out');
    const known = new Set<Key>();
    for (const round of rounds) {
      for (const ask of round.asks) {
        const [own] = sent.get(ask.nonce) ?? [];
        if (own === undefined) {
          this.#expect(round.fate !== 'answered', `${ask.nonce} was never asked`);
          continue;
        }
        this.tally.asks += 1;
        known.add(own.message['id'] as Key);
        this.#judgeAsk({ side, ask, round, id: own.message['id'] as Key });
      }
    }
    for (const [id, answers] of side.answers) {
      this.#expect(known.has(id), `${server} got an answer to nothing`, answers);
    }
  }

  /** One ask: as the client saw it, what the server got for it, and its progress. */
  #judgeAsk(about: { side: Side; ask: Ask; round: Round; id: Key }): void {
    const { side, ask, round, id } = about;
    const atClient = this.#client.requests('nonce').get(ask.nonce) ?? [];
    const answers = side.answers.get(id) ?? [];
    // What a cancelled call still asks may be lost with its event stream.
    const least = round.fate === 'answered' ? 1 : 0;
    const isCounted = atClient.length >= least && atClient.length <= 1;
    this.#expect(isCounted, `the client got ${ask.nonce} ${atClient.length} times`);
    this.#expect(answers.length <= 1, `${ask.nonce} was answered ${answers.length} times`);
    const [request] = atClient;
    if (request === undefined) return;
    this.#judgeAskAtClient(ask, request.message);
    const [answer] = answers;
    if (ask.fate === 'silent') this.#expect(answer === undefined, `${ask.nonce} was answered`);
    if (ask.fate === 'answered') {
      this.#expect(answer !== undefined, `${ask.nonce} was never answered`);
    }
    if (answer !== undefined) {
      const { jsonrpc: _, id: __, ...reply } = answer.message;
      this.#expect(isDeepStrictEqual(reply, ask.reply), `${ask.nonce}: another answer`, reply);
    }
    this.#judgeAskProgress(about, answer);
  }

  #judgeAskAtClient(ask: Ask, { id, method, params }: JsonObject): void {
    const meta = isObject(params) && isObject(params['_meta']) ? params['_meta'] : {};
    const { progressToken } = meta;
    const expected = paramsOfAsk(ask);
    if (isObject(expected['_meta'])) expected['_meta']['progressToken'] = progressToken;
    const isSame = method === ask.method && isDeepStrictEqual(params, expected);
    this.#expect(isSame, `${ask.nonce}: another request`, { method, params });
    const cancellations = this.#client.cancellations('in').get(id as Key) ?? [];
    this.tally.cancelledByServers += cancellations.length;
    for (const cancellation of cancellations) {
      const reason = reasonOf(cancellation);
      this.#expect(reason === ask.nonce, `${ask.nonce} was cancelled for ${reason}`);
    }
    const [least, most] = { answered: [0, 0], raced: [0, 1], silent: [0, 1] }[ask.fate] as [
      ...[number, number],
    ];
    const isCounted = cancellations.length >= least && cancellations.length <= most;
    this.#expect(isCounted, `${ask.nonce} was cancelled ${cancellations.length} times`);
  }

  #judgeAskProgress(
    { side, ask, round }: { side: Side; ask: Ask; round: Round },
    answer: Sighting | undefined,
  ): void {
    if (ask.token === undefined) return;
    const seen = side.progress.get(ask.token) ?? [];
    const got = seen.map(({ message }) => message['params'] as JsonObject);
    this.tally.progressOfClient += got.length;
    const expected = progressOf(ask.token, ask.nonce, ask.progress);
    const isWhole = ask.fate === 'answered' && round.fate === 'answered';
    const due = isWhole ? expected : expected.slice(0, got.length);
    this.#expect(isDeepStrictEqual(got, due), `${ask.nonce}: other progress`, got);
    const last = seen.at(-1)?.at ?? -1;
    const isLate = answer !== undefined && last > answer.at;
    this.#expect(!isLate, `${ask.nonce}: late progress`);
  }
}

/** One record, sorted by what its messages are about. */
class Side {
  readonly answers: Map<Key, Sighting[]>;
  readonly progress: Map<Key | undefined, Sighting[]>;
  readonly #said: Said;
  readonly #views = new Map<string, Map<Key, Sighting[]>>();

  constructor(said: Said) {
    this.#said = said;
    this.answers = this.#by('in', ({ method, id }) => (method === undefined ? id : undefined));
    this.progress = this.#by('in', ({ method, params }) =>
      method === 'notifications/progress' ? memberOf(params, 'progressToken') : undefined,
    );
  }

  /** Requests by a member of their params. */
  requests(member: string, dir: 'in' | 'out' = 'in'): Map<Key, Sighting[]> {
    return this.#view(`${dir} ${member}`, dir, ({ id, method, params }) =>
      id === undefined || method === undefined ? undefined : memberOf(params, member),
    );
  }

  /** Calls of tools by their nonce. */
  calls(): Map<Key, Sighting[]> {
    return this.#view('calls', 'in', ({ method, params }) =>
      method === 'tools/call' && isObject(params)
        ? memberOf(params['arguments'], 'nonce')
        : undefined,
    );
  }

  /** Cancellations by the request that they are about. */
  cancellations(dir: 'in' | 'out'): Map<Key, Sighting[]> {
    return this.#view(`cancellations ${dir}`, dir, ({ method, params }) =>
      method === 'notifications/cancelled' ? memberOf(params, 'requestId') : undefined,
    );
  }

  #view(name: string, dir: 'in' | 'out', keyOf: (message: JsonObject) => JsonObject[string]) {
    const view = this.#views.get(name) ?? this.#by(dir, keyOf);
    this.#views.set(name, view);
    return view;
  }

  #by(dir: 'in' | 'out', keyOf: (message: JsonObject) => JsonObject[string]) {
    const found = new Map<Key, Sighting[]>();
    for (const [at, { dir: own, message }] of this.#said.entries()) {
      const key = own === dir ? keyOf(message) : undefined;
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      const sightings = found.get(key) ?? [];
      sightings.push({ at, message });
      found.set(key, sightings);
    }
    return found;
  }
}

/** Ids of the client's requests beside the calls: the handshake, lists, and pings. */
function isOwnId(id: Key): boolean {
  return typeof id === 'number' ? id < 1000 : id.startsWith('after ');
}

function progressOf(progressToken: Key, message: string, count: number): JsonObject[] {
  return Array.from({ length: count }, (_, at) => ({ progressToken, progress: at + 1, message }));
}

function reasonOf(cancellation: Sighting | undefined): JsonObject[string] {
  return memberOf(cancellation?.message['params'], 'reason');
}

function memberOf(value: JsonObject[string], member: string): JsonObject[string] {
  return isObject(value) ? value[member] : undefined;
}
