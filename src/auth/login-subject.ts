import type { OAuthSettings, RemoteEndpoint, SecretRef, ServerConfig } from '../config/config.ts';
import { MASTER } from '../config/master.ts';
import { sendsCredential } from './request-headers.ts';

/** What a login is for: a server, or all that the master's token is sent to. */
export interface LoginSubject {
  /** The name of the server, or that of the master. */
  server: string;
  /** Undefined = the login of the master, which no server of its own demands. */
  url: string | undefined;
  headers: Record<string, string>;
  settings: OAuthSettings;
}

/** What decides whose login a server's requests carry. */
export interface SubjectDeps {
  /** The master's settings; undefined = it has no login of its own, or needs none. */
  master: OAuthSettings | undefined;
  /** Whether the `token_source` of a server has a token. */
  hasSourceToken(settings: OAuthSettings): boolean;
}

/** Whose login a server's requests carry; undefined where they carry none. */
export function loginSubject(
  { name, endpoint }: Pick<ServerConfig, 'name' | 'endpoint'>,
  { master, hasSourceToken }: SubjectDeps,
): LoginSubject | undefined {
  if (endpoint.kind === 'stdio') return undefined;
  const { auth, url, headers } = endpoint;
  const own = (settings: OAuthSettings) => ({ server: name, url, headers, settings });
  switch (auth.strategy) {
    case 'delegate_oauth':
      return own(auth.oauth);
    case 'proxy_oauth':
      return hasSourceToken(auth.oauth) ? undefined : own(auth.oauth);
    case 'detect':
      return sendsCredential(endpoint) ? undefined : own({});
    case 'master_oauth':
      return master && masterSubject(master);
    default:
      return undefined;
  }
}

/** No resource is named unless the user does: the token is not for one server. */
export function masterSubject(master: OAuthSettings): LoginSubject {
  return { server: MASTER, url: undefined, headers: {}, settings: { resource: false, ...master } };
}

/** The master's own login in the shape of a server, for the commands on logins. */
export function masterServer(
  oauth: OAuthSettings | undefined,
  secretRefs: readonly SecretRef[],
): ServerConfig {
  const endpoint: RemoteEndpoint = {
    ...{ kind: 'http', url: '', headers: {}, sseReadTimeout: 0 },
    auth: { strategy: 'master_oauth', oauth: oauth ?? {} },
  };
  const targets = secretRefs.map(({ target: [, ...keys], ...ref }) => ({
    ...ref,
    target: ['endpoint', 'auth', 'oauth', ...keys],
  }));
  return {
    ...{ name: MASTER, enabled: true, prefix: MASTER, endpoint, timeout: 0, startupTimeout: 0 },
    tools: { allow: undefined, deny: [], describe: {} },
    ...{ rateLimit: undefined, pin: 'off', fingerprint: '', secretRefs: targets },
  };
}
