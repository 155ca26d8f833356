/**
 * The codes that logs, `--json` output and error pages share. Scripts rely on them: a code is
 * never renamed, and each has one section in the troubleshooting page.
 */
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'VARIABLE_UNSET'
  | 'SECRET_MISSING'
  | 'COMMAND_NOT_FOUND'
  | 'BACKEND_EXITED'
  | 'BACKEND_TIMEOUT'
  | 'BACKEND_PROTOCOL'
  | 'MESSAGE_TOO_LARGE'
  | 'UNAUTHORIZED'
  | 'LOGIN_REQUIRED'
  | 'DISCOVERY_FAILED'
  | 'ISSUER_MISMATCH'
  | 'RESOURCE_MISMATCH'
  | 'PKCE_UNSUPPORTED'
  | 'CLIENT_ID_REQUIRED'
  | 'REGISTRATION_FAILED'
  | 'PORT_IN_USE'
  | 'ACCESS_DENIED'
  | 'INVALID_SCOPE'
  | 'STATE_MISMATCH'
  | 'LOGIN_TIMEOUT'
  | 'TOKEN_REQUEST_FAILED'
  | 'REFRESH_FAILED'
  | 'REFRESH_REJECTED'
  | 'INSUFFICIENT_SCOPE'
  | 'KEYCHAIN_UNAVAILABLE'
  | 'KEYCHAIN_LOCKED'
  | 'STORE_MISMATCH'
  | 'STORE_UNAVAILABLE'
  | 'ENCRYPTION_KEY_INVALID'
  | 'ENCRYPTION_KEY_WRONG'
  | 'TLS_UNTRUSTED'
  | 'INSECURE_URL'
  | 'RATE_LIMITED'
  | 'UNKNOWN_TOOL'
  | 'UNKNOWN_SERVER'
  | 'INTERRUPTED'
  | 'INTERNAL';

/** What an {@link McpMasterError} carries beside its code and message. */
export interface McpMasterErrorOptions {
  /** The next step for the person who reads it: one sentence, imperative, without a secret. */
  hint?: string | undefined;
  /** The lower-level error, for the debug log. */
  cause?: unknown;
  /** The request that failed was certainly not carried out, so that it may be repeated. */
  undelivered?: boolean | undefined;
  /** The HTTP status that the server answered with. */
  status?: number | undefined;
  /** The `error` that an authorization server answered with (RFC 6749 §5.2). */
  oauthError?: string | undefined;
  /** Milliseconds after which the server wants to be asked again (`Retry-After`, RFC 9110 §10.2.3). */
  retryAfterMs?: number | undefined;
}

/** The one error class of the program: `code` for machines, `message` and `hint` for people. */
export class McpMasterError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly undelivered: boolean;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly oauthError: string | undefined;

  constructor(code: ErrorCode, message: string, options: McpMasterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'McpMasterError';
    this.code = code;
    this.hint = options.hint;
    this.undelivered = options.undelivered ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.oauthError = options.oauthError;
  }
}

/** Any thrown value as an {@link McpMasterError}; what is not one already becomes `INTERNAL`. */
export function toMcpMasterError(error: unknown): McpMasterError {
  if (error instanceof McpMasterError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new McpMasterError('INTERNAL', message, { cause: error });
}
