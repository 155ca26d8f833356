import type { OAuthSettings } from './config.ts';

/** What is known of a provider, so that nobody has to look it up. */
export interface Preset {
  /** Where its login is: endpoints where its metadata can not be used. */
  server: Readonly<Pick<OAuthSettings, 'issuer' | 'authorizationEndpoint' | 'tokenEndpoint'>>;
  /** Where `grant: device_code` begins, where no metadata says so. */
  deviceAuthorizationEndpoint?: string;
  /** What else its logins need; `extraParams` are those of the authorization request. */
  settings: Readonly<OAuthSettings>;
  /** Scopes that it offers, where there is no metadata to say so. */
  scopesSupported?: readonly string[];
}

/**
 * The providers, by the names that `provider` may have. None of them knows the `resource` of RFC 8707;
 * Microsoft refuses requests with it.
 */
export const PRESETS: ReadonlyMap<string, Preset> = new Map<string, Preset>([
  [
    'github',
    {
      server: {
        issuer: 'https://github.com/login/oauth',
        authorizationEndpoint: 'https://github.com/login/oauth/authorize',
        tokenEndpoint: 'https://github.com/login/oauth/access_token',
      },
      deviceAuthorizationEndpoint: 'https://github.com/login/device/code',
      settings: { resource: false },
    },
  ],
  [
    'google',
    {
      server: { issuer: 'https://accounts.google.com' },
      settings: {
        resource: false,
        // Without both it gives a refresh token at the very first login only, or none at all.
        extraParams: { access_type: 'offline', prompt: 'consent' },
      },
    },
  ],
  [
    'microsoft',
    {
      server: {
        // Its metadata names another issuer, and does not mention S256.
        authorizationEndpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
        tokenEndpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
      },
      deviceAuthorizationEndpoint:
        'https://login.microsoftonline.com/common/oauth2/v2.0/devicecode',
      settings: { resource: false },
      scopesSupported: ['openid', 'profile', 'email', 'offline_access'],
    },
  ],
]);

/**
 * The settings with what the preset of their `provider` adds; as they are when there is no such preset.
 * What the user has given stays.
 */
export function withPreset(given: OAuthSettings): OAuthSettings {
  const preset = PRESETS.get(given.provider ?? '');
  if (preset === undefined) return given;
  const {
    server,
    settings: { extraParams, ...settings },
  } = preset;
  const own = isElsewhere(given, preset) ? {} : { ...server, ...deviceEndpoint(given, preset) };
  const filled = { ...own, ...settings, ...given };
  const isBrowser = (given.grant ?? 'authorization_code') === 'authorization_code';
  if (extraParams === undefined || !isBrowser) return filled;
  return { ...filled, extraParams: { ...extraParams, ...given.extraParams } };
}

/** A code of the preset's server is of no use at a token endpoint of the user's own. */
function deviceEndpoint(
  { grant, authorizationEndpoint, tokenEndpoint }: OAuthSettings,
  { deviceAuthorizationEndpoint }: Preset,
): Pick<OAuthSettings, 'deviceAuthorizationEndpoint'> {
  if (grant !== 'device_code' || deviceAuthorizationEndpoint === undefined) return {};
  const isOwn = (authorizationEndpoint ?? tokenEndpoint) !== undefined;
  return isOwn ? {} : { deviceAuthorizationEndpoint };
}

/** Whether the settings lead to the server of their preset, and nowhere else. */
export function isPresetServer({ provider = '', ...settings }: OAuthSettings): boolean {
  const server = PRESETS.get(provider)?.server;
  if (server === undefined) return false;
  const { issuer, authorizationEndpoint, tokenEndpoint } = settings;
  return (
    issuer === server.issuer &&
    authorizationEndpoint === server.authorizationEndpoint &&
    tokenEndpoint === server.tokenEndpoint
  );
}

/**
 * Whether the user logs in at another server than the preset's, such as GitHub Enterprise: a code of
 * that one must not go to the token endpoint of this one.
 */
function isElsewhere(
  { issuer, authorizationEndpoint }: OAuthSettings,
  { server }: Preset,
): boolean {
  if (issuer !== undefined && issuer !== server.issuer) return true;
  const known = server.issuer ?? server.authorizationEndpoint;
  if (authorizationEndpoint === undefined || known === undefined) return false;
  return !authorizationEndpoint.startsWith(`${new URL(known).origin}/`);
}
