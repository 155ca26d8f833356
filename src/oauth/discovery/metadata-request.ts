import { McpMasterError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { isObject, type JsonObject } from '../../rpc/message.ts';
import type { Fetch } from '../fetch.ts';
import { drain, readText } from '../response-body.ts';
import { excerpt, shownUrl } from '../shown.ts';
import { secureUrl } from './address.ts';
import type { AddressGuard } from './address-guard.ts';
import { MCP_REVISION } from './mcp-revision.ts';

/** What asking for metadata takes from the world. */
export interface MetadataDeps {
  fetch: Fetch;
  log: Logger;
  /** How long one document may take, its redirects included. Default: 10 s. */
  timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;

const MAX_BYTES = 1024 * 1024;

const MAX_REDIRECTS = 5;

const REDIRECTS = [301, 302, 303, 307, 308];

/** Refusals that say nothing of whether the document is there. */
const PASSING = [408, 425, 429];

const HEADERS = { accept: 'application/json', 'mcp-protocol-version': MCP_REVISION };

/**
 * The JSON object at `url`, or the status (4xx) of the answer that says that there is none for us.
 * Everything else is an error: `DISCOVERY_FAILED`, `INSECURE_URL` (a redirect) or `TLS_UNTRUSTED`, each
 * with the URL and what is wrong there.
 */
export async function requestDocument(
  url: URL,
  guard: AddressGuard,
  deps: MetadataDeps,
): Promise<JsonObject | number> {
  const { log, timeoutMs = TIMEOUT_MS } = deps;
  const exchange: Exchange = {
    url,
    fetch: deps.fetch,
    log,
    signal: AbortSignal.timeout(timeoutMs),
  };
  try {
    return await followRedirects(exchange, guard);
  } catch (error) {
    const late = exchange.signal.aborted;
    const failure = late
      ? broken(url, `did not answer within ${timeoutMs / 1000} s`, error)
      : error;
    log.debug(failure instanceof McpMasterError ? failure.message : `${shownUrl(url)} failed`);
    throw failure;
  }
}

/** One request for a document, with its redirects. */
interface Exchange {
  /** The one that was asked for. */
  url: URL;
  fetch: Fetch;
  log: Logger;
  signal: AbortSignal;
}

async function followRedirects(
  exchange: Exchange,
  guard: AddressGuard,
): Promise<JsonObject | number> {
  let current = exchange.url;
  await guard.check(current);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await send(exchange, current);
    exchange.log.debug(`GET ${shownUrl(current)}: ${response.status}`);
    const location = response.headers.get('location');
    if (location === null || !REDIRECTS.includes(response.status)) {
      return readAnswer(exchange, response);
    }
    await drain(response);
    const next = redirectTarget(current, location);
    await guard.check(next, current);
    current = next;
  }
  throw broken(exchange.url, `redirects more than ${MAX_REDIRECTS} times`);
}

async function send({ url, fetch, signal }: Exchange, current: URL): Promise<Response> {
  try {
    return await fetch(current, { headers: HEADERS, redirect: 'manual', signal });
  } catch (error) {
    throw unreachable(url, error);
  }
}

/** RFC 9110 §10.2.2: the fragment is for a browser. */
function redirectTarget(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw broken(from, 'redirects to something that is no URL');
  const target = new URL(location, from);
  target.hash = '';
  return secureUrl(target.href, `the redirect of ${shownUrl(from)}`);
}

async function readAnswer(
  { url, signal }: Exchange,
  response: Response,
): Promise<JsonObject | number> {
  const { status } = response;
  if (status < 200 || status > 299) {
    await drain(response);
    if (status >= 400 && status < 500 && !PASSING.includes(status)) return status;
    throw broken(url, `answered ${status}`);
  }
  const text = await readText(response, MAX_BYTES).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable(url, error);
  });
  if (text === undefined) throw broken(url, 'answered with more than 1 MiB');
  return parseObject(url, text);
}

function parseObject(url: URL, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const html = text.trimStart().startsWith('<');
    throw broken(url, html ? 'answered with HTML instead of JSON' : 'answered with invalid JSON');
  }
  if (!isObject(value)) throw broken(url, 'answered with JSON that is no object');
  return value;
}

/** The error for a document that can't be used: `what` says why, and follows its URL. */
export function broken(url: URL, what: string, cause?: unknown): McpMasterError {
  return new McpMasterError('DISCOVERY_FAILED', `${shownUrl(url)} ${what}`, {
    hint: 'Try again later. If it stays, tell whoever runs the server, or set `issuer`, or `authorization_endpoint` and `token_endpoint`, in `auth_config` of this server.',
    cause,
  });
}

/** `fetch` says why in its `cause`. */
function unreachable(url: URL, error: unknown): McpMasterError {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (reason instanceof McpMasterError) {
    const code = reason.code === 'TLS_UNTRUSTED' ? 'TLS_UNTRUSTED' : 'DISCOVERY_FAILED';
    const message = `${shownUrl(url)} could not be read: ${reason.message}`;
    return new McpMasterError(code, message, { hint: reason.hint, cause: reason });
  }
  const why = reason instanceof Error ? reason.message : String(reason);
  return broken(url, `could not be read: ${excerpt(why)}`, error);
}
