import { McpMasterError } from '../errors.ts';
import { isObject, type JsonObject } from '../rpc/message.ts';
import type { HttpResponse } from './http.ts';
import { readText } from './http-body.ts';

/** Characters of a refusal's body, and of its reason, that its error shows. */
const EXCERPT = 200;

/** An error page beyond this many bytes is not read. */
const REFUSAL_LIMIT = 1024 * 1024;

/** An answer outside 2xx, read to its end. */
export interface Refusal {
  /** Who answered: the origin, never the path, which may hold a key. */
  origin: string;
  /** To what, for people: for example `tools/call`. */
  what: string;
  status: number;
  headers: Record<string, string>;
  /** Empty when it could not be read. */
  body: string;
}

/** Reads the answer that `what` got from `origin`; what its body fails with is left out. */
export async function readRefusal(
  response: HttpResponse,
  origin: string,
  what: string,
): Promise<Refusal> {
  const { status, headers } = response;
  const body = await readText(response, REFUSAL_LIMIT).catch(() => '');
  return { origin, what, status, headers, body };
}

/** The JSON value that the body is, if it is an object. */
export function refusalJson({ body }: Refusal): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The error for an answer outside 2xx: `UNAUTHORIZED` for 401 and 403, `RATE_LIMITED` for 429, else
 * `BACKEND_PROTOCOL`. Its message has the status, and what the challenge or the body says.
 */
export function statusError(refusal: Refusal): McpMasterError {
  const { origin, what, status } = refusal;
  const answered = `${origin} answered ${status} to ${what}`;
  if (status === 401) {
    const hint = 'Log in to this server, or check the credential in its configuration.';
    const message = `${answered}${challenge(refusal)}`;
    return new McpMasterError('UNAUTHORIZED', message, { hint, status });
  }
  if (status === 403) return forbidden(answered, refusal);
  if (status === 429) return rateLimited(answered, refusal);
  const message = `${answered}${excerpt(refusal.body)}`;
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint: hintFor(status) });
}

/**
 * The server does not know the session any more (specification, "Session Management"). `undelivered`
 * for the request that it said so to; what else is under way may have been carried out.
 */
export function sessionLostError(origin: string, undelivered: boolean): McpMasterError {
  const hint = 'Repeat the request: mcp-master has opened a new session.';
  const message = `session lost: ${origin} does not know it any more`;
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint, undelivered });
}

/** A success with a body that is no MCP answer. */
export function contentTypeError(origin: string, what: string, type: string): McpMasterError {
  const shown = type === '' ? 'no content type' : `the content type ${oneLine(type).slice(0, 80)}`;
  const message = `${origin} answered ${what} with ${shown} instead of JSON or an event stream`;
  const hint = 'Check `url`: it may not be the MCP endpoint of the server.';
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}

/** A body or event that should be JSON and is not. */
export function notJsonError(origin: string, what: string, text: string): McpMasterError {
  const message = `${origin} answered ${what} with invalid JSON${excerpt(text)}`;
  const hint = 'Check `url`, and the log of the server.';
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}

/** An exchange that ended as it should, but without the answer. */
export function noAnswerError(origin: string, what: string): McpMasterError {
  const message = `${origin} ended its reply to ${what} without an answer in it`;
  const hint = 'Check the log of the server.';
  return new McpMasterError('BACKEND_PROTOCOL', message, { hint });
}

function forbidden(answered: string, refusal: Refusal): McpMasterError {
  const why = challenge(refusal) || excerpt(refusal.body);
  if (/\berror="?insufficient_scope\b/.test(refusal.headers['www-authenticate'] ?? '')) {
    const hint = 'Use a credential with the scopes that it asks for.';
    return new McpMasterError('INSUFFICIENT_SCOPE', `${answered}${why}`, { hint });
  }
  const hint = 'Log in with an account or scopes that allow this, or check the credential.';
  return new McpMasterError('UNAUTHORIZED', `${answered}${why}`, { hint });
}

/** `error`, `error_description` and `scope` of the challenge (RFC 6750 §3), for people. */
function challenge({ headers }: Refusal): string {
  const sent = headers['www-authenticate'] ?? '';
  const error = /\berror="?([\w-]{1,60})/.exec(sent)?.[1];
  const scope = /\bscope="([^"]{1,200})"/.exec(sent)?.[1];
  const parts = [error, description(sent), scope && `scope ${oneLine(scope)}`];
  const shown = parts.filter(Boolean).join(', ');
  return shown === '' ? '' : `: ${shown}`;
}

/** The server's own words, in quotation marks: a quoted string (RFC 9110 §5.6.4) without its escapes. */
function description(challenge: string): string | undefined {
  const quoted = /\berror_description="((?:[^"\\]|\\.)*)"/.exec(challenge)?.[1];
  const shown = quoted && cut(quoted.replace(/\\(.)/g, '$1'));
  return shown && `"${shown}"`;
}

function rateLimited(answered: string, { headers, body }: Refusal): McpMasterError {
  const retryAfterMs = readRetryAfter(headers['retry-after']);
  const when =
    retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} seconds`;
  return new McpMasterError('RATE_LIMITED', `${answered}${excerpt(body)}`, {
    hint: `Try again ${when}, or set \`rate_limit\` for this server.`,
    retryAfterMs,
  });
}

/** Seconds, or a date (RFC 9110 §10.2.3), as milliseconds from now. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(date - Date.now(), 0);
}

function hintFor(status: number): string {
  if (status === 404 || status === 405) {
    return 'Check the path of `url`: it should be the MCP endpoint, which often ends in /mcp.';
  }
  return status >= 500 ? 'Check the log of the server, and try again later.' : 'Check `url`.';
}

function excerpt(text: string): string {
  const shown = cut(text);
  return shown === '' ? '' : `: ${shown}`;
}

/**
 * The beginning of foreign text, on one line. What may be a token (RFC 6750 §2.1) is not cut in two:
 * whoever masks secrets would not know it again.
 */
function cut(text: string): string {
  const line = oneLine(text);
  if (line.length <= EXCERPT) return line;
  return `${line.slice(0, EXCERPT).replace(/[\w.~+/=-]+$/, '')}…`;
}

/** Foreign text as one line without control characters. */
function oneLine(text: string): string {
  // What follows the part that is shown is not worth the time of a long page.
  return text
    .slice(0, 8 * EXCERPT)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
