import type { ErrorCode } from '../errors.ts';

/** The exit codes that scripts rely on. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Login required or failed. */
  login: 4,
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
  INTERRUPTED: EXIT.interrupted,
};

/** The exit code of a command that failed with this error. */
export function exitCodeOf(code: ErrorCode): number {
  return CODES[code] ?? EXIT.failed;
}
