import { describe, expect, it } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import { PRESETS, withPreset } from '../../../src/config/presets.ts';
import { checkEntry, checkJson, configOf, errors, serverOf } from './support.ts';

const url = 'https://a.example/mcp';

async function oauthOf(oauth: object): Promise<OAuthSettings> {
  const { endpoint } = serverOf(await checkEntry({ url, oauth }));
  if (endpoint.kind === 'stdio' || !('oauth' in endpoint.auth)) throw new Error('expected OAuth');
  return endpoint.auth.oauth;
}

const GITHUB = {
  provider: 'github',
  issuer: 'https://github.com/login/oauth',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  resource: false,
};

describe('a provider', () => {
  it.each([
    ['github', GITHUB],
    ['GitHub', GITHUB],
    [
      'google',
      {
        provider: 'google',
        issuer: 'https://accounts.google.com',
        resource: false,
        extraParams: { access_type: 'offline', prompt: 'consent' },
      },
    ],
    [
      'microsoft',
      {
        provider: 'microsoft',
        authorizationEndpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
        tokenEndpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
        resource: false,
      },
    ],
  ])('%s fills in what it knows', async (provider, expected) => {
    expect(await oauthOf({ provider })).toStrictEqual(expected);
  });

  const MICROSOFT = 'https://login.microsoftonline.com/common/oauth2/v2.0';

  it.each([
    ['github', 'https://github.com/login/device/code'],
    ['google', undefined],
    ['microsoft', `${MICROSOFT}/devicecode`],
  ])(
    '%s knows where a login by device code begins, and adds nothing for the browser',
    async (provider, expected) => {
      const oauth = await oauthOf({ provider, grant: 'device_code' });
      expect(oauth.deviceAuthorizationEndpoint).toBe(expected);
      expect(oauth.extraParams).toBeUndefined();
    },
  );

  it.each([
    [{ token_endpoint: `${MICROSOFT.replace('common', 'contoso')}/token` }],
    [{ issuer: 'https://other.example' }],
  ])("has no device code for the user's own %j", async (own) => {
    const oauth = await oauthOf({ provider: 'microsoft', grant: 'device_code', ...own });
    expect(oauth.deviceAuthorizationEndpoint).toBeUndefined();
  });

  it('leaves what the user gives', async () => {
    const given = {
      client_id: 'id',
      scopes: ['repo'],
      token_endpoint: 'https://broker.example/token',
      resource: 'https://a.example',
    };
    expect(await oauthOf({ provider: 'github', ...given })).toStrictEqual({
      ...GITHUB,
      clientId: 'id',
      scopes: ['repo'],
      tokenEndpoint: 'https://broker.example/token',
      resource: 'https://a.example',
    });
    expect(
      await oauthOf({ provider: 'google', extra_params: { prompt: 'none', hd: 'a.example' } }),
    ).toMatchObject({ extraParams: { access_type: 'offline', prompt: 'none', hd: 'a.example' } });
  });

  it("keeps the preset's server out when the user logs in elsewhere", () => {
    const enterprise = 'https://github.a.example/login/oauth';
    const endpoint = `${enterprise}/authorize`;
    const evil = 'https://github.com.evil.example/authorize';
    for (const given of [
      { issuer: enterprise },
      { authorizationEndpoint: endpoint },
      { authorizationEndpoint: evil },
    ]) {
      const settings = { provider: 'github', ...given };
      expect(withPreset(settings)).toStrictEqual({ ...settings, resource: false });
    }
    const tenant = 'https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize';
    const microsoft = { provider: 'microsoft', authorizationEndpoint: tenant };
    expect(withPreset(microsoft)).toMatchObject({
      authorizationEndpoint: tenant,
      tokenEndpoint: PRESETS.get('microsoft')?.server.tokenEndpoint,
    });
    expect(withPreset({ provider: 'microsoft', issuer: 'https://x.example' })).toStrictEqual({
      provider: 'microsoft',
      issuer: 'https://x.example',
      resource: false,
    });
  });

  it('works in master_oauth, too', async () => {
    const result = await checkJson({ servers: {}, master_oauth: { provider: 'github' } });
    expect(configOf(result).masterOauth).toStrictEqual(GITHUB);
  });

  it.each([
    ['githb', 'Did you mean "github"?'],
    ['constructor', expect.stringContaining('`issuer`')],
  ])('that is not known is an error at its line: %s', async (provider, hint) => {
    const result = await checkEntry({ url, oauth: { provider } });
    expect(errors(result)).toStrictEqual([
      `error CONFIG_INVALID 6 servers.x.oauth.provider: server x: oauth.provider: expected one of github, google, microsoft, got "${provider}"`,
    ]);
    expect(result.problems[0]?.hint).toStrictEqual(hint);
  });

  it('whose variable is not set is not called unknown', async () => {
    const result = await checkEntry({ url, oauth: { provider: 'env:UNSET' } });
    expect(result.problems.map(({ code }) => code)).toStrictEqual(['VARIABLE_UNSET']);
  });
});
