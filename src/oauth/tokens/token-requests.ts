import { McpMasterError } from '../../errors.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { secureUrl } from '../discovery/address.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { shownUrl } from '../shown.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import type { EndpointDeps, Fields, Refusal } from './endpoint-post.ts';
import { withOpenid } from './openid.ts';
import { refreshError, tokenError } from './token-errors.ts';
import { readTokenResponse } from './token-response.ts';
import type { TokenSet } from './token-set.ts';

/** What requests to an authorization server take from the world. */
export interface OAuthDeps extends EndpointDeps {
  /** Registers a value that must never be shown. */
  secret(value: string): void;
}

/** At whose token endpoint who asks for a token, and for what. */
export interface TokenRequest {
  authorizationServer: AuthorizationServer;
  client: ClientRegistration;
  /** RFC 8707; undefined = not sent. */
  resource?: string | undefined;
}

/** Redeems the code of an authorization response. */
export interface CodeExchange extends TokenRequest {
  request: AuthorizationRequest;
  /** The parameters of the callback. */
  response: URLSearchParams;
}

/** Renews tokens. */
export interface Refresh extends TokenRequest {
  tokens: TokenSet;
}

/**
 * Exchanges the code of an authorization response for tokens (OAuth 2.1 §4.1.3, RFC 7636, RFC 8707).
 * Rejects with `STATE_MISMATCH` or `ISSUER_MISMATCH` for another request's response, `ACCESS_DENIED`,
 * `INVALID_SCOPE`, `TOKEN_REQUEST_FAILED`, or `CONFIG_INVALID` when the client's credentials can't be used.
 */
export async function exchangeCode(exchange: CodeExchange, deps: OAuthDeps): Promise<TokenSet> {
  const { request, response, client } = exchange;
  const code = codeOf(request, response);
  deps.secret(code);
  const grant = {
    type: 'authorization_code',
    what: 'the token request',
    parameters: { code, redirect_uri: request.redirectUri, code_verifier: request.codeVerifier },
    toError: (refusal: Refusal) => tokenError(refusal, client),
  };
  return requestTokens(exchange, grant, { scopes: request.scopes }, deps);
}

/**
 * Renews tokens (RFC 6749 §6). The refresh token and the scopes stay as they are when the answer has
 * none. Rejects with `REFRESH_REJECTED` when the refresh token is good for nothing any more, else with
 * `REFRESH_FAILED` (and its `status` and `retryAfterMs`), or with `CONFIG_INVALID` when the client's
 * credentials can't be used.
 */
export async function refreshTokens(refresh: Refresh, deps: OAuthDeps): Promise<TokenSet> {
  const { client, tokens } = refresh;
  if (tokens.refreshToken === undefined) {
    throw new McpMasterError('REFRESH_FAILED', 'the server gave no refresh token', {
      hint: 'Log in again: mcp-master auth login.',
    });
  }
  const grant = {
    type: 'refresh_token',
    what: 'the refresh request',
    parameters: { refresh_token: tokens.refreshToken },
    toError: (refusal: Refusal) => refreshError(refusal, client),
  };
  return requestTokens(refresh, grant, tokens, deps);
}

/** A grant, as the token endpoint gets it. */
export interface Grant {
  /** `grant_type`. */
  type: string;
  /** For people: `the token request`. */
  what: string;
  parameters: Record<string, string>;
  /** The error for anything but tokens. */
  toError(refusal: Refusal): McpMasterError;
}

/**
 * Asks a token endpoint for tokens. Rejects with what `toError` makes of a refusal, with `INSECURE_URL`,
 * and with `CONFIG_INVALID` when the client's credentials can't be used.
 *
 * @param before what stays when the answer does not say it
 */
export async function requestTokens(
  { authorizationServer, client, resource }: TokenRequest,
  { type, what, parameters, toError }: Grant,
  before: Pick<TokenSet, 'refreshToken' | 'scopes'>,
  deps: OAuthDeps,
): Promise<TokenSet> {
  const url = secureUrl(authorizationServer.metadata.token_endpoint, 'token_endpoint');
  // Before it is sent: a token that ends early is renewed early, one that ends late fails a call.
  const obtainedAt = deps.now();
  const read = (fields: Fields) => {
    const response = readTokenResponse(fields);
    return typeof response === 'string' ? response : Response.json(response);
  };
  const answer = await withOpenid(
    { authorizationServer, client, url, what, read, toError },
    deps,
    (lib, config) =>
      lib.genericGrantRequest(config, type, { ...parameters, ...(resource && { resource }) }),
  );
  const { access_token: accessToken, refresh_token, expires_in, scope } = answer;
  const refreshToken = refresh_token ?? before.refreshToken;
  for (const value of [accessToken, refreshToken]) if (value !== undefined) deps.secret(value);
  return {
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expires_in !== undefined && { expiresAt: obtainedAt + expires_in * 1000 }),
    obtainedAt,
    scopes: scope === undefined ? before.scopes : scope.split(' ').filter(Boolean),
  };
}

/** Again what the callback has checked already: this function may be used without it. */
function codeOf(request: AuthorizationRequest, response: URLSearchParams): string {
  const { issuer, issRequired, issuerGuessed, state } = request;
  const hint = 'Start the login again.';
  if (response.getAll('state').join() !== state) {
    const message = 'the authorization response belongs to another login (`state` differs)';
    throw new McpMasterError('STATE_MISMATCH', message, { hint });
  }
  const iss = response.getAll('iss');
  if (iss.length === 0 ? issRequired : !issuerGuessed && iss.join() !== issuer) {
    const message = `the authorization response does not come from ${shownUrl(issuer)} (RFC 9207)`;
    throw new McpMasterError('ISSUER_MISMATCH', message, { hint });
  }
  const [code = '', second] = response.getAll('code');
  if (code !== '' && second === undefined) return code;
  const message = `the authorization response of ${shownUrl(issuer)} brings no code`;
  throw new McpMasterError('TOKEN_REQUEST_FAILED', message, { hint });
}
