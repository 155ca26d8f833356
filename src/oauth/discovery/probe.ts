import type { Logger } from '../../log.ts';
import type { Fetch } from '../fetch.ts';
import { drain } from '../response-body.ts';
import { excerpt, shownUrl } from '../shown.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { MCP_REVISION } from './mcp-revision.ts';

/** The server that is asked. */
export interface ProbeTarget {
  url: URL;
  /** Those of the configuration; an `Authorization` among them is left out. */
  headers: Readonly<Record<string, string>>;
}

/** What a probe takes from the world. */
export interface ProbeDeps {
  fetch: Fetch;
  log: Logger;
  /** How long each of the two requests may take. Default: 10 s. */
  timeoutMs?: number | undefined;
}

/** How a server answered a request without a token. */
export interface ProbeResult {
  status: number;
  challenge: Challenge | undefined;
}

const TIMEOUT_MS = 10_000;

/** Answers of servers that know the deprecated SSE transport only (specification, "Backwards Compatibility"). */
const MEANS_OLD_TRANSPORT = [404, 405];

/** Refused before anybody looks at who asks. */
const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: MCP_REVISION,
    capabilities: {},
    clientInfo: { name: 'mcp-master', version: '0.0.0' },
  },
});

/**
 * What a server says to a client without a token: the first request of Streamable HTTP, then that of the
 * old SSE transport where there is no such endpoint. Undefined when no answer could be had, which is
 * logged: discovery meets the same failure, and reports it.
 */
export async function probeChallenge(
  target: ProbeTarget,
  deps: ProbeDeps,
): Promise<ProbeResult | undefined> {
  const posted = await ask(target, deps, {
    method: 'POST',
    accept: 'application/json, text/event-stream',
    body: INITIALIZE,
  });
  if (posted === undefined || !MEANS_OLD_TRANSPORT.includes(posted.status)) return posted;
  return ask(target, deps, { method: 'GET', accept: 'text/event-stream' });
}

async function ask(
  { url, headers }: ProbeTarget,
  { fetch, log, timeoutMs = TIMEOUT_MS }: ProbeDeps,
  { method, accept, body }: { method: string; accept: string; body?: string },
): Promise<ProbeResult | undefined> {
  const sent = new Headers(headers);
  sent.delete('authorization');
  sent.set('accept', accept);
  if (body !== undefined) sent.set('content-type', 'application/json');
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { method, headers: sent, signal, body: body ?? null });
    log.debug(`${method} ${shownUrl(url)} without a token: ${response.status}`);
    await drain(response);
    const challenge = parseChallenges(response.headers.get('www-authenticate'));
    return { status: response.status, challenge };
  } catch (error) {
    const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    log.warn(`${method} ${shownUrl(url)} without a token failed: ${why}`);
    return undefined;
  }
}

/** `fetch` says why in its `cause`. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return excerpt(reason instanceof Error ? reason.message : String(reason));
}
