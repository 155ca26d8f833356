/** The metadata of an authorization server (RFC 8414 §2), as far as the login reads it. */
export interface ServerMetadata {
  issuer: string;
  /** Always there for the grant that needs it. */
  authorization_endpoint?: string;
  token_endpoint: string;
  registration_endpoint?: string;
  revocation_endpoint?: string;
  device_authorization_endpoint?: string;
  scopes_supported?: string[];
  grant_types_supported?: string[];
  code_challenge_methods_supported?: string[];
  token_endpoint_auth_methods_supported?: string[];
  token_endpoint_auth_signing_alg_values_supported?: string[];
  revocation_endpoint_auth_methods_supported?: string[];
  authorization_response_iss_parameter_supported?: boolean;
  client_id_metadata_document_supported?: boolean;
}

/** An authorization server, and how we know of it. */
export interface AuthorizationServer {
  metadata: ServerMetadata;
  /**
   * `metadata`: its own document. `settings`: endpoints of the configuration or of a preset.
   * `assumed`: the paths that revision 2025-03-26 of MCP gives a server without any metadata.
   */
  source: 'metadata' | 'settings' | 'assumed';
  /** Nobody has named the issuer: the one in `metadata` is the origin of its endpoints. */
  issuerGuessed?: boolean;
}
