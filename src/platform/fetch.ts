import { Readable } from 'node:stream';
import type { HttpClient, HttpRequest, HttpResponse } from '../backend/http.ts';
import { discard } from '../backend/http-body.ts';
import { McpMasterError } from '../errors.ts';
import type { Fetch } from '../oauth/fetch.ts';

/** Statuses whose answers have no body (Fetch standard, "null body status"). */
const WITHOUT_BODY = new Set([204, 205, 304]);

const METHODS = ['GET', 'POST', 'DELETE'] as const;

/**
 * `fetch` over our HTTP client, for libraries: the methods of {@link HttpRequest}, bodies that are
 * text or `URLSearchParams`, and `redirect`, where `follow` stays within the origin. Rejects with the
 * signal's reason when aborted, else with a `TypeError` whose `cause` is the `McpMasterError`.
 */
export function createFetch(client: HttpClient): Fetch {
  return async (url, init = {}) => {
    const request = toRequest(new URL(url), init);
    try {
      return toResponse(await client.request(request), init.redirect === 'error');
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

function toRequest(url: URL, init: RequestInit): HttpRequest {
  const method = METHODS.find((known) => known === (init.method ?? 'GET').toUpperCase());
  if (method === undefined)
    throw new TypeError(`fetch: the method ${init.method} is not supported`);
  const headers = new Headers(init.headers);
  const body = textOf(init.body);
  if (body !== undefined && !headers.has('content-type')) {
    const form = init.body instanceof URLSearchParams;
    const type = form ? 'application/x-www-form-urlencoded' : 'text/plain';
    headers.set('content-type', `${type};charset=UTF-8`);
  }
  return {
    url,
    method,
    headers: Object.fromEntries(headers),
    body,
    signal: init.signal ?? undefined,
    idempotent: method === 'GET',
    redirect: init.redirect === 'manual' || init.redirect === 'error' ? 'manual' : 'follow',
  };
}

function textOf(body: RequestInit['body']): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new TypeError('fetch: only text and URLSearchParams can be sent');
}

function toResponse({ status, headers, body }: HttpResponse, refuseRedirect: boolean): Response {
  if (refuseRedirect && status >= 300 && status < 400 && headers['location'] !== undefined) {
    discard(body);
    throw new McpMasterError('BACKEND_PROTOCOL', 'the server redirects where it must not');
  }
  if (status < 200 || status > 599 || WITHOUT_BODY.has(status)) {
    discard(body);
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(body), { status, headers });
}
