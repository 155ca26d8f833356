import type { ErrorCode } from '../../errors.ts';
import * as json from './json.ts';

const VERSION = 1;

/** How the authentication at one server has gone; times are milliseconds since the epoch. */
export interface AuthRecord {
  /** When a credential was sent last; exact to a minute while a program runs. */
  lastUsedAt?: number | undefined;
  /** What has failed and has not worked since. `message` is one short line without a secret. */
  lastError?: RecordedError | undefined;
  /** How often the login was renewed. */
  refreshes: number;
  /** How often the server has answered 401. */
  refusals: number;
}

/** A failure in an {@link AuthRecord}. */
export interface RecordedError {
  at: number;
  code: ErrorCode;
  message: string;
  /** The HTTP status that it came with. */
  status?: number | undefined;
  /** The `error` of an authorization server that it came with (RFC 6749 §5.2). */
  oauthError?: string | undefined;
}

/**
 * A part of a record: all of it as it is on disk, or what one process has to add. In which order parts
 * are joined makes no difference, so that each process may write when it likes.
 */
export interface RecordPart extends AuthRecord {
  /** When it worked last, as far as that is worth knowing: an error from before is none any more. */
  wellAt?: number | undefined;
}

const schema = json.record({
  version: json.oneOf(VERSION),
  lastUsedAt: json.optional(json.number),
  lastError: json.optional(
    json.record({
      at: json.number,
      code: json.text,
      message: json.text,
      status: json.optional(json.number),
      oauthError: json.optional(json.text),
    }),
  ),
  wellAt: json.optional(json.number),
  refreshes: json.number,
  refusals: json.number,
});

/** A part that adds nothing. */
export function emptyPart(): RecordPart {
  return { refreshes: 0, refusals: 0 };
}

/** Two parts as one. */
export function joinParts(one: RecordPart, other: RecordPart): RecordPart {
  const wellAt = latest(one.wellAt, other.wellAt);
  const lastError = later(one.lastError, other.lastError);
  return {
    lastUsedAt: latest(one.lastUsedAt, other.lastUsedAt),
    lastError: lastError !== undefined && lastError.at >= (wellAt ?? 0) ? lastError : undefined,
    wellAt,
    refreshes: one.refreshes + other.refreshes,
    refusals: one.refusals + other.refusals,
  };
}

/**
 * A stored part, to be joined with `added`, as if the clock had never been ahead of now. When an error from
 * the future really was nobody knows: what is added and works is taken for later.
 */
export function withoutFuture(stored: RecordPart, added: RecordPart, now: number): RecordPart {
  const { lastUsedAt, lastError, wellAt = 0 } = stored;
  const isCleared = added.wellAt !== undefined && lastError !== undefined && lastError.at > now;
  return {
    ...stored,
    lastUsedAt: lastUsedAt && Math.min(lastUsedAt, now),
    lastError:
      lastError && !isCleared ? { ...lastError, at: Math.min(lastError.at, now) } : undefined,
    wellAt: wellAt > now ? undefined : stored.wellAt,
  };
}

/** Undefined when the text is damaged, or of another version. */
export function parseRecord(text: string): RecordPart | undefined {
  const data = json.parse(schema, text);
  if (data === undefined) return undefined;
  const { version: _, ...record } = data;
  // The code of a newer program is shown as it is.
  return record as RecordPart;
}

export function serialiseRecord(part: RecordPart): string {
  return JSON.stringify({ version: VERSION, ...part });
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function later(
  one: RecordedError | undefined,
  other: RecordedError | undefined,
): RecordedError | undefined {
  return one === undefined || (other !== undefined && other.at >= one.at) ? other : one;
}
