import { secretMethod } from '../client/client-auth.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { secureUrl } from '../discovery/address.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { endpointError } from './endpoint-errors.ts';
import type { Refusal } from './endpoint-post.ts';
import { withOpenid } from './openid.ts';
import type { OAuthDeps } from './token-requests.ts';
import type { TokenSet } from './token-set.ts';

/** Whose tokens are to be revoked, and where. */
export interface Revocation {
  authorizationServer: AuthorizationServer;
  client: ClientRegistration;
  tokens: TokenSet;
}

/**
 * Revokes the refresh token, then the access token (RFC 7009). Resolves with whether the server
 * offers that for either. Rejects with `TOKEN_REQUEST_FAILED` when it could not be done, or with
 * `CONFIG_INVALID` when the client's credentials can't be used.
 */
export async function revokeTokens(revocation: Revocation, deps: OAuthDeps): Promise<boolean> {
  const { authorizationServer, tokens } = revocation;
  const { revocation_endpoint: endpoint } = authorizationServer.metadata;
  if (endpoint === undefined) return false;
  const url = secureUrl(endpoint, 'revocation_endpoint');
  const { refreshToken, accessToken } = tokens;
  const renewal =
    refreshToken !== undefined &&
    (await revoke({ ...revocation, url, token: refreshToken, type: 'refresh_token' }, deps));
  const access = await revoke(
    { ...revocation, url, token: accessToken, type: 'access_token' },
    deps,
  );
  return renewal || access;
}

interface OneRevocation extends Revocation {
  url: URL;
  token: string;
  type: 'refresh_token' | 'access_token';
}

/** Resolves with false when the server does not revoke tokens of this type (RFC 7009 §2.2.1). */
async function revoke(revocation: OneRevocation, deps: OAuthDeps): Promise<boolean> {
  const { authorizationServer, url, token, type } = revocation;
  let unsupported = false;
  const request = {
    ...{ authorizationServer, url, client: clientFor(revocation), anyBody: true },
    what: `the revocation of the ${type.replace('_', ' ')}`,
    read: () => new Response(null, { status: 200 }),
    toError: (refusal: Refusal) => {
      unsupported = refusal.error === 'unsupported_token_type';
      const hint = 'Revoke the access in the settings of your account at the provider.';
      return endpointError('TOKEN_REQUEST_FAILED', refusal, hint);
    },
  };
  try {
    await withOpenid(request, deps, (lib, config) =>
      lib.tokenRevocation(config, token, { token_type_hint: type }),
    );
    return true;
  } catch (error) {
    if (unsupported) return false;
    throw error;
  }
}

/** The revocation endpoint may list other methods than the token endpoint (RFC 8414 §2). */
function clientFor({ client, authorizationServer }: Revocation): ClientRegistration {
  const listed = authorizationServer.metadata.revocation_endpoint_auth_methods_supported;
  if (client.clientSecret === undefined || listed === undefined) return client;
  return listed.includes(client.authMethod)
    ? client
    : { ...client, authMethod: secretMethod(listed) };
}
