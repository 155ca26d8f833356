import type { OAuthSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { shownUrl } from '../shown.ts';
import type { OAuthDeps } from '../tokens/token-requests.ts';
import type { ClientRegistration } from './client-registration.ts';
import { configuredClient } from './configured-client.ts';
import { ownClientHint } from './own-client-hint.ts';
import { registerClient } from './registration.ts';

/** What a client is chosen for. */
export interface ClientWish {
  settings: OAuthSettings;
  authorizationServer: AuthorizationServer;
  /** Exactly as it will be sent; undefined where nobody is sent back. */
  redirectUri: string | undefined;
  /** The client of an earlier login at the same issuer. */
  remembered: ClientRegistration | undefined;
  scopes: string[];
  /** Registers anew instead of using the remembered client. */
  force?: boolean;
}

/**
 * Who we are at an authorization server (MCP specification, "Client Registration Approaches"): the
 * configured client, else a Client ID Metadata Document, else the client registered before with this
 * redirect URI for at least these scopes, else one that is registered now. Rejects with `CLIENT_ID_REQUIRED` when there is no
 * way but the configuration, `CONFIG_INVALID` for a bad key, and with what {@link registerClient}
 * rejects with.
 */
export async function chooseClient(wish: ClientWish, deps: OAuthDeps): Promise<ClientRegistration> {
  const { settings, redirectUri, remembered } = wish;
  const { metadata } = wish.authorizationServer;
  if (settings.clientId !== undefined) return configuredClient(wish, deps);
  if (settings.clientMetadataUrl !== undefined) {
    const clientId = settings.clientMetadataUrl;
    if (metadata.client_id_metadata_document_supported === true) {
      const client = { source: 'metadata_document', clientId, authMethod: 'none' } as const;
      return { ...client, ...(redirectUri !== undefined && { redirectUri }) };
    }
    deps.log.warn(
      `client_metadata_url is not used: ${shownUrl(metadata.issuer)} does not support Client ID Metadata Documents`,
    );
  }
  if (remembered !== undefined && isUsable(remembered, wish)) {
    if (remembered.clientSecret !== undefined) deps.secret(remembered.clientSecret);
    return remembered;
  }
  const { registration_endpoint: endpoint } = metadata;
  if (endpoint !== undefined) {
    return registerClient(endpoint, { ...wish, grant: settings.grant }, deps);
  }
  const message = `${shownUrl(metadata.issuer)} does not register clients by itself, and no \`client_id\` is configured`;
  throw new McpMasterError('CLIENT_ID_REQUIRED', message, { hint: ownClientHint(wish) });
}

function isUsable(client: ClientRegistration, wish: ClientWish): boolean {
  if (wish.force === true || client.source !== 'dynamic') return false;
  const covers = wish.scopes.every((scope) => client.scopes?.includes(scope));
  return covers && client.redirectUri === wish.redirectUri;
}
