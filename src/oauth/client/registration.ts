import type { OAuthSettings } from '../../config/config.ts';
import type { McpMasterError } from '../../errors.ts';
import { secureUrl } from '../discovery/address.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { DEVICE_CODE_GRANT } from '../tokens/device-code-grant.ts';
import { endpointError } from '../tokens/endpoint-errors.ts';
import { type Fields, postToEndpoint, type Refusal } from '../tokens/endpoint-post.ts';
import type { OAuthDeps } from '../tokens/token-requests.ts';
import { secretMethod } from './client-auth.ts';
import type { ClientAuthMethod, ClientRegistration } from './client-registration.ts';
import { ownClientHint } from './own-client-hint.ts';

/** What a client is registered for. */
export interface RegistrationWish {
  authorizationServer: AuthorizationServer;
  /** Undefined where the grant sends nobody back. */
  redirectUri: string | undefined;
  /** Those that the login will ask for. */
  scopes: string[];
  /** Default: authorization_code. */
  grant?: OAuthSettings['grant'];
}

/**
 * Registers a native client (RFC 7591 §3.1, RFC 8252 §8.4) at the registration endpoint. Rejects
 * with `REGISTRATION_FAILED`, whose `status` tells whether the endpoint is there at all.
 */
export async function registerClient(
  endpoint: string,
  wish: RegistrationWish,
  deps: OAuthDeps,
): Promise<ClientRegistration> {
  const url = secureUrl(endpoint, 'registration_endpoint');
  const client = await postToEndpoint(
    {
      url,
      what: 'the client registration',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(clientMetadata(wish)),
      secrets: [],
      read: (fields) => readClient(fields, wish),
      toError: (refusal) => registrationError(refusal, wish),
    },
    deps,
  );
  if (client.clientSecret !== undefined) deps.secret(client.clientSecret);
  return client;
}

function clientMetadata(wish: RegistrationWish): object {
  const { authorizationServer, scopes } = wish;
  return {
    client_name: 'mcp-master',
    ...grantMetadata(wish),
    application_type: 'native',
    token_endpoint_auth_method: wantedMethod(authorizationServer),
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  };
}

/** RFC 7591 §2; RFC 8628 has neither redirects nor an authorization endpoint. */
function grantMetadata({ grant, redirectUri }: RegistrationWish): object {
  if (grant === 'device_code') {
    return { grant_types: [DEVICE_CODE_GRANT, 'refresh_token'], response_types: [] };
  }
  return {
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
}

/** A program on a person's computer can't keep a secret (RFC 8252 §8.5), so it prefers to have none. */
function wantedMethod({ metadata }: AuthorizationServer): ClientAuthMethod {
  const listed = metadata.token_endpoint_auth_methods_supported ?? ['none'];
  const withSecret = listed.some((method) => method.startsWith('client_secret'));
  return listed.includes('none') || !withSecret ? 'none' : secretMethod(listed);
}

/** The registered client, which may differ from what was asked for (RFC 7591 §3.2.1), or why not. */
function readClient(fields: Fields, wish: RegistrationWish): ClientRegistration | string {
  const { client_id: clientId, client_secret: secret, redirect_uris: uris } = fields;
  if (typeof clientId !== 'string' || clientId === '') return 'there is no client_id in it';
  const { redirectUri, scopes } = wish;
  const own = redirectUri === undefined ? {} : { redirectUri };
  if (redirectUri !== undefined && Array.isArray(uris) && uris.length > 0) {
    if (!uris.includes(redirectUri)) return `its redirect_uris lack ${redirectUri}`;
  }
  const client = { source: 'dynamic', clientId, ...own, scopes } as const;
  const { token_endpoint_auth_method: given } = fields;
  if (given === 'none' || typeof secret !== 'string' || secret === '') {
    return { ...client, authMethod: 'none' };
  }
  const listed = wish.authorizationServer.metadata.token_endpoint_auth_methods_supported;
  const authMethod = typeof given === 'string' ? given : secretMethod(listed);
  if (authMethod !== 'client_secret_basic' && authMethod !== 'client_secret_post') {
    return `its authentication method is ${authMethod}, which is not supported`;
  }
  return { ...client, clientSecret: secret, authMethod };
}

function registrationError(refusal: Refusal, wish: RegistrationWish): McpMasterError {
  const hint =
    refusal.error === 'invalid_redirect_uri' && wish.redirectUri !== undefined
      ? `Set \`redirect_uri\` to one that it accepts instead of ${wish.redirectUri}, or configure \`client_id\`.`
      : ownClientHint(wish);
  return endpointError('REGISTRATION_FAILED', refusal, hint);
}
