import type { OAuthSettings } from '../../config/config.ts';
import { PRESETS } from '../../config/presets.ts';
import type { Logger } from '../../log.ts';
import { secureUrl } from './address.ts';
import type { AddressGuard } from './address-guard.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { MetadataDeps } from './metadata-request.ts';
import { failedAttempt, type Search, searchMetadata } from './metadata-search.ts';
import { overrides, readServerMetadata, usesBrowserFlow } from './server-metadata.ts';
import { authorizationServerUrls } from './well-known.ts';

/** Authorization servers of one protected resource that are tried. */
const MAX_SERVERS = 5;

/** Where authorization servers are looked for, and by what they are judged. */
export interface ServerSearch {
  /** The first that works is taken; the rest after five are not asked. */
  issuers: readonly string[];
  settings: OAuthSettings;
  guard: AddressGuard;
}

/** Looks for the metadata of the first authorization server that can be used (RFC 8414, OpenID Connect). */
export async function findAuthorizationServer(
  { issuers, settings, guard }: ServerSearch,
  deps: MetadataDeps,
): Promise<Search<AuthorizationServer>> {
  const tried: Search<AuthorizationServer>['tried'] = [];
  for (const issuer of issuers.slice(0, MAX_SERVERS)) {
    const places = placesOf(issuer, tried);
    const judge = { issuer, settings, guard, log: deps.log };
    const search = await searchMetadata(
      places,
      (document, from) => readServerMetadata(document, from, judge),
      guard,
      deps,
    );
    tried.push(...search.tried);
    if (search.found) return { found: { metadata: search.found, source: 'metadata' }, tried };
  }
  return { found: undefined, tried };
}

function placesOf(issuer: string, tried: Search<AuthorizationServer>['tried']): URL[] {
  try {
    return authorizationServerUrls(secureUrl(issuer, 'the authorization server'));
  } catch (error) {
    tried.push(failedAttempt(issuer, error));
    return [];
  }
}

/** Whether the configuration gives every endpoint that the grant needs. */
export function namesEndpoints(settings: OAuthSettings): boolean {
  const { authorizationEndpoint, deviceAuthorizationEndpoint, tokenEndpoint, grant } = settings;
  if (tokenEndpoint === undefined) return false;
  if (grant === 'client_credentials') return true;
  const first = grant === 'device_code' ? deviceAuthorizationEndpoint : authorizationEndpoint;
  return first !== undefined;
}

/** The authorization server whose endpoints the configuration gives; it needs no metadata. */
export function configuredServer(
  settings: OAuthSettings,
  log: Logger,
): AuthorizationServer | undefined {
  const { authorizationEndpoint, tokenEndpoint, issuer, provider = '' } = settings;
  if (tokenEndpoint === undefined || !namesEndpoints(settings)) return undefined;
  secureUrl(tokenEndpoint, '`token_endpoint`');
  const { origin } = secureUrl(
    authorizationEndpoint ?? tokenEndpoint,
    authorizationEndpoint ? '`authorization_endpoint`' : '`token_endpoint`',
  );
  if (usesBrowserFlow(settings)) {
    log.warn(
      `the endpoints at ${origin} are configured: PKCE S256 is sent, although no metadata offers it`,
    );
  }
  const scopes = PRESETS.get(provider)?.scopesSupported;
  return {
    source: 'settings',
    ...(issuer === undefined && { issuerGuessed: true }),
    metadata: {
      issuer: issuer ?? origin,
      token_endpoint: tokenEndpoint,
      ...overrides(settings),
      ...(scopes === undefined ? {} : { scopes_supported: [...scopes] }),
    },
  };
}

/** The paths that revision 2025-03-26 of MCP gives a server without metadata, on the server's origin. */
export function assumedServer({ origin }: URL, settings: OAuthSettings): AuthorizationServer {
  return {
    source: 'assumed',
    metadata: {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      ...overrides(settings),
    },
  };
}
