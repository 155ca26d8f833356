import type { OAuthSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import { secureUrl } from './address.ts';
import { createAddressGuard, type ResolveHost } from './address-guard.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Challenge } from './challenge.ts';
import {
  assumedServer,
  configuredServer,
  findAuthorizationServer,
  namesEndpoints,
} from './find-authorization-server.ts';
import type { MetadataDeps } from './metadata-request.ts';
import { type Attempt, type Search, searchError } from './metadata-search.ts';
import { findProtectedResource, type ProtectedResource } from './protected-resource.ts';

/** The server that a login is for. */
export interface DiscoveryTarget {
  /** As configured: https, or on this computer. */
  url: URL;
  settings: OAuthSettings;
  /** What the server said when it refused a request; undefined when it was not heard. */
  challenge: Challenge | undefined;
}

/** What discovery takes from the world. */
export interface DiscoveryDeps extends MetadataDeps {
  resolve: ResolveHost;
}

/** Where a server's login is. */
export interface Discovery {
  authorizationServer: AuthorizationServer;
  /** The RFC 8707 parameter to send; undefined = none. */
  resource: string | undefined;
  /** `scopes_supported` of the protected resource; empty when it does not say. */
  resourceScopes: string[];
  /** The places without usable metadata, in the order in which they were asked. */
  tried: Attempt[];
}

/**
 * Finds out where to log in to a server (MCP specification 2025-11-25, "Authorization Server
 * Discovery", and the paths of 2025-03-26 where there is no metadata at all). What the configuration
 * gives wins. Rejects with `DISCOVERY_FAILED`, `ISSUER_MISMATCH`, `RESOURCE_MISMATCH`,
 * `PKCE_UNSUPPORTED`, `INSECURE_URL` or `TLS_UNTRUSTED`, naming every place that was asked.
 *
 * An authorization server that is `assumed` may not exist: see {@link assumptionError}.
 */
export async function discover(target: DiscoveryTarget, deps: DiscoveryDeps): Promise<Discovery> {
  const guard = await createAddressGuard(target.url, deps.resolve);
  const described = await findProtectedResource(target, guard, deps);
  if (described.found === undefined) acceptAbsence(target, described.tried, deps);
  const server = await findServer(target, described, deps);
  return {
    authorizationServer: server.found,
    resource: resourceParameter(target, described.found),
    resourceScopes: described.found?.scopesSupported ?? [],
    tried: [...described.tried, ...server.tried],
  };
}

/**
 * The same where no server names its authorization server: the settings do, by `issuer` or endpoints.
 * Rejects with `CONFIG_INVALID` when they don't, and with what {@link discover} rejects with.
 */
export async function discoverNamed(
  settings: OAuthSettings,
  deps: DiscoveryDeps,
): Promise<Discovery> {
  const resource = settings.resource === false ? undefined : settings.resource;
  const about = { resource, resourceScopes: [] };
  const configured = configuredServer(settings, deps.log);
  if (configured !== undefined) return { authorizationServer: configured, ...about, tried: [] };
  if (settings.issuer === undefined) throw unnamedError();
  const url = secureUrl(settings.issuer, '`issuer`');
  const guard = await createAddressGuard(url, deps.resolve);
  const issuers = [settings.issuer];
  const { found, tried } = await findAuthorizationServer({ issuers, settings, guard }, deps);
  if (found === undefined) throw searchError(url, tried);
  return { authorizationServer: found, ...about, tried };
}

function unnamedError(): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', 'it is not said where the master logs in', {
    hint: 'Write a `master_oauth` block with `issuer`, or with endpoints, at the root of the configuration.',
  });
}

/**
 * The error for an `assumed` authorization server whose registration endpoint answers with `status`
 * (404 and the like): nothing is there, so it names everything that was tried, and what to configure.
 */
export function assumptionError(
  { url }: Pick<DiscoveryTarget, 'url'>,
  { authorizationServer, tried }: Discovery,
  status: number,
): McpMasterError {
  const { registration_endpoint: endpoint = url.origin } = authorizationServer.metadata;
  return searchError(url, [...tried, { url: endpoint, status, error: undefined }]);
}

/** No metadata of the resource: fine when there is none, or when the configuration names the server. */
function acceptAbsence({ url, settings }: DiscoveryTarget, tried: Attempt[], deps: MetadataDeps) {
  const failed = tried.find(({ error }) => error !== undefined);
  if (failed?.error === undefined) return;
  const isNamed = settings.issuer !== undefined || namesEndpoints(settings);
  const mismatch = tried.some(({ error }) => error?.code === 'RESOURCE_MISMATCH');
  if (!isNamed || mismatch) throw searchError(url, tried);
  deps.log.warn(`the server's metadata is left out: ${failed.error.message}`);
}

async function findServer(
  { url, settings }: DiscoveryTarget,
  described: Search<ProtectedResource>,
  deps: DiscoveryDeps,
): Promise<Search<AuthorizationServer> & { found: AuthorizationServer }> {
  const configured = configuredServer(settings, deps.log);
  if (configured !== undefined) return { found: configured, tried: [] };
  const named =
    settings.issuer === undefined ? described.found?.authorizationServers : [settings.issuer];
  const unnamed = named === undefined || named.length === 0;
  // Revision 2025-03-26: the server is its own authorization server. With a slash, either form is fine.
  const issuers = unnamed ? [`${url.origin}/`] : named;
  // The user trusts the issuer that he names, and its metadata may lead where it is itself.
  const trusted = settings.issuer === undefined ? url : secureUrl(settings.issuer, '`issuer`');
  const guard = await createAddressGuard(trusted, deps.resolve);
  const { found, tried } = await findAuthorizationServer({ issuers, settings, guard }, deps);
  if (found !== undefined) return { found, tried };
  const empty = tried.every(({ error }) => error === undefined);
  if (!unnamed || !empty || settings.clientId !== undefined) {
    throw searchError(url, unnamed ? [...described.tried, ...tried] : tried);
  }
  deps.log.debug(`${url.origin} has no metadata: its login is assumed at the paths of 2025-03-26`);
  return { found: assumedServer(url, settings), tried };
}

/** RFC 8707 §2; the MCP specification asks for the most specific form, without a slash of our own. */
function resourceParameter(
  { url, settings }: DiscoveryTarget,
  described: ProtectedResource | undefined,
): string | undefined {
  if (settings.resource === false) return undefined;
  if (settings.resource !== undefined) return settings.resource;
  if (described !== undefined) return described.resource;
  const path = url.pathname === '/' ? '' : url.pathname;
  // Without its query (RFC 8707 §2), which may hold a key that is nobody else's to see.
  return `${url.origin}${path}`;
}
