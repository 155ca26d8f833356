import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { shownUrl } from '../shown.ts';

/**
 * What a person does where a client can't be registered by program: the redirect URI for the provider
 * (undefined where nobody is sent back), and the lines for the configuration.
 */
export function ownClientHint(wish: {
  authorizationServer: AuthorizationServer;
  redirectUri: string | undefined;
}): string {
  const { authorizationServer, redirectUri } = wish;
  const issuer = shownUrl(authorizationServer.metadata.issuer);
  // Only an issuer with metadata can be found again by its name.
  const found = authorizationServer.source === 'metadata' ? `issuer: "${issuer}", ` : '';
  const [what, key] =
    redirectUri === undefined
      ? ['that may log in by device code', 'grant: device_code']
      : [`with the redirect URI ${redirectUri}`, `redirect_uri: "${redirectUri}"`];
  const keys = `auth_config: { ${found}client_id: "…", ${key} }`;
  return `Register an application ${what} at ${issuer}, then write in the entry of this server: ${keys}, and client_secret: env:NAME if it gave you one.`;
}
