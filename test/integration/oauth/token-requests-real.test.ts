import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import { chooseClient } from '../../../src/oauth/client/choose-client.ts';
import type { AuthorizationServer } from '../../../src/oauth/discovery/authorization-server.ts';
import { createAuthorizationRequest } from '../../../src/oauth/tokens/authorization-request.ts';
import { chooseScopes } from '../../../src/oauth/tokens/choose-scopes.ts';
import { revokeTokens } from '../../../src/oauth/tokens/revocation.ts';
import { exchangeCode, refreshTokens } from '../../../src/oauth/tokens/token-requests.ts';
import {
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from '../../support/oauth/authorization-server.ts';
import { browse } from '../../support/oauth/browse.ts';
import { untilTestEnds } from '../../support/oauth/test-lifetime.ts';
import { NOW, oauthDeps, REDIRECT } from './token-requests-support.ts';

const RESOURCE = 'https://mcp.test/mcp';

/** A login at a real oidc-provider, whose person never comes back to a listener. */
async function logIn(options: AuthorizationServerOptions = {}, settings: OAuthSettings = {}) {
  const provider = await untilTestEnds(startAuthorizationServer(options));
  const document = await fetch(`${provider.origin}/.well-known/openid-configuration`);
  const metadata = (await document.json()) as AuthorizationServer['metadata'];
  const authorizationServer: AuthorizationServer = { metadata, source: 'metadata' };
  const { deps, lines } = oauthDeps();
  const wanted = chooseScopes({
    ...{ settings, asked: undefined, challenge: undefined, granted: [], authorizationServer },
    resourceScopes: ['mcp:read', 'mcp:write'],
  });
  const client = await chooseClient(
    {
      ...{ settings, authorizationServer, redirectUri: REDIRECT, remembered: undefined },
      scopes: wanted.scopes,
    },
    deps,
  );
  const common = { authorizationServer, client, resource: RESOURCE };
  const wish = { ...common, redirectUri: REDIRECT, settings, ...wanted };
  const request = await createAuthorizationRequest(wish, deps);
  const { url } = await browse(request.url, { stopBeforeCallback: true });
  const exchange = () => exchangeCode({ ...common, request, response: url.searchParams }, deps);
  return { provider, common, deps, lines, request, response: url.searchParams, exchange };
}

describe('a real authorization server', () => {
  test('registration, S256, resource, rotation, reuse, revocation', async () => {
    const { provider, common, deps, request, response, exchange, lines } = await logIn();
    expect(response.get('iss')).toBe(provider.issuer);
    expect(request.issRequired).toBe(true);
    const first = await exchange();
    expect(first).toMatchObject({
      ...{ refreshToken: expect.any(String), expiresAt: NOW + 3_600_000, obtainedAt: NOW },
    });
    expect(first.scopes.toSorted()).toEqual(['mcp:read', 'mcp:write']);
    expect(await provider.check(first.accessToken)).toMatchObject({ audience: RESOURCE });

    const second = await refreshTokens({ ...common, tokens: first }, deps);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await provider.check(second.accessToken)).toMatchObject({ audience: RESOURCE });
    expect(provider.seen.spent).toEqual([first.refreshToken]);

    expect(await revokeTokens({ ...common, tokens: second }, deps)).toBe(true);
    expect(await provider.check(second.accessToken)).toBeUndefined();
    const spent = refreshTokens({ ...common, tokens: second }, deps);
    await expect(spent).rejects.toMatchObject({ code: 'REFRESH_REJECTED', status: 400 });
    for (const { accessToken, refreshToken = '' } of [first, second]) {
      expect(lines.join()).not.toContain(accessToken);
      expect(lines.join()).not.toContain(refreshToken);
    }
  });

  test('a code is good once, and with its own verifier', async () => {
    const { common, deps, request, response, exchange } = await logIn();
    const other = { ...request, codeVerifier: 'x'.repeat(43) };
    const stolen = exchangeCode({ ...common, request: other, response }, deps);
    const refused = { code: 'TOKEN_REQUEST_FAILED', status: 400 };
    await expect(stolen).rejects.toMatchObject(refused);
    expect(await exchange()).toMatchObject({ obtainedAt: NOW });
    await expect(exchange()).rejects.toMatchObject({
      ...{ ...refused, message: expect.stringContaining('invalid_grant') },
      hint: expect.stringContaining('used before'),
    });
  });

  test('an unknown client is refused with what helps', async () => {
    const { common, deps, exchange } = await logIn();
    const tokens = await exchange();
    const client = { ...common.client, clientId: 'forgotten' };
    await expect(refreshTokens({ ...common, client, tokens }, deps)).rejects.toMatchObject({
      ...{ code: 'REFRESH_FAILED', message: expect.stringContaining('invalid_client') },
      hint: expect.stringContaining('--force'),
    });
  });

  test.each(['client_secret_basic', 'client_secret_post'] as const)('%s', async (method) => {
    const secret = 'a-secret_with.all!of~them';
    const known = {
      client_id: 'my-own_client.1',
      client_secret: secret,
      redirect_uris: [REDIRECT],
    };
    const { common, deps, exchange } = await logIn(
      { clients: [{ ...known, token_endpoint_auth_method: method }] },
      { clientId: known.client_id, clientSecret: secret, tokenEndpointAuthMethod: method },
    );
    const tokens = await refreshTokens({ ...common, tokens: await exchange() }, deps);
    expect(await revokeTokens({ ...common, tokens }, deps)).toBe(true);
  });

  test.each([
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['EdDSA', generateKeyPairSync('ed25519')],
  ] as const)('private_key_jwt with %s', async (_, { privateKey, publicKey }) => {
    const known = { client_id: 'with-a-key', redirect_uris: [REDIRECT] };
    const { common, deps, exchange } = await logIn(
      {
        clients: [
          {
            ...{ ...known, token_endpoint_auth_method: 'private_key_jwt' },
            jwks: { keys: [publicKey.export({ format: 'jwk' })] },
          },
        ],
      },
      {
        clientId: known.client_id,
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      },
    );
    const tokens = await refreshTokens({ ...common, tokens: await exchange() }, deps);
    expect(await revokeTokens({ ...common, tokens }, deps)).toBe(true);
  });
});
