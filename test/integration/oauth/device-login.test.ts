import { describe, expect, it } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import type { DeviceInvitation } from '../../../src/oauth/grants/device-code.ts';
import { login } from '../../../src/oauth/login.ts';
import { renewTokens } from '../../../src/oauth/renew.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { KnownIssuers } from '../../../src/oauth/store/known-issuers.ts';
import { memoryFiles } from '../../support/memory-stores.ts';
import { startPair } from '../../support/oauth/auth-home.ts';
import type { AuthorizationServerOptions } from '../../support/oauth/authorization-server.ts';
import { type BrowseOptions, browse } from '../../support/oauth/browse.ts';
import { DEVICE_GRANT } from '../../support/oauth/seen-requests.ts';
import { KEY, memoryLogins } from '../../support/stored-login.ts';
import { oauthDeps } from './token-requests-support.ts';

/** What the person does with the invitation; resolves when it is done. */
type Person = (invitation: DeviceInvitation) => Promise<unknown>;

const agrees: Person = ({ urlComplete }) => browse(urlComplete ?? '');

function types(options: BrowseOptions): Person {
  return ({ url, userCode }) => browse(url, { ...options, userCode });
}

/** A real authorization server with a protected server, and a login there. */
async function stage(options: AuthorizationServerOptions = {}, settings: OAuthSettings = {}) {
  const pair = await startPair(options);
  const files = memoryFiles();
  const { logins, keychain } = memoryLogins();
  const { deps, lines, secrets } = oauthDeps({ now: Date.now });
  const abort = new AbortController();
  const logIn = (person: Person, patience = 30_000) =>
    login(
      {
        ...{ key: KEY, url: pair.server.url, headers: {} },
        settings: { grant: 'device_code', ...settings },
      },
      { force: false, patience, signal: abort.signal },
      {
        ...{ ...deps, logins, store: keychain, resolve: async () => ['127.0.0.1'] },
        challenges: new ChallengeRecords(files, () => {}),
        issuers: new KnownIssuers(files),
        listen: () => expect.fail('nobody has to come back'),
        invite: () => expect.fail('nobody has to come back'),
        inviteToDevice: async (invitation) => void (await person(invitation)),
      },
    );
  return { ...pair, logins, deps, lines, secrets, logIn, abort };
}

describe('a login by device code at a real authorization server', () => {
  it('registers, shows a code, asks until it is confirmed, and can be renewed', async () => {
    const { logIn, provider, server, deps, logins, secrets, lines } = await stage();
    let invited: DeviceInvitation | undefined;
    const saved = await logIn(async (invitation) => {
      invited = invitation;
      // Later than the first request for the tokens.
      setTimeout(() => void agrees(invitation), 1500);
    });
    expect(invited).toMatchObject({
      url: `${provider.origin}/device`,
      userCode: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/),
      urlComplete: `${provider.origin}/device?user_code=${invited?.userCode}`,
    });
    expect(await logins.read(KEY)).toEqual(saved);
    expect(saved.client).toEqual({
      ...{ source: 'dynamic', clientId: expect.any(String), authMethod: 'none' },
      scopes: expect.arrayContaining(['mcp:read']),
    });
    const { seen } = provider;
    expect(seen.at('authorize')).toEqual([]);
    expect(seen.at('register')[0]?.params).toMatchObject({
      ...{ grant_types: [DEVICE_GRANT, 'refresh_token'], response_types: [] },
    });
    expect(seen.at('register')[0]?.params).not.toHaveProperty('redirect_uris');
    expect(seen.at('device')[0]?.params).toMatchObject({ resource: server.url.href });
    const polls = seen.grants(DEVICE_GRANT);
    expect(polls.length).toBeGreaterThanOrEqual(2);
    expect(polls[0]).toMatchObject({ status: 400, error: 'authorization_pending' });
    expect(polls.at(-1)).toMatchObject({ status: 200, params: { resource: server.url.href } });
    expect(await provider.check(saved.tokens.accessToken)).toMatchObject({
      ...{ subject: 'alice', audience: server.url.href, scopes: ['mcp:read'] },
    });

    const renewed = await renewTokens(saved, { grant: 'device_code' }, deps);
    expect(await provider.check(renewed.accessToken)).toMatchObject({ subject: 'alice' });
    expect(seen.spent).toEqual([saved.tokens.refreshToken]);
    expect(secrets).toContain(String(polls[0]?.params['device_code']));
    for (const secret of secrets) expect(lines.join()).not.toContain(secret);
  });

  it('works with the code typed, for a client that is known and has a secret', async () => {
    const clientSecret = 'the-secret-of-the-television';
    const { logIn, provider } = await stage(
      {
        registration: false,
        clients: [
          {
            ...{ client_id: 'tv', client_secret: clientSecret, redirect_uris: [] },
            token_endpoint_auth_method: 'client_secret_post',
            grant_types: [DEVICE_GRANT, 'refresh_token'],
          },
        ],
      },
      { clientId: 'tv', clientSecret, tokenEndpointAuthMethod: 'client_secret_post' },
    );
    const saved = await logIn(types({ user: 'bob' }));
    expect(await provider.check(saved.tokens.accessToken)).toMatchObject({ subject: 'bob' });
    const sent = { client_id: 'tv', client_secret: clientSecret };
    expect(provider.seen.at('device')).toMatchObject([{ status: 200, params: sent }]);
    expect(provider.seen.grants(DEVICE_GRANT).at(-1)?.params).toMatchObject(sent);
  });

  it('keeps its client for the next login', async () => {
    const { logIn, provider } = await stage();
    const first = await logIn(agrees);
    const second = await logIn(agrees);
    expect(second.client).toEqual(first.client);
    expect(provider.seen.at('register')).toHaveLength(1);
  });

  it.each<[string, Person]>([
    ['after typing the code', types({ deny: true })],
    [
      'at the address that has the code',
      ({ urlComplete = '' }) => browse(urlComplete, { deny: true }),
    ],
  ])('ends when the person says no %s', async (_, person) => {
    const { logIn, logins } = await stage();
    await expect(logIn(person)).rejects.toMatchObject({
      ...{ code: 'ACCESS_DENIED', message: expect.stringContaining('access_denied') },
      hint: expect.stringMatching(/^Log in again and allow the access/),
    });
    expect(await logins.read(KEY)).toBeUndefined();
  });

  it('ends when the code expires', async () => {
    const { logIn } = await stage({ deviceCodeSeconds: 3 });
    await expect(logIn(async () => {})).rejects.toMatchObject({
      code: 'LOGIN_TIMEOUT',
      hint: expect.stringMatching(/^Start the login again, and enter the new code/),
    });
  });

  it('ends when the time that the person has is over', async () => {
    const { logIn, provider } = await stage();
    await expect(logIn(async () => {}, 2500)).rejects.toMatchObject({
      ...{ code: 'LOGIN_TIMEOUT', message: 'nobody has confirmed the code in 3 s' },
      hint: expect.stringContaining('--timeout'),
    });
    const asked = provider.seen.grants(DEVICE_GRANT).length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(provider.seen.grants(DEVICE_GRANT)).toHaveLength(asked);
  });

  it('ends with the signal, and asks no more', async () => {
    const { logIn, abort, provider } = await stage();
    const reason = new Error('Ctrl-C');
    await expect(logIn(async () => abort.abort(reason))).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(provider.seen.grants(DEVICE_GRANT)).toEqual([]);
  });

  it('ends with what the invitation rejects with', async () => {
    const { logIn } = await stage();
    const reason = new Error('no terminal');
    await expect(logIn(() => Promise.reject(reason))).rejects.toBe(reason);
  });
});
