/** What was looked at; people see it without the underscores. */
export type CheckName =
  | 'configuration'
  | 'node'
  | 'proxy'
  | 'state_folder'
  | 'token_store'
  | 'encryption_key'
  | 'connection'
  | 'tools'
  | 'login'
  | 'record'
  | 'credential';

/** One result of `doctor`. */
export interface Finding {
  check: CheckName;
  /** Null for what is about no server in particular. */
  server: string | null;
  level: 'ok' | 'warning' | 'error';
  message: string;
  /** The next step; null where there is none. */
  hint: string | null;
}

/** What the findings of one place have in common. */
export type Place = Pick<Finding, 'check' | 'server'>;

export function fine(place: Place, message: string): Finding {
  return { ...place, level: 'ok', message, hint: null };
}

export function warning(place: Place, message: string, hint?: string): Finding {
  return { ...place, level: 'warning', message, hint: hint ?? null };
}

/** The finding that something failed, with the code of its error. */
export function failed(
  place: Place,
  { code, message, hint }: { code: string; message: string; hint?: string | null | undefined },
  level: 'warning' | 'error' = 'error',
): Finding {
  return { ...place, level, message: `${message} (${code})`, hint: hint ?? null };
}
