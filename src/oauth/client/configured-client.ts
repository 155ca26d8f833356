import type { OAuthSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import type { OAuthDeps } from '../tokens/token-requests.ts';
import { secretMethod } from './client-auth.ts';
import {
  CLIENT_AUTH_METHODS,
  type ClientAuthMethod,
  type ClientRegistration,
} from './client-registration.ts';
import { readSigningKey } from './private-key.ts';

/** What a {@link configuredClient} is made of. */
export interface ConfiguredWish {
  settings: OAuthSettings;
  authorizationServer: AuthorizationServer;
  /** Exactly as it will be sent; undefined where nobody is sent back. */
  redirectUri?: string | undefined;
}

/**
 * The client that the configuration names, with what it proves itself with. Rejects with
 * `CONFIG_INVALID` when there is none, or its key can't be used.
 */
export async function configuredClient(
  { settings, authorizationServer, redirectUri }: ConfiguredWish,
  deps: OAuthDeps,
): Promise<ClientRegistration> {
  const { metadata } = authorizationServer;
  const { clientId, clientSecret, privateKey } = settings;
  if (clientId === undefined) throw unnamed();
  for (const value of [clientSecret, privateKey]) if (value !== undefined) deps.secret(value);
  const listed = metadata.token_endpoint_auth_methods_supported;
  const authMethod = configuredMethod(settings, listed);
  if (privateKey !== undefined && authMethod === 'private_key_jwt') {
    // A key that can't be used is better found before a browser opens.
    await readSigningKey(privateKey, metadata.token_endpoint_auth_signing_alg_values_supported);
  }
  const client = { source: 'configured', clientId, authMethod } as const;
  return withSettings({ ...client, ...(redirectUri !== undefined && { redirectUri }) }, settings);
}

function configuredMethod(
  { tokenEndpointAuthMethod, clientSecret, privateKey }: OAuthSettings,
  listed: readonly string[] | undefined,
): ClientAuthMethod {
  const chosen = CLIENT_AUTH_METHODS.find((method) => method === tokenEndpointAuthMethod);
  if (chosen !== undefined) return chosen;
  if (privateKey !== undefined) return 'private_key_jwt';
  return clientSecret === undefined ? 'none' : secretMethod(listed);
}

/** A stored client with what the configuration alone knows of it: its secret or its key. */
export function withSettings(
  client: ClientRegistration,
  { clientSecret, privateKey }: OAuthSettings,
): ClientRegistration {
  if (client.source !== 'configured') return client;
  return {
    ...client,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(privateKey === undefined ? {} : { privateKey }),
  };
}

function unnamed(): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', 'this server has no `client_id`', {
    hint: 'Set `client_id`, and `client_secret` or `private_key`, in its auth_config.',
  });
}
