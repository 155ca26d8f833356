import type { OAuthSettings } from '../../config/config.ts';
import type { McpMasterError } from '../../errors.ts';
import type { Refusal } from './endpoint-post.ts';
import { type OAuthDeps, requestTokens, type TokenRequest } from './token-requests.ts';
import type { TokenSet } from './token-set.ts';

/** Asks for a token for the client itself. */
export interface ClientTokenRequest extends TokenRequest {
  /** Empty = the parameter is left out, and the server chooses (RFC 6749 §3.3). */
  scopes: string[];
  settings: OAuthSettings;
}

/**
 * Gets a token with the client's own credentials (RFC 6749 §4.4.2, RFC 8707), with the `audience` and
 * `extra_params` of the configuration. A refresh token, which there should be none of (§4.4.3), is
 * not kept. Rejects with what `toError` makes of a refusal, and with `CONFIG_INVALID` when the
 * client's credentials can't be used.
 */
export async function requestClientTokens(
  request: ClientTokenRequest,
  toError: (refusal: Refusal) => McpMasterError,
  deps: OAuthDeps,
): Promise<TokenSet> {
  const { scopes, settings } = request;
  const { audience, extraParams } = settings;
  const grant = {
    type: 'client_credentials',
    what: 'the token request',
    parameters: {
      ...(audience && { audience }),
      ...extraParams,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    },
    toError,
  };
  const { refreshToken: _, ...tokens } = await requestTokens(request, grant, { scopes }, deps);
  return tokens;
}
