import { type McpMasterError, toMcpMasterError } from '../../errors.ts';
import { type Logger, Redactor } from '../../log.ts';
import type { Fetch } from '../fetch.ts';
import { readText } from '../response-body.ts';
import { excerpt, shownUrl } from '../shown.ts';
import { readRetryAfter } from './retry-after.ts';

const TIMEOUT_MS = 30_000;

/** Bytes of an answer that are read. */
const ANSWER_LIMIT = 1024 * 1024;

/** What {@link postToEndpoint} takes from the world. */
export interface EndpointDeps {
  fetch: Fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  log: Logger;
  /** Milliseconds for one request, its answer included. Default: 30 s. */
  timeoutMs?: number | undefined;
}

/** A request to an endpoint of an authorization server, whose answer is good for a `T`. */
export interface EndpointPost<T extends object> {
  url: URL;
  /** For people: `the token request`. */
  what: string;
  headers: Record<string, string>;
  body: string | URLSearchParams;
  /** Values that are sent, and must not be shown when the server repeats them. */
  secrets: readonly (string | undefined)[];
  /** Whether the status alone says that it was done: then the body may be anything. */
  anyBody?: boolean;
  /** What a successful answer brings; as text, why it can't be used. */
  read(fields: Fields): T | string;
  /** The error for anything but a success. */
  toError(refusal: Refusal): McpMasterError;
}

/** Why a request did not bring what it should. */
export interface Refusal {
  /** What happened and where: one line, without a secret. */
  message: string;
  /** `error` of the answer (RFC 6749 §5.2), by its standard name. */
  error: string | undefined;
  /** Undefined when there was no answer. */
  status: number | undefined;
  retryAfterMs: number | undefined;
  /** Why there was no answer. */
  cause: McpMasterError | undefined;
}

/** The members of a JSON object, or the parameters of a form; those that are null are left out. */
export type Fields = Record<string, unknown>;

/** Names of GitHub and Microsoft for errors of RFC 6749 §5.2 and RFC 8628 §3.5. */
const STANDARD_NAMES: ReadonlyMap<string | undefined, string> = new Map([
  ['bad_verification_code', 'invalid_grant'],
  ['bad_refresh_token', 'invalid_grant'],
  ['incorrect_device_code', 'invalid_grant'],
  ['incorrect_client_credentials', 'invalid_client'],
  ['device_flow_disabled', 'unauthorized_client'],
  ['authorization_declined', 'access_denied'],
]);

/** An answer that was read to its end. */
interface Answer {
  response: Response;
  /** Undefined when it is too large. */
  text: string | undefined;
  /** Undefined when it is neither a JSON object nor a form. */
  fields: Fields | undefined;
}

/**
 * Sends one request and resolves with what `read` makes of a successful answer. One with an `error` is
 * none, whatever its status; redirects are refused, since secrets would go on to where they lead.
 * Rejects with what `toError` makes of anything else.
 */
export async function postToEndpoint<T extends object>(
  post: EndpointPost<T>,
  deps: EndpointDeps,
): Promise<T> {
  const answer = await exchange(post, deps);
  const { response, fields } = answer;
  deps.log.debug(`${post.what}: ${shownUrl(post.url)} answered ${response.status}`);
  const error = textOf(fields?.['error']);
  const success = response.ok && fields !== undefined && error === undefined;
  const read = success ? post.read(fields) : problemOf(post.url, answer);
  if (typeof read !== 'string') return read;
  const redactor = new Redactor();
  for (const secret of post.secrets) if (secret !== undefined) redactor.add(secret);
  const why = [error, read].map((part) => excerpt(redactor.redact(part ?? ''))).filter(Boolean);
  const answered = `${shownUrl(post.url)} answered ${response.status} to ${post.what}`;
  throw post.toError({
    message: [answered, ...why].join(': '),
    error: STANDARD_NAMES.get(error) ?? error,
    status: response.status,
    retryAfterMs: readRetryAfter(response.headers.get('retry-after'), deps.now()),
    cause: undefined,
  });
}

async function exchange<T extends object>(
  { url, headers, body, what, anyBody, toError }: EndpointPost<T>,
  { fetch, timeoutMs = TIMEOUT_MS }: EndpointDeps,
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const init = { method: 'POST', headers: { ...headers, accept: 'application/json' }, body };
  let response: Response | undefined;
  try {
    response = await fetch(url, { ...init, signal, redirect: 'manual' });
    const text = await readText(response, ANSWER_LIMIT);
    const whatever = anyBody === true && text !== undefined ? {} : undefined;
    return { response, text, fields: parseFields(response, text ?? '') ?? whatever };
  } catch (error) {
    const cause = toMcpMasterError(reasonOf(error));
    let message = `${what} to ${shownUrl(url)} failed: ${cause.message}`;
    if (response !== undefined) message = `the answer of ${shownUrl(url)} to ${what} was cut`;
    if (signal.aborted) {
      message = `${shownUrl(url)} did not answer ${what} within ${timeoutMs / 1000} seconds`;
    }
    const nothing = { error: undefined, status: undefined, retryAfterMs: undefined };
    throw toError({ message, cause, ...nothing });
  }
}

/** `fetch` rejects with a TypeError that tells nothing; why is its `cause`. */
function reasonOf(error: unknown): unknown {
  return error instanceof TypeError && error.cause !== undefined ? error.cause : error;
}

/** GitHub answers with a form unless it is asked not to, and many send JSON as something else. */
function parseFields(response: Response, text: string): Fields | undefined {
  if (mediaType(response) === 'application/x-www-form-urlencoded') {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
  } catch {
    return undefined;
  }
}

/** Why an answer is no success, as far as `error` does not say it. */
function problemOf(url: URL, { response, text, fields }: Answer): string {
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && location !== null) {
    const target = URL.canParse(location, url.href) ? new URL(location, url).origin : 'nowhere';
    return `a redirect to ${target}, which is not followed`;
  }
  if (text === undefined) return 'more than 1 MB';
  if (fields === undefined) return `${kindOf(text, mediaType(response))} instead of a JSON object`;
  const members = ['error_description', 'message', 'detail'].map((name) => textOf(fields[name]));
  return members.find((member) => member !== undefined) ?? '';
}

/** What a body is that has no fields, for people; of its text nothing is shown. */
function kindOf(text: string, type: string): string {
  if (text.trim() === '') return 'an empty body';
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? 'a JSON array' : 'another JSON value';
  } catch {
    if (type === '') return 'a body without a content type';
    return /[/+]json$/.test(type) ? 'invalid JSON' : type;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function mediaType({ headers }: Response): string {
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}
