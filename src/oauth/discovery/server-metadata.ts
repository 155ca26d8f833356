import type { OAuthSettings } from '../../config/config.ts';
import { McpMasterError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { JsonObject } from '../../rpc/message.ts';
import { shownUrl } from '../shown.ts';
import { secureUrl } from './address.ts';
import type { AddressGuard } from './address-guard.ts';
import type { ServerMetadata } from './authorization-server.ts';
import { flagIn, textIn, textsIn } from './document-members.ts';
import { broken } from './metadata-request.ts';

const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
] as const;

const LISTS = [
  'scopes_supported',
  'grant_types_supported',
  'code_challenge_methods_supported',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'revocation_endpoint_auth_methods_supported',
] as const;

const FLAGS = [
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
] as const;

/** What the metadata of an authorization server is judged by. */
export interface Judge {
  /** The issuer that the document's URL was built from. */
  issuer: string;
  settings: OAuthSettings;
  guard: AddressGuard;
  log: Logger;
}

/**
 * The metadata of an authorization server (RFC 8414 §2, §3.3), endpoints of the configuration put in.
 * Rejects with `DISCOVERY_FAILED` when something needed is missing or an endpoint leads where it must
 * not, `ISSUER_MISMATCH`, `PKCE_UNSUPPORTED`, or `INSECURE_URL`.
 */
export async function readServerMetadata(
  document: JsonObject,
  from: URL,
  judge: Judge,
): Promise<ServerMetadata> {
  const { settings, guard } = judge;
  const issuer = readIssuer(document, from, judge);
  const given = overrides(settings);
  const members = { ...readMembers(document), ...given };
  for (const name of ENDPOINTS) {
    const address = members[name];
    if (address === undefined) continue;
    const url = secureUrl(address, `\`${name}\` of ${shownUrl(from)}`);
    if (given[name] === undefined) await guard.check(url);
  }
  const { authorization_endpoint, token_endpoint } = members;
  if (authorization_endpoint === undefined && usesBrowserFlow(settings)) {
    throw broken(from, 'has no `authorization_endpoint`');
  }
  if (token_endpoint === undefined) throw broken(from, 'has no `token_endpoint`');
  if (usesBrowserFlow(settings)) requireS256(members, from);
  return { ...members, issuer, token_endpoint };
}

/** The endpoints that the configuration gives, which win over those of any metadata. */
export function overrides(settings: OAuthSettings): Partial<ServerMetadata> {
  const given: Partial<ServerMetadata> = {};
  const { authorizationEndpoint, tokenEndpoint, deviceAuthorizationEndpoint } = settings;
  if (authorizationEndpoint !== undefined) given.authorization_endpoint = authorizationEndpoint;
  if (tokenEndpoint !== undefined) given.token_endpoint = tokenEndpoint;
  if (deviceAuthorizationEndpoint !== undefined) {
    given.device_authorization_endpoint = deviceAuthorizationEndpoint;
  }
  return given;
}

/** Whether the grant sends an authorization code: the others need no PKCE, and nowhere to send anybody. */
export function usesBrowserFlow({ grant }: OAuthSettings): boolean {
  return grant === undefined || grant === 'authorization_code';
}

function readMembers(document: JsonObject): Partial<ServerMetadata> {
  const members: Partial<ServerMetadata> = {};
  for (const name of ENDPOINTS) {
    const value = textIn(document, name);
    if (value !== undefined) members[name] = value;
  }
  for (const name of LISTS) {
    const value = textsIn(document, name);
    if (value !== undefined) members[name] = value;
  }
  for (const name of FLAGS) {
    const value = flagIn(document, name);
    if (value !== undefined) members[name] = value;
  }
  return members;
}

/** RFC 8414 §3.3: identical. A final slash that only the protected resource wrote is forgiven. */
function readIssuer(document: JsonObject, from: URL, judge: Judge): string {
  const { issuer: expected, settings, log } = judge;
  const issuer = textIn(document, 'issuer');
  if (issuer === undefined) throw broken(from, 'has no `issuer`');
  if (issuer === expected || `${issuer}/` === expected) return issuer;
  const message = `${shownUrl(from)} names the issuer "${shownUrl(issuer)}", expected "${shownUrl(expected)}"`;
  if (settings.issuerCheck !== 'off') {
    throw new McpMasterError('ISSUER_MISMATCH', message, {
      hint: 'If you know the issuer that it names, set `issuer` to it in `auth_config`; `issuer_check: off` tolerates the difference.',
    });
  }
  log.warn(`${message}; tolerated because of issuer_check: off`);
  return issuer;
}

function requireS256(
  { code_challenge_methods_supported: methods }: Partial<ServerMetadata>,
  from: URL,
) {
  if (methods?.includes('S256')) return;
  const message = `${shownUrl(from)} does not offer PKCE with S256 in \`code_challenge_methods_supported\``;
  throw new McpMasterError('PKCE_UNSUPPORTED', message, {
    hint: 'Ask whoever runs the authorization server for S256. If it has it without saying so, set `authorization_endpoint` and `token_endpoint` in `auth_config`.',
  });
}
