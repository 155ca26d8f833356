/** A scenario of the suite that the proxy goes through as a client. */
export interface ClientScenario {
  name: string;
  /** How many different things the suite looks at, so that none of them can be left out unseen. */
  checks: number;
  /** How many logins the proxy asks for. */
  logins: number;
  /** The code of the error that has to end it. */
  error?: string;
}

/** A scenario that is not run, and why. */
export interface ExcludedScenario {
  name: string;
  reason: string;
}

/** All on the wire of 2025-11-25, those that came with other revisions as well. */
export const SCENARIOS: readonly ClientScenario[] = [
  { name: 'initialize', checks: 1, logins: 0 },
  { name: 'tools_call', checks: 2, logins: 0 },
  { name: 'elicitation-sep1034-client-defaults', checks: 5, logins: 0 },
  { name: 'sse-retry', checks: 3, logins: 0 },
  { name: 'json-schema-2020-12-preservation', checks: 9, logins: 0 },
  { name: 'json-schema-ref-no-deref', checks: 1, logins: 0 },

  { name: 'auth/metadata-default', checks: 15, logins: 1 },
  { name: 'auth/metadata-var1', checks: 15, logins: 1 },
  { name: 'auth/metadata-var2', checks: 15, logins: 1 },
  { name: 'auth/metadata-var3', checks: 15, logins: 1 },
  { name: 'auth/2025-03-26-oauth-metadata-backcompat', checks: 9, logins: 1 },
  { name: 'auth/2025-03-26-oauth-endpoint-fallback', checks: 4, logins: 1 },
  { name: 'auth/metadata-issuer-mismatch', checks: 3, logins: 1, error: 'ISSUER_MISMATCH' },
  { name: 'auth/resource-mismatch', checks: 2, logins: 1, error: 'RESOURCE_MISMATCH' },
  { name: 'auth/authorization-server-migration', checks: 13, logins: 2 },

  { name: 'auth/basic-cimd', checks: 10, logins: 1 },
  { name: 'auth/pre-registration', checks: 10, logins: 1 },
  { name: 'auth/token-endpoint-auth-basic', checks: 16, logins: 1 },
  { name: 'auth/token-endpoint-auth-post', checks: 16, logins: 1 },
  { name: 'auth/token-endpoint-auth-none', checks: 16, logins: 1 },
  { name: 'auth/client-credentials-jwt', checks: 5, logins: 0 },
  { name: 'auth/client-credentials-basic', checks: 5, logins: 0 },

  { name: 'auth/scope-from-www-authenticate', checks: 11, logins: 1 },
  { name: 'auth/scope-from-scopes-supported', checks: 11, logins: 1 },
  { name: 'auth/scope-omitted-when-undefined', checks: 11, logins: 1 },
  { name: 'auth/scope-step-up', checks: 12, logins: 2 },
  // Its server ends the run after some requests: that the proxy ended it shows in the logins and the error.
  { name: 'auth/scope-retry-limit', checks: 10, logins: 1, error: 'INSUFFICIENT_SCOPE' },
  { name: 'auth/offline-access-scope', checks: 12, logins: 1 },
  { name: 'auth/offline-access-not-supported', checks: 11, logins: 1 },

  { name: 'auth/iss-supported', checks: 11, logins: 1 },
  { name: 'auth/iss-not-advertised', checks: 11, logins: 1 },
  { name: 'auth/iss-supported-missing', checks: 7, logins: 1, error: 'ISSUER_MISMATCH' },
  { name: 'auth/iss-wrong-issuer', checks: 7, logins: 1, error: 'ISSUER_MISMATCH' },
  { name: 'auth/iss-unexpected', checks: 7, logins: 1, error: 'ISSUER_MISMATCH' },
  { name: 'auth/iss-normalized', checks: 7, logins: 1, error: 'ISSUER_MISMATCH' },
];

const STATELESS = 'Speaks the stateless wire of 2026-07-28, which the proxy does not.';
const NO_SKILLS = 'Skills are an extension: the proxy passes them on and reads none itself.';

/** The rest of what the suite has for clients. */
export const EXCLUDED: readonly ExcludedScenario[] = [
  { name: 'request-metadata', reason: STATELESS },
  { name: 'sep-2322-client-request-state', reason: STATELESS },
  { name: 'http-standard-headers', reason: STATELESS },
  { name: 'http-custom-headers', reason: STATELESS },
  { name: 'http-invalid-tool-headers', reason: STATELESS },
  { name: 'sep-2640-client-no-prefetch', reason: NO_SKILLS },
  { name: 'sep-2640-client-verify-digest', reason: NO_SKILLS },
  { name: 'sep-2640-client-verify-size', reason: NO_SKILLS },
  { name: 'sep-2640-client-verify-frontmatter', reason: NO_SKILLS },
  {
    name: 'auth/enterprise-managed-authorization',
    reason: 'An extension that the proxy does not have: no identity provider hands it assertions.',
  },
  { name: 'auth/dpop', reason: 'An extension that the proxy does not have: tokens are bearers.' },
  {
    name: 'auth/dpop-nonce',
    reason: 'An extension that the proxy does not have: tokens are bearers.',
  },
  {
    name: 'auth/wif-jwt-bearer',
    reason: 'An extension that the proxy does not have: no workload hands it assertions.',
  },
];
