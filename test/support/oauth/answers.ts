import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** What an endpoint answers, as a value, so that a test can take a right one and spoil it. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Milliseconds before it is sent. */
  delay?: number;
  /** Instead of a whole answer: half of it and a reset, a reset at once, or nothing, ever. */
  broken?: 'cut' | 'reset' | 'silent';
}

/** An answer with a JSON object or a text (HTML unless the headers say otherwise) as its body. */
export function respond(
  status: number,
  body: object | string = '',
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const json = typeof body !== 'string';
  const type = json ? 'application/json' : 'text/html; charset=utf-8';
  const all = { 'content-type': type, 'cache-control': 'no-store', ...headers };
  return { status, headers: all, body: json ? JSON.stringify(body) : body };
}

/** A redirect to an absolute URL. */
export function redirect(location: string | URL, status = 302): Answer {
  return respond(status, '', { location: String(location) });
}

/** The answer with members of its JSON body replaced; undefined takes one out, null stays null. */
export function changed(answer: Answer, members: Readonly<Record<string, unknown>>): Answer {
  return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), ...members }) };
}

/** The redirect with parameters of its query replaced; undefined takes one out. */
export function redirectedWith(
  answer: Answer,
  params: Readonly<Record<string, string | undefined>>,
): Answer {
  const location = locationOf(answer);
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) location.searchParams.delete(name);
    else location.searchParams.set(name, value);
  }
  return redirect(location, answer.status);
}

/** The redirect to another path of the same place, with the same query. */
export function redirectedTo(answer: Answer, path: string): Answer {
  const location = locationOf(answer);
  location.pathname = path;
  return redirect(location, answer.status);
}

/** The answer after so many milliseconds. */
export function late(answer: Answer, delay: number): Answer {
  return { ...answer, delay };
}

/** The answer, whose connection is reset in the middle of its body. */
export function cutShort(answer: Answer): Answer {
  return { ...answer, broken: 'cut' };
}

/** A connection that is reset before anything is answered. */
export function reset(): Answer {
  return { ...respond(0), broken: 'reset' };
}

/** No answer at all; the connection stays open until somebody closes it. */
export function silence(): Answer {
  return { ...respond(0), broken: 'silent' };
}

function locationOf({ headers }: Answer): URL {
  const { location } = headers;
  if (location === undefined) throw new Error('The right answer is not a redirect');
  return new URL(location);
}

/** Sends an answer, or breaks it as it says. */
export async function send(answer: Answer, response: ServerResponse): Promise<void> {
  if (answer.delay !== undefined) await wait(answer.delay, undefined, { ref: false });
  if (answer.broken === 'silent') return;
  if (answer.broken === 'reset') return void response.socket?.resetAndDestroy();
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  if (answer.broken !== 'cut') return void response.end(body);
  const half = body.subarray(0, body.length / 2);
  response.write(half, () => response.socket?.resetAndDestroy());
}
