import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { isRemoteHttp } from '../config/urls.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { parseChallenges } from '../oauth/discovery/challenge.ts';
import { loginRequired } from '../oauth/login-command.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type { Logins } from '../oauth/store/logins.ts';
import type { TokenSource } from '../oauth/token-source.ts';
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

/** Whose requests carry the token of a login. */
export interface TokenAuthSubject {
  server: ServerConfig;
  endpoint: RemoteEndpoint;
  /** The server's own headers. */
  own: Record<string, string>;
  key: LoginKey;
  source: TokenSource;
}

/** What {@link tokenAuth} works with. */
export interface TokenAuthDeps {
  journal: AuthJournal;
  logins: Logins;
  challenges: ChallengeRecords;
}

/** Requests with the token of a login beside the server's own headers. */
export function tokenAuth(subject: TokenAuthSubject, deps: TokenAuthDeps): RequestAuth {
  const { server, endpoint, own, key, source } = subject;
  const { journal, logins, challenges } = deps;
  const isLoggedIn = () => logins.index.version(key.file) !== undefined;
  const refusals = new StandingRefusals();
  const allIsWell = () => {
    challenges.clearMet(key.file);
    journal.succeeded(key.file);
  };
  return {
    headers: async () => {
      const token = await source.accessToken().catch((error: unknown) => {
        refusals.note(undefined);
        noteFailure(toMcpMasterError(error), subject, deps);
        throw error;
      });
      if (token !== undefined) {
        journal.used(key.file);
        return { ...own, Authorization: bearer(token, endpoint) };
      }
      if (endpoint.auth.strategy === 'detect') return own;
      throw loginRequired(server.name, 'nobody has logged in to it yet', key);
    },
    onRefusal: (status, headers, method) => {
      if (status === 401 || status === 403) refusals.note(method);
      noteRefusal(status, headers, subject, deps);
    },
    onUnauthorized: async ({ Authorization: sent }) => {
      const again =
        sent === undefined ? isLoggedIn() : await source.afterRefusal(sent.slice(BEARER.length));
      // A refusal that stands is counted where it is heard.
      if (again) journal.refused(key.file);
      return again;
    },
    onAccepted: (method) => {
      // What anybody may do says nothing of a login.
      if (refusals.any && isLoggedIn() && refusals.areMetBy(method)) allIsWell();
    },
    onConnected: () => {
      if (isLoggedIn()) allIsWell();
    },
  };
}

function noteRefusal(
  status: number,
  headers: Record<string, string>,
  { key, source }: TokenAuthSubject,
  { journal, logins, challenges }: TokenAuthDeps,
): void {
  const challenge = parseChallenges(headers['www-authenticate'] ?? '');
  if (status === 401) {
    if (logins.index.version(key.file) !== undefined) journal.refused(key.file);
    // What can't be renewed at the moment needs no person yet.
    if (source.setback === undefined) challenges.note(key.file, challenge ?? {});
  } else if (status === 403 && challenge?.error === 'insufficient_scope') {
    challenges.note(key.file, challenge);
  }
}

/** What only a person can mend is to be seen in `auth status`, but for an expiry, which shows anyway. */
function noteFailure(
  error: McpMasterError,
  { key }: TokenAuthSubject,
  { journal, logins, challenges }: TokenAuthDeps,
): void {
  journal.failed(key.file, error);
  const { hasRefreshToken = true } = logins.index.get(key.file) ?? {};
  if (error.code === 'LOGIN_REQUIRED' && hasRefreshToken) challenges.noteNeed(key.file);
}

const BEARER = 'Bearer ';

/** A stored token never crosses the network in clear (row A9). */
function bearer(token: string, { url }: RemoteEndpoint): string {
  if (!isRemoteHttp(url)) return `${BEARER}${token}`;
  throw new McpMasterError('INSECURE_URL', 'its token is not sent over http to another computer', {
    hint: 'Write https:// in its `url`.',
  });
}
