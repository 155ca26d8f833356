/** How a client proves itself at the token endpoint (RFC 7591 §2). */
export const CLIENT_AUTH_METHODS = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

/** Who we are at one authorization server; never used at another (its `issuer` is kept beside it). */
export interface ClientRegistration {
  /** Where it comes from: the configuration, a Client ID Metadata Document, or RFC 7591. */
  source: 'configured' | 'metadata_document' | 'dynamic';
  clientId: string;
  /** Only of dynamic registrations is it stored: that of the configuration is read there each time. */
  clientSecret?: string;
  /** PEM, for `private_key_jwt`; from the configuration alone, never stored. */
  privateKey?: string;
  authMethod: ClientAuthMethod;
  /**
   * Exactly as registered; its port is tried first at the next login (RFC 8252 §7.3). Absent where the
   * grant sends nobody back.
   */
  redirectUri?: string;
  /** Those that it was registered for: servers refuse others. Only of dynamic registrations. */
  scopes?: string[];
}
