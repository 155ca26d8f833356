import { parseSchemes } from './www-authenticate.ts';

/** What a server said about the token that it wants: a Bearer challenge (RFC 6750 §3, RFC 9728 §5.1). */
export interface Challenge {
  /** `invalid_token`, `insufficient_scope`, …; undefined when nothing was sent. */
  error?: string;
  errorDescription?: string;
  /** Undefined when the challenge has no `scope`. */
  scopes?: string[];
  /** An absolute URL, not yet checked. */
  resourceMetadata?: string;
}

/**
 * The Bearer challenge of a `WWW-Authenticate` header; of several, the one that says where the
 * protected resource metadata is. Undefined when there is none. Never throws.
 */
export function parseChallenges(header: string | null | undefined): Challenge | undefined {
  const bearers = parseSchemes(header ?? '').filter(({ scheme }) => scheme === 'bearer');
  const telling = bearers.find(({ parameters }) => parameters.has('resource_metadata'));
  const parameters = (telling ?? bearers[0])?.parameters;
  if (parameters === undefined) return undefined;
  const challenge: Challenge = {};
  const error = parameters.get('error');
  const errorDescription = parameters.get('error_description');
  const scopes = parameters.get('scope')?.split(/\s+/).filter(Boolean);
  const resourceMetadata = parameters.get('resource_metadata');
  if (error) challenge.error = error;
  if (errorDescription) challenge.errorDescription = errorDescription;
  // An empty list is outside of the grammar (RFC 6750 §3), and would ask for no scope at all.
  if (scopes?.length) challenge.scopes = scopes;
  if (resourceMetadata) challenge.resourceMetadata = resourceMetadata;
  return challenge;
}
