import type { OAuthSettings } from './config.ts';
import { checkGrant } from './grant.ts';
import { wholeReference } from './interpolate.ts';
import { PRESETS, withPreset } from './presets.ts';
import type { OAuthFields } from './schema.ts';
import type { Section } from './section.ts';
import type { Path } from './source.ts';
import { didYouMean } from './suggest.ts';
import { redirectProblem, secureAddress } from './urls.ts';

/** RFC 6749 §3.3: one scope. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Parameters of the authorization request that the flow sets itself. */
const RESERVED = new Set([
  'client_assertion',
  'client_assertion_type',
  'client_id',
  'client_secret',
  'code',
  'code_challenge',
  'code_challenge_method',
  'code_verifier',
  'grant_type',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
]);

/** OAuth settings under construction: every key may still be undefined. */
type Draft = { [K in keyof OAuthSettings]: OAuthSettings[K] | undefined };

/**
 * The settings of the block at `path` (`auth_config`), checked, with what the provider's preset adds;
 * what is wrong is reported.
 */
export function readOAuth(section: Section, path: Path, fields: OAuthFields): OAuthSettings {
  const draft: Draft = {
    provider: readProvider(section, [...path, 'provider'], fields.provider),
    clientId: fields.client_id,
    clientSecret: fields.client_secret,
    clientMetadataUrl: secureAddress(
      section,
      [...path, 'client_metadata_url'],
      fields.client_metadata_url,
    ),
    tokenEndpointAuthMethod: fields.token_endpoint_auth_method,
    privateKey: fields.private_key,
    scopes: readScopes(section, [...path, 'scopes'], fields.scopes),
    issuer: secureAddress(section, [...path, 'issuer'], fields.issuer),
    issuerCheck: fields.issuer_check,
    authorizationEndpoint: secureAddress(
      section,
      [...path, 'authorization_endpoint'],
      fields.authorization_endpoint,
    ),
    tokenEndpoint: secureAddress(section, [...path, 'token_endpoint'], fields.token_endpoint),
    deviceAuthorizationEndpoint: secureAddress(
      section,
      [...path, 'device_authorization_endpoint'],
      fields.device_authorization_endpoint,
    ),
    resource: readResource(section, path, fields),
    redirectPort: fields.redirect_port,
    redirectUri: readRedirect(section, path, fields),
    audience: fields.audience,
    extraParams: readExtra(section, [...path, 'extra_params'], fields.extra_params),
    grant: fields.grant,
    tokenSource: readTokenSource(section, [...path, 'token_source'], fields.token_source),
    allowPassthrough: fields.allow_passthrough,
  };
  checkClient(section, path, draft);
  checkGrant(section, path, draft);
  return withPreset(withoutUndefined(draft));
}

/** The name of a preset, in lower case. */
function readProvider(section: Section, path: Path, given: string | undefined): string | undefined {
  if (given === undefined || section.isUnresolved(path)) return given;
  const name = given.toLowerCase();
  const known = [...PRESETS.keys()];
  if (!known.includes(name)) {
    section.error(path, `expected one of ${known.join(', ')}, got ${JSON.stringify(given)}`, {
      hint:
        didYouMean(given, known) ??
        'Leave it out, and set `issuer`, or `authorization_endpoint` and `token_endpoint`, if the server does not name its login.',
    });
  }
  return name;
}

function readScopes(
  section: Section,
  path: Path,
  given: string | string[] | undefined,
): string[] | undefined {
  if (given === undefined || section.isUnresolved(path)) return undefined;
  const scopes = [given].flat().flatMap((part) => part.split(/\s+/).filter(Boolean));
  if (!scopes.every((scope) => SCOPE.test(scope))) {
    section.error(path, 'expected scopes without quotes, backslashes and non-ASCII characters');
  }
  return [...new Set(scopes)];
}

/** `extra_params.resource` is another spelling of `resource` (RFC 8707 §2: a URI, no fragment). */
function readResource(
  section: Section,
  path: Path,
  fields: OAuthFields,
): string | false | undefined {
  const extra = fields.extra_params?.['resource'];
  const place = [...path, ...(extra === undefined ? ['resource'] : ['extra_params', 'resource'])];
  if (extra !== undefined && fields.resource !== undefined && extra !== fields.resource) {
    section.error(place, 'differs from "resource", which means the same', {
      hint: 'Keep one of them.',
    });
  }
  const resource = extra ?? fields.resource;
  if (typeof resource !== 'string' || section.isUnresolved(place)) return resource;
  if (!URL.canParse(resource) || resource.includes('#')) {
    section.error(place, 'expected a URI without a fragment (#…), or false for not sending it');
  }
  return resource;
}

function readRedirect(section: Section, path: Path, fields: OAuthFields): string | undefined {
  const { redirect_uri: uri, redirect_port: port } = fields;
  const place = [...path, 'redirect_uri'];
  if (uri === undefined || section.isUnresolved(place)) return undefined;
  const problem = redirectProblem(uri);
  if (problem !== undefined) section.error(place, problem);
  else if (port !== undefined && new URL(uri).port !== String(port)) {
    section.error(place, 'has another port than "redirect_port"', { hint: 'Keep one of them.' });
  }
  return uri;
}

function readExtra(
  section: Section,
  path: Path,
  given: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  const kept = Object.entries(given).filter(([name]) => name !== 'resource');
  for (const [name] of kept.filter(([item]) => RESERVED.has(item.toLowerCase()))) {
    section.error([...path, name], 'the login sets this parameter itself', {
      hint: 'Take it out; client_id, scopes and redirect_uri have keys of their own.',
    });
  }
  return Object.fromEntries(kept);
}

function readTokenSource(
  section: Section,
  path: Path,
  source: string | undefined,
): string | undefined {
  if (source !== undefined && !wholeReference(source)) {
    section.error(path, 'expected env:NAME or keyring:NAME, where the token is found', {
      hint: 'Store a token with `mcp-master secret set NAME` and write keyring:NAME.',
    });
  }
  return source;
}

function checkClient(section: Section, path: Path, draft: Draft): void {
  const method = draft.tokenEndpointAuthMethod;
  const place = [...path, 'token_endpoint_auth_method'];
  const hasSecret = draft.clientSecret !== undefined;
  const hasKey = draft.privateKey !== undefined;
  if (method === 'private_key_jwt' && !hasKey) section.error(place, 'needs "private_key"');
  if (method?.startsWith('client_secret') && !hasSecret) {
    section.error(place, 'needs "client_secret"');
  }
  if (method === 'none' && hasSecret) section.error(place, 'contradicts "client_secret"');
}

function withoutUndefined(draft: Draft): OAuthSettings {
  // Not taken apart as `[, value]`, which makes an iterator for each pair of each server.
  const entries = Object.entries(draft).filter((entry) => entry[1] !== undefined);
  // The filter takes out exactly what the draft allows and the settings don't.
  return Object.fromEntries(entries) as OAuthSettings;
}
