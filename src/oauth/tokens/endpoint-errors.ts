import { type ErrorCode, McpMasterError } from '../../errors.ts';
import type { Refusal } from './endpoint-post.ts';

/** The error for a refusal, with the hint that its kind gives when nothing better is known. */
export function endpointError(code: ErrorCode, refusal: Refusal, hint?: string): McpMasterError {
  const { message, error: oauthError, status, retryAfterMs, cause } = refusal;
  return new McpMasterError(code, message, {
    ...{ status, oauthError, retryAfterMs, cause },
    hint:
      transportHint(refusal) ?? hint ?? 'Check `issuer`, and the endpoints if they are configured.',
  });
}

/** The hint for what has nothing to do with the request; undefined when the request was refused. */
function transportHint({ status, retryAfterMs, cause }: Refusal): string | undefined {
  if (cause?.code === 'TLS_UNTRUSTED') return cause.hint;
  if (status === undefined) return 'Check the network, VPN and proxy, and try again.';
  if (status === 429) {
    const when =
      retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} seconds`;
    return `The server has had too many requests: try again ${when}.`;
  }
  return status >= 500 ? 'The authorization server has a problem: try again later.' : undefined;
}
