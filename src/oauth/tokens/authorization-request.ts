import type { OAuthSettings } from '../../config/config.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { secureUrl } from '../discovery/address.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import type { OAuthDeps } from './token-requests.ts';

/** What a login asks the authorization server for. */
export interface AuthorizationWish {
  authorizationServer: AuthorizationServer;
  client: ClientRegistration;
  /** Exactly as registered. */
  redirectUri: string;
  settings: OAuthSettings;
  scopes: string[];
  prompt: 'consent' | undefined;
  /** RFC 8707; undefined = not sent. */
  resource?: string | undefined;
}

/** An authorization request (OAuth 2.1 §4.1.1), and what its response is checked with. */
export interface AuthorizationRequest {
  /** The address for the browser: always http or https. */
  url: string;
  /** Random, for this request alone. */
  state: string;
  /** A secret (RFC 7636 §4.1). */
  codeVerifier: string;
  redirectUri: string;
  scopes: string[];
  /** Recorded before the redirect (RFC 9207 §2.4). */
  issuer: string;
  /** The issuer is a guess, which `iss` is not compared with. */
  issuerGuessed: boolean;
  /** Whether the server has said that its responses carry `iss` (RFC 9207 §3). */
  issRequired: boolean;
}

/**
 * Makes the request that the browser carries, with PKCE S256. `audience` and `extra_params` of the
 * configuration are added; a `prompt` among them wins. Rejects with `INSECURE_URL` or
 * `DISCOVERY_FAILED` when the authorization endpoint is no address for it.
 */
export async function createAuthorizationRequest(
  {
    authorizationServer,
    client,
    redirectUri,
    settings,
    scopes,
    prompt,
    resource,
  }: AuthorizationWish,
  deps: OAuthDeps,
): Promise<AuthorizationRequest> {
  const { metadata } = authorizationServer;
  secureUrl(metadata.authorization_endpoint ?? '', 'authorization_endpoint');
  const lib = await import('openid-client');
  const state = lib.randomState();
  const codeVerifier = lib.randomPKCECodeVerifier();
  deps.secret(codeVerifier);
  const config = new lib.Configuration({ ...metadata }, client.clientId, {}, lib.None());
  // `secureUrl` is stricter: http is for this computer alone.
  lib.allowInsecureRequests(config);
  const url = lib.buildAuthorizationUrl(config, {
    ...(prompt && { prompt }),
    ...(settings.audience && { audience: settings.audience }),
    ...settings.extraParams,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resource && { resource }),
    redirect_uri: redirectUri,
    state,
    code_challenge: await lib.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
  return {
    ...{ url: url.href, state, codeVerifier, redirectUri, scopes, issuer: metadata.issuer },
    issuerGuessed: authorizationServer.issuerGuessed === true,
    issRequired: metadata.authorization_response_iss_parameter_supported === true,
  };
}
