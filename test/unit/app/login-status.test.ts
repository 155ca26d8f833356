import { describe, expect, it } from 'vitest';
import { isFine, statusOf } from '../../../src/app/login-status.ts';
import type { AuthConfig, OAuthSettings } from '../../../src/config/config.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { AuthRecord, RecordedError } from '../../../src/oauth/store/auth-record.ts';
import type { LoginEntry } from '../../../src/oauth/store/login-index.ts';
import { remoteEndpoint, serverConfig } from '../../support/server-config.ts';
import { KEY } from '../../support/stored-login.ts';

const NOW = 1_000_000;
const PAST = NOW - 1;
const FUTURE = NOW + 1;

interface Facts {
  auth?: AuthConfig;
  /** Absent = there is no login; `damaged` = its record can't be read. */
  login?: Partial<LoginEntry> | 'damaged';
  /** The server has refused since the login was made. */
  refused?: boolean;
  record?: AuthRecord;
}

function delegated(oauth: OAuthSettings = {}): AuthConfig {
  return { strategy: 'delegate_oauth', oauth };
}

const UNATTENDED = delegated({ grant: 'client_credentials' });

function status({ auth = delegated(), login, refused = false, record }: Facts) {
  const server = serverConfig({ name: 'x', endpoint: remoteEndpoint({ auth }) });
  const entry: LoginEntry = {
    ...{ revision: 'r', server: 'x', account: KEY.account, store: 'keychain', loggedInAt: 0 },
    ...{ issuer: 'https://as.example', scopes: ['read'], hasRefreshToken: true },
    ...(typeof login === 'object' && login),
  };
  const sources = {
    auth: {
      loginKey: () => (['delegate_oauth', 'detect'].includes(auth.strategy) ? KEY : undefined),
      recordName: () => KEY.file,
      ...{ loginKeys: () => [], hasMasterToken: false },
      isUnattended: () => auth === UNATTENDED,
    },
    logins: {
      index: {
        get: () => (typeof login === 'object' ? entry : undefined),
        version: () => (login === undefined ? undefined : '1'),
      },
    },
    challenges: { has: () => refused, inVain: () => undefined },
    records: { get: () => record },
  };
  return statusOf(server, sources, NOW);
}

function failed(code: ErrorCode, more: Partial<RecordedError> = {}): AuthRecord {
  const lastError = { at: PAST, code, message: 'no', ...more };
  return { refreshes: 0, refusals: 0, lastError };
}

function refused(code: ErrorCode, oauthError: string, status: number): AuthRecord {
  return failed(code, { oauthError, status });
}

describe('the state of a login', () => {
  it.each<[string, Facts]>([
    ['logged_in', { login: { expiresAt: FUTURE } }],
    ['logged_in', { login: {} }],
    ['logged_in', { login: { expiresAt: PAST } }],
    ['expired', { login: { expiresAt: PAST, hasRefreshToken: false } }],
    ['expired', { login: { expiresAt: NOW, hasRefreshToken: false } }],
    ['login_required', { login: { expiresAt: FUTURE }, refused: true }],
    ['login_required', { login: { expiresAt: PAST, hasRefreshToken: false }, refused: true }],
    ['login_required', {}],
    ['login_required', { login: 'damaged' }],
    ['not_needed', { auth: { strategy: 'detect' } }],
    ['login_required', { auth: { strategy: 'detect' }, refused: true }],
    ['login_required', { auth: { strategy: 'detect' }, login: 'damaged' }],
    ['logged_in', { auth: { strategy: 'detect' }, login: {} }],
    ['not_needed', { auth: { strategy: 'headers' }, refused: true }],
    ['logged_in', { login: {}, record: failed('REFRESH_FAILED') }],
  ])('is %s with %j', (state, facts) => {
    expect(status(facts).status.state).toBe(state);
  });

  it.each<[string, Facts]>([
    ['not_needed', {}],
    ['not_needed', { refused: true }],
    ['not_needed', { record: failed('REFRESH_FAILED') }],
    // One call that was forbidden.
    ['logged_in', { login: {}, record: failed('UNAUTHORIZED', { status: 403 }) }],
    ['logged_in', { login: {}, record: failed('UNAUTHORIZED') }],
    ['logged_in', { login: {}, record: failed('INSUFFICIENT_SCOPE') }],
    ['login_required', { login: {}, record: failed('UNAUTHORIZED', { status: 401 }) }],
    ['login_required', { record: failed('TOKEN_REQUEST_FAILED', { status: 401 }) }],
    ['login_required', { record: refused('TOKEN_REQUEST_FAILED', 'invalid_client', 400) }],
    ['login_required', { record: refused('INVALID_SCOPE', 'invalid_scope', 400) }],
    ['not_needed', { record: refused('ACCESS_DENIED', 'access_denied', 429) }],
    ['not_needed', { record: refused('TOKEN_REQUEST_FAILED', 'temporarily_unavailable', 400) }],
    // What the text of a message says is another's.
    ['not_needed', { record: failed('DISCOVERY_FAILED', { message: 'invalid_client' }) }],
    ['logged_in', { login: { hasRefreshToken: false, expiresAt: PAST } }],
    [
      'logged_in',
      { login: { expiresAt: PAST }, record: failed('REFRESH_FAILED', { status: 503 }) },
    ],
    [
      'login_required',
      { login: {}, record: refused('REFRESH_FAILED', 'unauthorized_client', 400) },
    ],
    ['login_required', { login: {}, refused: true }],
  ])('is %s without a person with %j', (state, facts) => {
    expect(status({ auth: UNATTENDED, ...facts }).status.state).toBe(state);
  });

  it('that wants a login comes with its command', () => {
    expect(status({}).status.next).toBe('mcp-master auth login --server=x');
    expect(status({ login: {} }).status.next).toBeNull();
    expect(isFine(status({}))).toBe(false);
    const { server, ...found } = status({});
    expect(isFine({ ...found, server: { ...server, enabled: false } })).toBe(true);
  });

  it('is told with what is written down of it', () => {
    const record = { ...failed('REFRESH_FAILED', { message: 'no network' }), lastUsedAt: 0 };
    const facts = { login: { expiresAt: FUTURE }, record };
    expect(status(facts).status).toEqual({
      ...{ server: 'x', strategy: 'delegate_oauth', state: 'logged_in', store: 'keychain' },
      ...{ expires_at: new Date(FUTURE).toISOString(), has_refresh_token: true },
      ...{ scopes: ['read'], issuer: 'https://as.example', next: null },
      ...{ last_used: '1970-01-01T00:00:00.000Z', last_error: 'REFRESH_FAILED: no network' },
    });
  });
});
