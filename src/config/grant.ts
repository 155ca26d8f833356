import type { OAuthSettings } from './config.ts';
import type { Section } from './section.ts';
import type { Path } from './source.ts';

type Grant = NonNullable<OAuthSettings['grant']>;

/** What the grant is checked against. */
type GrantInput = {
  [K in
    | 'grant'
    | 'clientId'
    | 'clientSecret'
    | 'privateKey'
    | 'tokenEndpointAuthMethod'
    | 'authorizationEndpoint'
    | 'deviceAuthorizationEndpoint'
    | 'redirectPort'
    | 'redirectUri'
    | 'clientMetadataUrl']?: OAuthSettings[K] | undefined;
};

/** Settings that only some grants have a use for. */
const USED_BY: readonly [setting: keyof GrantInput, key: string, grants: readonly Grant[]][] = [
  ['redirectPort', 'redirect_port', ['authorization_code']],
  ['redirectUri', 'redirect_uri', ['authorization_code']],
  ['authorizationEndpoint', 'authorization_endpoint', ['authorization_code']],
  ['deviceAuthorizationEndpoint', 'device_authorization_endpoint', ['device_code']],
  ['clientMetadataUrl', 'client_metadata_url', ['authorization_code', 'device_code']],
];

/**
 * Checks the settings against their `grant`: an error where it lacks what it needs, a warning for each
 * setting that it has no use for.
 */
export function checkGrant(section: Section, path: Path, input: GrantInput): void {
  const { grant = 'authorization_code' } = input;
  if (grant === 'client_credentials') checkOwnCredentials(section, path, input);
  for (const [setting, key, grants] of USED_BY) {
    if (input[setting] === undefined || grants.includes(grant)) continue;
    section.warn([...path, key], `has no effect with the grant ${grant}`);
  }
}

/** RFC 6749 §4.4: for clients that can prove who they are. */
function checkOwnCredentials(section: Section, path: Path, input: GrantInput): void {
  const { clientId, clientSecret, privateKey, tokenEndpointAuthMethod: method } = input;
  if (clientId === undefined || (clientSecret ?? privateKey) === undefined) {
    section.error([...path, 'grant'], 'needs "client_id" and "client_secret" or "private_key"');
  } else if (method === 'none' && clientSecret === undefined) {
    const place = [...path, 'token_endpoint_auth_method'];
    section.error(place, 'contradicts the grant client_credentials');
  }
}
