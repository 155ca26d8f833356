import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import type { Token } from 'oidc-provider/lib/provider.js';
import { deviceScreens } from './device-screens.ts';

/** A client that the authorization server knows without registration (RFC 7591 §2). */
export interface KnownClient {
  client_id: string;
  redirect_uris: string[];
  token_endpoint_auth_method:
    | 'none'
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'private_key_jwt';
  client_secret?: string;
  /** Public keys, for `private_key_jwt`. */
  jwks?: { keys: object[] };
  /** Default: authorization_code and refresh_token. */
  grant_types?: string[];
}

/** What may be chosen about the real authorization server; all of it may be left out. */
export interface ProviderOptions {
  clients?: KnownClient[];
  /** Whether anybody may register (RFC 7591); default true. */
  registration?: boolean;
  /** The scopes of resources; default `mcp:read` and `mcp:write`. */
  scopes?: string[];
  accessTokens?: 'opaque' | 'jwt';
  /** How long access tokens are good; default 3600. */
  accessTokenSeconds?: number;
  /** How long refresh tokens are good; default 86400. */
  refreshTokenSeconds?: number;
  /**
   * When a refresh token is issued: for `offline_access` as OpenID Connect has it (asked for with
   * `prompt=consent`), to each client that has the grant type, or never. Default `offline_access`.
   */
  refreshTokens?: 'offline_access' | 'always' | 'never';
  /** Whether a refresh token is good for one refresh only; default true. */
  rotation?: boolean;
  /** How long a device code is good; default 600. */
  deviceCodeSeconds?: number;
}

/** Scopes of resources that are known unless others are given. */
export const RESOURCE_SCOPES = ['mcp:read', 'mcp:write'];

const DAY = 86_400;

/** The issuer's key as a private JSON Web Key, and where the screens for a person are. */
export interface ProviderSurroundings {
  key: object;
  interactionPath(uid: string): string;
}

/**
 * The configuration of oidc-provider: PKCE always, resource indicators, rotation, revocation. Every
 * default that would print a warning is replaced.
 */
export function providerConfiguration(
  options: ProviderOptions,
  { key, interactionPath }: ProviderSurroundings,
): object {
  const scopes = options.scopes ?? RESOURCE_SCOPES;
  const clients = (options.clients ?? []).map((client) => ({
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: client.redirect_uris.length === 0 ? [] : ['code'],
    ...client,
  }));
  return {
    clients,
    adapter: createMemoryAdapter(0),
    jwks: { keys: [key] },
    // A token that has expired is refused from that second on.
    clockTolerance: 0,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', ...scopes],
    pkce: { required: () => true },
    rotateRefreshToken: options.rotation ?? true,
    issueRefreshToken: issueRefreshToken(options.refreshTokens ?? 'offline_access'),
    ttl: lifetimes(options),
    features: features(options, scopes),
    interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => interactionPath(uid) },
    findAccount: (_ctx: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId }),
    }),
    renderError: (ctx: { body: unknown }, out: object) => {
      ctx.body = JSON.stringify(out);
    },
  };
}

function features(options: ProviderOptions, scopes: string[]): object {
  const info = {
    scope: scopes.join(' '),
    accessTokenFormat: options.accessTokens ?? 'opaque',
    accessTokenTTL: options.accessTokenSeconds ?? 3600,
    jwt: { sign: { alg: 'ES256' } },
  };
  return {
    devInteractions: { enabled: false },
    registration: { enabled: options.registration ?? true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true, ...deviceScreens },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx: unknown, client: { clientId: string }, token: Token) =>
        token.clientId === client.clientId,
    },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => info,
      useGrantedResource: () => true,
    },
  };
}

function lifetimes(options: ProviderOptions): object {
  const access = options.accessTokenSeconds ?? 3600;
  return {
    AccessToken: access,
    ClientCredentials: access,
    IdToken: access,
    AuthorizationCode: 60,
    DeviceCode: options.deviceCodeSeconds ?? 600,
    RefreshToken: options.refreshTokenSeconds ?? DAY,
    Interaction: 600,
    Session: DAY,
    Grant: DAY,
  };
}

type RefreshPolicy = NonNullable<ProviderOptions['refreshTokens']>;

function issueRefreshToken(policy: RefreshPolicy) {
  return async (
    _ctx: unknown,
    client: { grantTypeAllowed(type: string): boolean },
    { scopes }: { scopes: Set<string> },
  ) => {
    if (policy === 'never' || !client.grantTypeAllowed('refresh_token')) return false;
    return policy === 'always' || scopes.has('offline_access');
  };
}
