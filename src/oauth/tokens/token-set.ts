/** What an authorization server gave for a grant (RFC 6749 §5.1), in our own terms. */
export interface TokenSet {
  accessToken: string;
  refreshToken?: string;
  /** Milliseconds since the epoch; undefined = the server did not say, so the token is used until refused. */
  expiresAt?: number;
  /** When it was issued, in milliseconds since the epoch. */
  obtainedAt: number;
  /** The scopes that were granted; those asked for where the server did not say (RFC 6749 §5.1). */
  scopes: string[];
}
