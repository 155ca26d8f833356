import type { OAuthSettings, ServerConfig } from './config.ts';

/** The name of the master's own login, which no server can have. */
export const MASTER = 'master';

/** Whether a server is sent the master's token, or may be. */
export function usesMasterToken({ endpoint }: Pick<ServerConfig, 'endpoint'>): boolean {
  if (endpoint.kind === 'stdio') return false;
  const { auth } = endpoint;
  if (auth.strategy === 'proxy_oauth') return auth.oauth.allowPassthrough === true;
  return auth.strategy === 'master_oauth';
}

/**
 * A token that was asked for with a resource (RFC 8707) is for that one alone: a server elsewhere gets it
 * only where the user says so at that server. What is wrong with sending it there; undefined when nothing is.
 */
export function masterResourceProblem(
  { endpoint }: Pick<ServerConfig, 'endpoint'>,
  master: OAuthSettings | undefined,
): { message: string; hint: string } | undefined {
  const resource = master?.resource;
  if (endpoint.kind === 'stdio' || endpoint.auth.strategy !== 'master_oauth') return undefined;
  if (typeof resource !== 'string' || endpoint.auth.oauth.allowPassthrough === true) {
    return undefined;
  }
  if (covers(resource, endpoint.url)) return undefined;
  return {
    message: `the master's token is for ${resource}, and this server is elsewhere`,
    hint: 'If the server accepts that token all the same, write auth_config: { allow_passthrough: true }.',
  };
}

/** Whether a login can be found with these settings: the master has no server that would name one. */
export function namesAuthorizationServer(settings: OAuthSettings): boolean {
  return (settings.issuer ?? settings.tokenEndpoint) !== undefined;
}

function covers(resource: string, address: string): boolean {
  if (!URL.canParse(resource) || !URL.canParse(address)) return false;
  const [whole, part] = [new URL(resource), new URL(address)];
  const folder = whole.pathname.replace(/\/$/, '');
  const isBelow = part.pathname === folder || part.pathname.startsWith(`${folder}/`);
  return whole.origin === part.origin && isBelow;
}
