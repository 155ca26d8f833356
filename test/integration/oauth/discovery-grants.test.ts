import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import { failure, found, metadata, OAUTH, startGood, startSite } from './discovery-support.ts';

type Grant = NonNullable<OAuthSettings['grant']>;

const WITHOUT_BROWSER: Grant[] = ['device_code', 'client_credentials'];

describe('metadata without an authorization endpoint', () => {
  const start = () =>
    startGood((origin) => ({
      [OAUTH]: metadata(origin, {
        authorization_endpoint: undefined,
        device_authorization_endpoint: `${origin}/device`,
      }),
    }));

  test.each(WITHOUT_BROWSER)('is good enough for the grant %s', async (grant) => {
    const site = await start();
    const { authorizationServer } = await found(site.url, { settings: { grant } });
    expect(authorizationServer).toMatchObject({
      source: 'metadata',
      metadata: {
        token_endpoint: `${site.origin}/token`,
        device_authorization_endpoint: `${site.origin}/device`,
      },
    });
    expect(authorizationServer.metadata.authorization_endpoint).toBeUndefined();
  });

  test.each<[Grant | undefined]>([[undefined], ['authorization_code']])(
    'is not for a browser (%s)',
    async (grant) => {
      const { url } = await start();
      expect(await failure(url, { settings: grant === undefined ? {} : { grant } })).toMatchObject({
        code: 'DISCOVERY_FAILED',
        message: expect.stringContaining('has no `authorization_endpoint`'),
      });
    },
  );
});

describe('endpoints of the configuration', () => {
  const authorizationEndpoint = 'https://login.example/authorize';
  const deviceAuthorizationEndpoint = 'https://login.example/device';
  const tokenEndpoint = 'https://api.example/token';

  test.each<[OAuthSettings, string]>([
    [{ grant: 'client_credentials', tokenEndpoint }, 'https://api.example'],
    [{ grant: 'device_code', tokenEndpoint, deviceAuthorizationEndpoint }, 'https://api.example'],
    [
      { grant: 'device_code', tokenEndpoint, deviceAuthorizationEndpoint, authorizationEndpoint },
      'https://login.example',
    ],
  ])('%j are enough: nothing is asked, and no PKCE is told of', async (settings, issuer) => {
    const site = await startSite(() => ({}));
    const { authorizationServer, log } = await found(site.url, { settings });
    expect(authorizationServer).toMatchObject({
      ...{ source: 'settings', issuerGuessed: true },
      metadata: { issuer, token_endpoint: tokenEndpoint },
    });
    expect(authorizationServer.metadata.device_authorization_endpoint).toBe(
      settings.deviceAuthorizationEndpoint,
    );
    expect(site.paths()).not.toContain(OAUTH);
    expect(log.join()).not.toContain('PKCE');
  });

  test.each<[OAuthSettings]>([
    [{ grant: 'device_code', tokenEndpoint, authorizationEndpoint }],
    [{ grant: 'device_code', deviceAuthorizationEndpoint }],
    [{ tokenEndpoint }],
  ])('%j are not: what is missing is looked for', async (settings) => {
    const site = await startGood();
    const { authorizationServer } = await found(site.url, { settings });
    expect(authorizationServer).toMatchObject({
      source: 'metadata',
      metadata: { token_endpoint: settings.tokenEndpoint ?? `${site.origin}/token` },
    });
    expect(authorizationServer.metadata.device_authorization_endpoint).toBe(
      settings.deviceAuthorizationEndpoint,
    );
  });

  test('must be https, or on this computer', async () => {
    const site = await startSite(() => ({}));
    const settings = { grant: 'client_credentials', tokenEndpoint: 'http://a.example/t' } as const;
    expect(await failure(site.url, { settings })).toMatchObject({ code: 'INSECURE_URL' });
  });
});
