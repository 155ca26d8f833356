import type { ErrorCode } from '../errors.ts';

/** The exit codes that scripts rely on. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Login required or failed. */
  login: 4,
  /** Token storage unavailable. */
  storage: 5,
  interrupted: 130,
} as const;

const CODES: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.usage,
  VARIABLE_UNSET: EXIT.usage,
  SECRET_MISSING: EXIT.usage,
  INSECURE_URL: EXIT.usage,
  UNKNOWN_SERVER: EXIT.usage,
  UNKNOWN_TOOL: EXIT.usage,
  UNAUTHORIZED: EXIT.login,
  LOGIN_REQUIRED: EXIT.login,
  DISCOVERY_FAILED: EXIT.login,
  ISSUER_MISMATCH: EXIT.login,
  RESOURCE_MISMATCH: EXIT.login,
  PKCE_UNSUPPORTED: EXIT.login,
  CLIENT_ID_REQUIRED: EXIT.login,
  REGISTRATION_FAILED: EXIT.login,
  PORT_IN_USE: EXIT.login,
  ACCESS_DENIED: EXIT.login,
  INVALID_SCOPE: EXIT.login,
  STATE_MISMATCH: EXIT.login,
  LOGIN_TIMEOUT: EXIT.login,
  TOKEN_REQUEST_FAILED: EXIT.login,
  REFRESH_FAILED: EXIT.login,
  REFRESH_REJECTED: EXIT.login,
  INSUFFICIENT_SCOPE: EXIT.login,
  KEYCHAIN_UNAVAILABLE: EXIT.storage,
  KEYCHAIN_LOCKED: EXIT.storage,
  STORE_MISMATCH: EXIT.storage,
  STORE_UNAVAILABLE: EXIT.storage,
  ENCRYPTION_KEY_INVALID: EXIT.storage,
  ENCRYPTION_KEY_WRONG: EXIT.storage,
  INTERRUPTED: EXIT.interrupted,
};

/** The exit code of a command that failed with this error. */
export function exitCodeOf(code: ErrorCode): number {
  return CODES[code] ?? EXIT.failed;
}
