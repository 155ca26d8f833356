import { McpMasterError } from '../../errors.ts';
import type { JsonObject } from '../../rpc/message.ts';
import { shownUrl } from '../shown.ts';
import type { AddressGuard } from './address-guard.ts';
import { type MetadataDeps, requestDocument } from './metadata-request.ts';

/** One place where metadata was looked for, without success. */
export interface Attempt {
  /** Without query and userinfo; for values that are no URL, their beginning. */
  url: string;
  /** The status of an answer that says that there is nothing; undefined for everything else. */
  status: number | undefined;
  /** Why what is there can't be used, with its URL; undefined when there is nothing. */
  error: McpMasterError | undefined;
}

/** What a search through several places came to. */
export interface Search<T> {
  found: T | undefined;
  /** The places before it; all of them when nothing was found. */
  tried: Attempt[];
}

/**
 * The first of `urls` with a document that `read` can make something of. What `read` rejects with (an
 * `McpMasterError`) spoils that place alone: the next one is asked all the same.
 */
export async function searchMetadata<T>(
  urls: readonly URL[],
  read: (document: JsonObject, url: URL) => T | Promise<T>,
  guard: AddressGuard,
  deps: MetadataDeps,
): Promise<Search<T>> {
  const tried: Attempt[] = [];
  for (const url of urls) {
    try {
      const answer = await requestDocument(url, guard, deps);
      if (typeof answer !== 'number') return { found: await read(answer, url), tried };
      tried.push({ url: shownUrl(url), status: answer, error: undefined });
    } catch (error) {
      tried.push(failedAttempt(url, error));
    }
  }
  return { found: undefined, tried };
}

/** A place that failed with an `McpMasterError`; any other error is thrown on. */
export function failedAttempt(url: URL | string, error: unknown): Attempt {
  if (!(error instanceof McpMasterError)) throw error;
  return { url: shownUrl(url), status: undefined, error };
}

/**
 * The error for a search without a result: it names all places. Its code and hint are those of the first
 * place that was wrong rather than empty; `DISCOVERY_FAILED` when all were empty.
 */
export function searchError(server: URL, tried: readonly Attempt[]): McpMasterError {
  const cause = tried.find(({ error }) => error !== undefined)?.error;
  const places = tried.map(
    ({ url, status, error }) => error?.message ?? `${url} answered ${status}`,
  );
  const message = `the login of ${server.origin} can not be found out: ${places.join('; ')}`;
  return new McpMasterError(cause?.code ?? 'DISCOVERY_FAILED', message, {
    hint:
      cause?.hint ??
      'Set `issuer`, or `authorization_endpoint` and `token_endpoint`, in `auth_config` of this server, as its documentation says.',
    cause,
  });
}
