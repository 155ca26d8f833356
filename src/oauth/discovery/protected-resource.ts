import type { OAuthSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { JsonObject } from '../../rpc/message.ts';
import { shownUrl } from '../shown.ts';
import { secureUrl } from './address.ts';
import type { AddressGuard } from './address-guard.ts';
import type { Challenge } from './challenge.ts';
import { textIn, textsIn } from './document-members.ts';
import { broken, type MetadataDeps } from './metadata-request.ts';
import { failedAttempt, type Search, searchMetadata } from './metadata-search.ts';
import { protectedResourceUrls } from './well-known.ts';

/** What a server says of itself as a protected resource (RFC 9728 §2), as far as the login reads it. */
export interface ProtectedResource {
  /** Exactly as sent. */
  resource: string;
  /** Issuers, not yet checked. */
  authorizationServers: string[];
  scopesSupported: string[];
}

/** The server whose metadata is looked for. */
export interface ResourceTarget {
  url: URL;
  settings: OAuthSettings;
  challenge: Challenge | undefined;
}

/**
 * Looks for the metadata of a protected resource: where its challenge says, else at the well-known
 * places (MCP specification, "Protected Resource Metadata Discovery Requirements").
 */
export async function findProtectedResource(
  { url, settings, challenge }: ResourceTarget,
  guard: AddressGuard,
  deps: MetadataDeps,
): Promise<Search<ProtectedResource>> {
  const read = (document: JsonObject, from: URL) => readResource(document, from, url, settings);
  const named = challenge?.resourceMetadata;
  const first = await searchNamed(named, read, guard, deps);
  if (first.found !== undefined) return first;
  const places = protectedResourceUrls(url).filter(({ href }) => href !== named);
  const { found, tried } = await searchMetadata(places, read, guard, deps);
  return { found, tried: [...first.tried, ...tried] };
}

async function searchNamed(
  named: string | undefined,
  read: (document: JsonObject, from: URL) => ProtectedResource,
  guard: AddressGuard,
  deps: MetadataDeps,
): Promise<Search<ProtectedResource>> {
  if (named === undefined) return { found: undefined, tried: [] };
  try {
    const place = secureUrl(named, '`resource_metadata` of the challenge');
    return await searchMetadata([place], read, guard, deps);
  } catch (error) {
    return { found: undefined, tried: [failedAttempt(named, error)] };
  }
}

function readResource(
  document: JsonObject,
  from: URL,
  server: URL,
  settings: OAuthSettings,
): ProtectedResource {
  const resource = textIn(document, 'resource');
  if (resource === undefined) throw broken(from, 'has no `resource`');
  // Whoever writes the very same value into the configuration has decided that it is right.
  if (resource !== settings.resource && !coversServer(resource, server)) {
    throw resourceMismatch(from, resource, server);
  }
  return {
    resource,
    authorizationServers: textsIn(document, 'authorization_servers') ?? [],
    scopesSupported: textsIn(document, 'scopes_supported') ?? [],
  };
}

/**
 * Whether a resource is the server (RFC 9728 §3.3), or an origin or a path above it on the same origin,
 * as the MCP SDK's `checkResourceAllowed` accepts; a final slash makes no difference.
 */
export function coversServer(resource: string, server: URL): boolean {
  if (!URL.canParse(resource)) return false;
  const { origin, pathname, search, hash } = new URL(resource);
  if (origin !== server.origin || hash !== '') return false;
  if (search !== '' && search !== server.search) return false;
  return withSlash(server.pathname).startsWith(withSlash(pathname));
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function resourceMismatch(from: URL, resource: string, server: URL): McpMasterError {
  const message = `${shownUrl(from)} speaks for the resource "${shownUrl(resource)}", not for ${shownUrl(server)}`;
  return new McpMasterError('RESOURCE_MISMATCH', message, {
    hint: 'Check `url`. Only if you trust this server with tokens for that resource, set `resource` to it in `auth_config`.',
  });
}
