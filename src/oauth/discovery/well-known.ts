/**
 * Where the metadata of a protected resource may be (RFC 9728 §3.1): the well-known part before its
 * path, then at the root of its origin, as the MCP specification asks.
 */
export function protectedResourceUrls(server: URL): URL[] {
  const name = '/.well-known/oauth-protected-resource';
  const root = at(server, name);
  const path = pathOf(server);
  if (path === '' && server.search === '') return [root];
  const inserted = at(server, name + path);
  inserted.search = server.search;
  return [inserted, root];
}

/**
 * Where the metadata of an authorization server may be (RFC 8414 §3.1, §5 and OpenID Connect Discovery
 * §4), in the order of the MCP specification ("Authorization Server Metadata Discovery").
 */
export function authorizationServerUrls(issuer: URL): URL[] {
  const path = pathOf(issuer);
  const inserted = [
    at(issuer, `/.well-known/oauth-authorization-server${path}`),
    at(issuer, `/.well-known/openid-configuration${path}`),
  ];
  if (path === '') return inserted;
  return [...inserted, at(issuer, `${path}/.well-known/openid-configuration`)];
}

/** The path without a final slash; empty for the root. */
function pathOf({ pathname }: URL): string {
  return pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
}

function at({ origin }: URL, path: string): URL {
  const url = new URL(origin);
  // Not by resolving it: a path that begins with two slashes would become a host.
  url.pathname = path;
  return url;
}
