import type { RemoteEndpoint } from '../config/config.ts';
import { isRemoteHttp } from '../config/urls.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { parseChallenges } from '../oauth/discovery/challenge.ts';
import { loginRequired } from '../oauth/login-command.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { LoginKey } from '../oauth/store/login-key.ts';
import type { Logins } from '../oauth/store/logins.ts';
import type { TokenSource } from '../oauth/token-source.ts';
import type { AuthJournal, RequestAuth } from './request-auth.ts';
import { StandingRefusals } from './standing-refusals.ts';

/** A token that is sent where a server has none of its own. */
export interface Passthrough {
  /** Undefined when there is none. */
  accessToken(): Promise<string | undefined>;
  /** As {@link TokenSource.afterRefusal}. */
  afterRefusal(refused: string): Promise<boolean>;
}

/** Whose requests carry the token of a login. */
export interface TokenAuthSubject {
  endpoint: RemoteEndpoint;
  /** The server's own headers. */
  own: Record<string, string>;
  key: LoginKey;
  source: Pick<TokenSource, 'accessToken' | 'afterRefusal' | 'setback'>;
  /** The name of the server's record. */
  record: string;
  passthrough?: Passthrough | undefined;
}

/** What {@link tokenAuth} works with. */
export interface TokenAuthDeps {
  journal: AuthJournal;
  logins: Logins;
  /** Undefined where what one server demands is no reason for another login. */
  challenges: ChallengeRecords | undefined;
}

/** Requests with the token of a login beside the server's own headers. */
export function tokenAuth(subject: TokenAuthSubject, deps: TokenAuthDeps): RequestAuth {
  const { endpoint, own, key, source, record, passthrough } = subject;
  const { journal, logins, challenges } = deps;
  const isLoggedIn = () => logins.index.version(key.file) !== undefined;
  const refusals = new StandingRefusals();
  /** The latest of the tokens that were not its own: a refusal may come after a renewal. */
  const passed: string[] = [];
  const allIsWell = () => {
    challenges?.clearMet(key.file);
    journal.succeeded(record);
  };
  const ownToken = async () => {
    try {
      return await source.accessToken();
    } catch (error) {
      const failure = toMcpMasterError(error);
      if (passthrough !== undefined && failure.code === 'LOGIN_REQUIRED') {
        const token = await passOn(passthrough);
        if (token !== undefined) return token;
      }
      refusals.note(undefined);
      noteFailure(failure, subject, deps);
      throw error;
    }
  };
  const nextToken = async () => {
    const token = await ownToken();
    return token ?? (passthrough && passOn(passthrough));
  };
  return {
    headers: async () => {
      const token = await nextToken();
      if (token !== undefined) {
        journal.used(record);
        // Of the master's login, which many servers use.
        if (record !== key.file && !passed.includes(token)) journal.used(key.file);
        // Not a spread: each request comes along here, and V8 would make a hidden class for each.
        return Object.assign({}, own, { Authorization: bearer(token, endpoint) });
      }
      if (endpoint.auth.strategy === 'detect') return own;
      throw loginRequired(key.server, 'nobody has logged in to it yet', key);
    },
    onRefusal: (status, headers, method) => {
      if (status === 401 || status === 403) refusals.note(method);
      noteRefusal(status, headers, subject, deps);
    },
    onUnauthorized: async ({ Authorization: sent }) => {
      const again = await hasAnother(sent?.slice(BEARER.length));
      // A refusal that stands is counted where it is heard.
      if (again) journal.refused(record);
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

  async function passOn(master: Passthrough): Promise<string | undefined> {
    const token = await master.accessToken();
    if (token === undefined || passed.includes(token)) return token;
    if (passed.push(token) > PASSED_KEPT) passed.shift();
    return token;
  }

  function hasAnother(refused: string | undefined): Promise<boolean> {
    if (refused === undefined) return Promise.resolve(isLoggedIn());
    const isOwn = passthrough === undefined || !passed.includes(refused);
    return isOwn ? source.afterRefusal(refused) : passthrough.afterRefusal(refused);
  }
}

function noteRefusal(
  status: number,
  headers: Record<string, string>,
  { key, source, record }: TokenAuthSubject,
  { journal, logins, challenges }: TokenAuthDeps,
): void {
  const challenge = parseChallenges(headers['www-authenticate'] ?? '');
  if (status === 401) {
    if (logins.index.version(key.file) !== undefined) journal.refused(record);
    // What can't be renewed at the moment needs no person yet.
    if (source.setback === undefined) challenges?.note(key.file, challenge ?? {});
  } else if (status === 403 && challenge?.error === 'insufficient_scope') {
    challenges?.note(key.file, challenge);
  }
}

/** What only a person can mend is to be seen in `auth status`, but for an expiry, which shows anyway. */
function noteFailure(
  error: McpMasterError,
  { key, record }: TokenAuthSubject,
  { journal, logins, challenges }: TokenAuthDeps,
): void {
  journal.failed(record, error);
  const { hasRefreshToken = true } = logins.index.get(key.file) ?? {};
  if (error.code === 'LOGIN_REQUIRED' && hasRefreshToken) challenges?.noteNeed(key.file);
}

const BEARER = 'Bearer ';

/** Tokens of the master that are still recognised when they are refused. */
const PASSED_KEPT = 4;

/** The header of a token, which never crosses the network in clear (row A9). Throws `INSECURE_URL`. */
export function bearer(token: string, { url }: RemoteEndpoint): string {
  if (!isRemoteHttp(url)) return `${BEARER}${token}`;
  throw new McpMasterError('INSECURE_URL', 'its token is not sent over http to another computer', {
    hint: 'Write https:// in its `url`.',
  });
}

/** RFC 6750 §2.1, and whatever else has no blanks and quotes in it. */
const TOKEN = /^[\x21\x23-\x26\x28-\x7e]+$/;

/** What is wrong with a token that comes from outside; undefined when it can be sent. */
export function tokenProblem(token: string, { auth }: RemoteEndpoint): McpMasterError | undefined {
  if (TOKEN.test(token)) return undefined;
  const isMasters = auth.strategy === 'master_oauth';
  const source = auth.strategy === 'proxy_oauth' ? auth.oauth.tokenSource : undefined;
  const name = isMasters ? 'MCP_MASTER_TOKEN' : (source ?? 'token_source');
  return new McpMasterError(
    'CONFIG_INVALID',
    `${name} is no token: it has blanks or quotes in it`,
    {
      hint: 'Write the token alone, without "Bearer" and without quotes.',
    },
  );
}
