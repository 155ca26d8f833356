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
