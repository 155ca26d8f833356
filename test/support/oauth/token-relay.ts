import { text } from 'node:stream/consumers';
import { type Answer, respond, send } from './answers.ts';
import { listen } from './http-listener.ts';

/** A request for tokens, and what became of it. */
export interface Exchange {
  grant: string;
  /** The refresh token that was shown; undefined with other grants. */
  shown: string | undefined;
  /** When it arrived, in milliseconds since the epoch. */
  begunAt: number;
  /** What `note` gave when it arrived. */
  noted: number | undefined;
  /** The status that the authorization server answered with; undefined until it has. */
  status: number | undefined;
  /** The tokens that the authorization server has issued for it. */
  issued: { accessToken: string; refreshToken: string | undefined } | undefined;
}

/** Answers a request for tokens; `pass` lets the authorization server answer, and do what it does. */
export type Intercept = (exchange: Exchange, pass: () => Promise<Answer>) => Promise<Answer>;

/** A token endpoint that hands everything on to another one, and keeps the book. */
export interface TokenRelay {
  /** For `token_endpoint`. */
  url: string;
  /** All requests, in the order in which they came. */
  exchanges: readonly Exchange[];
  /** Those of the refresh grant. */
  refreshes(): Exchange[];
  /** How requests are answered from now on; undefined: by the authorization server alone. */
  intercept(how: Intercept | undefined): void;
  close(): Promise<void>;
}

/**
 * Starts a relay in front of the token endpoint `target`, which is asked for when the first request
 * comes. `note` gives a number to write down with each request as it arrives.
 */
export async function startTokenRelay(
  target: string,
  note: () => number | undefined = () => undefined,
): Promise<TokenRelay> {
  const exchanges: Exchange[] = [];
  let how: Intercept = (_, pass) => pass();
  const { origin, close } = await listen(async (request, response) => {
    const begunAt = Date.now();
    const noted = note();
    const body = await text(request);
    const params = new URLSearchParams(body);
    const exchange: Exchange = {
      grant: params.get('grant_type') ?? '',
      shown: params.get('refresh_token') ?? undefined,
      ...{ begunAt, noted, status: undefined, issued: undefined },
    };
    exchanges.push(exchange);
    const pass = async () => {
      const { 'content-type': type = '', authorization } = request.headers;
      const headers = { 'content-type': type, ...(authorization && { authorization }) };
      const answer = await fetch(target, { method: 'POST', headers, body });
      return readAnswer(exchange, answer.status, await answer.text());
    };
    await send(await how(exchange, pass), response);
  });
  return {
    ...{ url: `${origin}/token`, exchanges, close },
    refreshes: () => exchanges.filter(({ grant }) => grant === 'refresh_token'),
    intercept: (next) => {
      how = next ?? ((_, pass) => pass());
    },
  };
}

function readAnswer(exchange: Exchange, status: number, body: string): Answer {
  exchange.status = status;
  // A token endpoint answers with a JSON object (RFC 6749 §5.1 and §5.2).
  const answer = JSON.parse(body) as { access_token?: string; refresh_token?: string };
  const { access_token: accessToken, refresh_token: refreshToken } = answer;
  if (accessToken !== undefined) exchange.issued = { accessToken, refreshToken };
  return respond(status, answer);
}
