import type { McpMasterError } from '../errors.ts';
import { StandingRefusals } from './standing-refusals.ts';

/** The authentication of the requests to one server. */
export interface RequestAuth {
  /**
   * The headers of the next request. Rejects with `LOGIN_REQUIRED` where a login is needed and there
   * is none, and with what the token store or a refresh rejects with.
   */
  headers(): Promise<Record<string, string>>;
  /**
   * Hears each refusal that stands: what a 401 or 403 demands is remembered for the next login.
   *
   * @param method that of the refused message; undefined where it has none, or where a stream was refused
   */
  onRefusal(status: number, headers: Record<string, string>, method?: string): void;
  /**
   * Hears that the server has refused (401) these headers. Resolves with whether others are to be had
   * now, with which the request may be sent once more. Never rejects.
   */
  onUnauthorized(sent: Readonly<Record<string, string>>): Promise<boolean>;
  /**
   * Hears that the server has taken a message of a method. What stood against the authentication does not
   * count any more when each method that was refused has been taken since: a server may let anybody list
   * its tools, and none but those who log in call them. Costs next to nothing where nothing stands.
   */
  onAccepted(method: string | undefined): void;
  /** Hears that the server has shaken hands: a 401 from before does not count any more. */
  onConnected(): void;
}

/** Where it is written down how the authentication at a server goes, by the name of its record. */
export interface AuthJournal {
  /** A credential is sent: a token, or one of the configuration. Called for each request. */
  used(record: string): void;
  refreshed(record: string): void;
  /** The server has answered 401. */
  refused(record: string): void;
  failed(record: string, error: McpMasterError): void;
  /** What failed before works now. */
  succeeded(record: string): void;
}

/** What {@link staticAuth} works with. */
export interface StaticAuthOptions {
  journal: AuthJournal;
  /** The name of the server's record. */
  record: string;
  /** Whether one of the headers is a credential. */
  hasCredential: boolean;
}

/** Requests with the headers of the configuration alone. */
export function staticAuth(
  own: Record<string, string>,
  { journal, record, hasCredential }: StaticAuthOptions,
): RequestAuth {
  const refusals = new StandingRefusals();
  return {
    headers: async () => {
      if (hasCredential) journal.used(record);
      return own;
    },
    onRefusal: (status, _, method) => {
      if (status === 401) journal.refused(record);
      if (status === 401 || status === 403) refusals.note(method);
    },
    onUnauthorized: async () => false,
    onAccepted: (method) => {
      if (refusals.areMetBy(method)) journal.succeeded(record);
    },
    onConnected: () => journal.succeeded(record),
  };
}

/** Requests that can't be sent for the want of a credential: `error` says which, and how to get it. */
export function missingAuth(error: () => McpMasterError): RequestAuth {
  return {
    headers: async () => {
      throw error();
    },
    ...{ onRefusal: () => undefined, onUnauthorized: async () => false },
    ...{ onAccepted: () => undefined, onConnected: () => undefined },
  };
}
