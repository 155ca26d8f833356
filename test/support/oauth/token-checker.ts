/** What an authorization server says about one of its access tokens (as in RFC 7662 §2.2). */
export interface TokenInfo {
  clientId: string;
  /** The person; the client itself where no person took part. */
  subject: string;
  scopes: string[];
  /** The resource that it was issued for (RFC 8707); undefined when none was asked for. */
  audience: string | undefined;
}

/** An authorization server as a protected server needs it. */
export interface TokenChecker {
  issuer: string;
  /** Undefined for a token that is not or no longer good. */
  check(token: string): Promise<TokenInfo | undefined>;
}
