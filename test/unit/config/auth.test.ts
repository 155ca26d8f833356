import { describe, expect, it } from 'vitest';
import type { AuthConfig } from '../../../src/config/config.ts';
import { withPreset } from '../../../src/config/presets.ts';
import { checkEntry, configOf, errors, serverOf } from './support.ts';

const url = 'https://a.example/mcp';
const ENV = { KEY: 'key-value', SECRET: 'secret-value', ID: 'id-value' };
const AUTHORIZATION = { Authorization: 'env:KEY' };

/** The authentication of an entry that must be without errors. */
async function authOf(entry: object): Promise<AuthConfig> {
  const { endpoint } = serverOf(await checkEntry({ url, ...entry }, ENV));
  if (endpoint.kind === 'stdio') throw new Error('expected a remote endpoint');
  return endpoint.auth;
}

/** The errors of an entry, without what all of them have in front. */
async function messages(entry: object): Promise<string[]> {
  const result = await checkEntry({ url, ...entry }, ENV);
  expect(configOf(result).servers).toHaveLength(errors(result).length > 0 ? 0 : 1);
  return errors(result).map((line) => line.replace(/^.*?: server x: /, ''));
}

describe('the strategy', () => {
  it.each<[object, AuthConfig]>([
    [{}, { strategy: 'detect' }],
    [{ headers: { 'X-Team': 'core' } }, { strategy: 'detect' }],
    [{ headers: AUTHORIZATION }, { strategy: 'headers' }],
    [{ headers: { 'x-api-key': 'env:KEY' } }, { strategy: 'headers' }],
    [{ headers: { Cookie: 'env:KEY' } }, { strategy: 'headers' }],
    [{ auth_strategy: 'headers', headers: { 'X-Team': 'core' } }, { strategy: 'headers' }],
    [{ auth_strategy: 'bypass_auth', headers: { 'X-Team': 'core' } }, { strategy: 'bypass_auth' }],
    [{ auth_strategy: 'none' }, { strategy: 'bypass_auth' }],
    [{ auth: { method: 'none' } }, { strategy: 'bypass_auth' }],
    [{ auth_strategy: 'delegate_oauth' }, { strategy: 'delegate_oauth', oauth: {} }],
    [{ auth_strategy: 'oauth' }, { strategy: 'delegate_oauth', oauth: {} }],
    [{ auth: { method: 'oauth' } }, { strategy: 'delegate_oauth', oauth: {} }],
    [{ oauth: {} }, { strategy: 'delegate_oauth', oauth: {} }],
    [
      { auth_config: { provider: 'github' } },
      { strategy: 'delegate_oauth', oauth: withPreset({ provider: 'github' }) },
    ],
    [{ auth_strategy: 'master_oauth' }, { strategy: 'master_oauth', oauth: {} }],
    [
      {
        auth_strategy: 'proxy_oauth',
        auth_config: { token_source: 'keyring:t', allow_passthrough: true },
      },
      { strategy: 'proxy_oauth', oauth: { tokenSource: 'keyring:t', allowPassthrough: true } },
    ],
    [
      { oauth: {}, headers: { 'X-Api-Key': 'env:KEY' } },
      { strategy: 'delegate_oauth', oauth: {} },
    ],
  ])('of %j is %j', async (entry, expected) => {
    expect(await authOf(entry)).toStrictEqual(expected);
  });

  it.each([
    [
      { headers: AUTHORIZATION, oauth: {} },
      'headers.Authorization: competes with the token of OAuth',
    ],
    [
      { headers: { authorization: 'env:KEY' }, auth_strategy: 'master_oauth' },
      'headers.authorization: competes with the token of OAuth',
    ],
    [
      { headers: AUTHORIZATION, auth_strategy: 'proxy_oauth' },
      'headers.Authorization: competes with the token of OAuth',
    ],
    [
      { api_key: { key: 'env:KEY' }, oauth: { client_id: 'x' } },
      'api_key: competes with the token of OAuth',
    ],
    [
      { api_key: { key: 'env:KEY' }, auth_strategy: 'delegate_oauth' },
      'api_key: competes with the token of OAuth',
    ],
    [
      { api_key: { key: 'env:KEY' }, headers: AUTHORIZATION },
      'api_key: competes with the header "Authorization"',
    ],
    [
      { api_key: { key: 'env:KEY', header: 'X-Key' }, headers: AUTHORIZATION },
      'api_key: competes with the header "Authorization"',
    ],
    [
      { api_key: { key: 'env:KEY' }, auth_strategy: 'none' },
      'api_key: competes with the strategy bypass_auth',
    ],
    [
      { api_key: { key: 'env:KEY', header: 'X-Key' }, headers: { 'x-key': 'env:KEY' } },
      'api_key.header: this header stands in "headers" too',
    ],
    [
      { auth_strategy: 'headers', headers: { 'X-A': 'b' }, oauth: { client_id: 'x' } },
      'oauth: competes with the strategy headers',
    ],
    [
      { auth_strategy: 'bypass_auth', oauth: { scopes: ['a'] } },
      'oauth: competes with the strategy bypass_auth',
    ],
    [
      { auth_strategy: 'bypass_auth', headers: AUTHORIZATION },
      'headers.Authorization: bypass_auth sends no credential',
    ],
    [{ auth_strategy: 'headers' }, 'auth_strategy: needs "headers"'],
    [{ auth_strategy: 'api_key' }, 'auth_strategy: needs "api_key" with the key'],
    [{ api_key: {} }, 'api_key: expected "key", the API key'],
    [{ api_key: null }, 'api_key: expected a mapping, got nothing'],
    [
      { oauth: { token_source: 'env:KEY' } },
      'oauth.token_source: belongs to the strategy proxy_oauth',
    ],
  ])('is an error: %j', async (entry, expected) => {
    expect(await messages(entry)).toStrictEqual([expected]);
  });
});

describe('an API key', () => {
  it.each([
    [{ key: 'env:KEY' }, 'Authorization', 'Bearer {key}'],
    [{ key: 'env:KEY', header: 'authorization' }, 'authorization', 'Bearer {key}'],
    [{ key: 'env:KEY', header: 'X-API-Key' }, 'X-API-Key', '{key}'],
    [{ key: 'env:KEY', header: 'X-API-Key', template: 'v1:{apiKey}' }, 'X-API-Key', 'v1:{apiKey}'],
    [{ apiKey: 'env:KEY', headerName: 'X-K', valueTemplate: '{key}' }, 'X-K', '{key}'],
  ])('%j', async (api_key, header, template) => {
    const expected = { strategy: 'api_key', header, template, key: 'key-value' };
    expect(await authOf({ api_key })).toStrictEqual(expected);
    expect(await authOf({ apiKey: api_key, auth_strategy: 'api_key' })).toStrictEqual(expected);
  });

  it('may have any characters that a header may have', async () => {
    const { config } = await checkEntry({ url, api_key: { key: 'env:K' } }, { K: '$& {key} $1' });
    expect(config?.servers[0]?.endpoint).toMatchObject({ auth: { key: '$& {key} $1' } });
  });

  it.each([
    [
      { key: 'env:KEY', template: 'Bearer' },
      'api_key.template: expected {key} where the key is to stand',
    ],
    [
      { key: 'env:KEY', header: 'X Key' },
      "api_key.header: expected a header's name: letters, digits and -, no blanks",
    ],
    [
      { key: 'env:KEY', header: 'Mcp-Session-Id' },
      'api_key.header: the transport sets this header itself',
    ],
    [{ key: 'a\nb' }, 'api_key.key: a header can not have line breaks or control characters'],
    [{ key: '' }, 'api_key.key: a credential can not be empty'],
    [{ key: null }, 'api_key.key: expected text, got nothing'],
  ])('is checked: %j', async (api_key, expected) => {
    expect(await messages({ api_key })).toStrictEqual([expected]);
  });
});

describe('OAuth settings', () => {
  const full = {
    provider: 'github',
    client_id: 'env:ID',
    client_secret: 'env:SECRET',
    client_metadata_url: 'https://c.example/client.json',
    token_endpoint_auth_method: 'client_secret_post',
    scopes: ['repo', 'read:user', 'repo'],
    issuer: 'https://i.example',
    issuer_check: 'off',
    authorization_endpoint: 'https://i.example/authorize',
    token_endpoint: 'https://i.example/token',
    resource: 'https://r.example/mcp',
    redirect_uri: 'http://localhost:3000/callback',
    redirect_port: 3000,
    audience: 'x',
    extra_params: { prompt: 'consent', max_age: 5 },
    grant: 'authorization_code',
  };
  const expected: AuthConfig = {
    strategy: 'delegate_oauth',
    oauth: {
      provider: 'github',
      clientId: 'id-value',
      clientSecret: 'secret-value',
      clientMetadataUrl: 'https://c.example/client.json',
      tokenEndpointAuthMethod: 'client_secret_post',
      scopes: ['repo', 'read:user'],
      issuer: 'https://i.example',
      issuerCheck: 'off',
      authorizationEndpoint: 'https://i.example/authorize',
      tokenEndpoint: 'https://i.example/token',
      resource: 'https://r.example/mcp',
      redirectPort: 3000,
      redirectUri: 'http://localhost:3000/callback',
      audience: 'x',
      extraParams: { prompt: 'consent', max_age: '5' },
      grant: 'authorization_code',
    },
  };

  it('each have their place', async () => {
    expect(await authOf({ auth_config: full })).toStrictEqual(expected);
  });

  it.each(['auth', 'oauth', 'authConfig'])(
    'may stand under %s, and in camelCase',
    async (block) => {
      const camel = Object.entries(full).map(([key, value]) => [
        key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
        value,
      ]);
      expect(await authOf({ [block]: Object.fromEntries(camel) })).toStrictEqual(expected);
    },
  );

  it.each([
    [{ authorization_url: 'https://i.example/a', token_url: 'https://i.example/t' }],
    [{ authorizationUrl: 'https://i.example/a', tokenUrl: 'https://i.example/t' }],
    [{ authorizationEndpoint: 'https://i.example/a', tokenEndpoint: 'https://i.example/t' }],
  ])('have the aliases of the sources: %j', async (oauth) => {
    expect(await authOf({ oauth })).toStrictEqual({
      strategy: 'delegate_oauth',
      oauth: { authorizationEndpoint: 'https://i.example/a', tokenEndpoint: 'https://i.example/t' },
    });
  });

  it.each([
    [{ scopes: 'repo  read:user' }, { scopes: ['repo', 'read:user'] }],
    [{ scopes: ['repo read:user'] }, { scopes: ['repo', 'read:user'] }],
    [{ scope: 'repo' }, { scopes: ['repo'] }],
    [{ scopes: [] }, { scopes: [] }],
    [{ resource: false }, { resource: false }],
    [{ issuer_check: false }, { issuerCheck: 'off' }],
    [
      { extra_params: { resource: 'https://r.example', audience: 'a' } },
      { resource: 'https://r.example', extraParams: { audience: 'a' } },
    ],
    [{ client_id: 123 }, { clientId: '123' }],
    [{ token_endpoint: 'http://127.0.0.1:9/token' }, { tokenEndpoint: 'http://127.0.0.1:9/token' }],
  ])('%j become %j', async (oauth, settings) => {
    expect(await authOf({ oauth })).toStrictEqual({ strategy: 'delegate_oauth', oauth: settings });
  });

  it('give all of the second document', async () => {
    const oauth = {
      client_id: 'your-client-id',
      scopes: ['read', 'write'],
      authorization_url: 'https://auth.example.com/authorize',
      token_url: 'https://auth.example.com/token',
      extra_params: { audience: 'https://api.example.com', resource: 'https://api.example.com' },
    };
    expect(await authOf({ oauth })).toStrictEqual({
      strategy: 'delegate_oauth',
      oauth: {
        clientId: 'your-client-id',
        scopes: ['read', 'write'],
        authorizationEndpoint: 'https://auth.example.com/authorize',
        tokenEndpoint: 'https://auth.example.com/token',
        resource: 'https://api.example.com',
        extraParams: { audience: 'https://api.example.com' },
      },
    });
  });

  it.each([
    [
      { scopes: ['a"b'] },
      'scopes: expected scopes without quotes, backslashes and non-ASCII characters',
    ],
    [
      { resource: 'api' },
      'resource: expected a URI without a fragment (#…), or false for not sending it',
    ],
    [
      { resource: 'https://r.example/#x' },
      'resource: expected a URI without a fragment (#…), or false for not sending it',
    ],
    [
      { resource: false, extra_params: { resource: 'https://r.example' } },
      'extra_params.resource: differs from "resource", which means the same',
    ],
    [{ extra_params: { state: 'x' } }, 'extra_params.state: the login sets this parameter itself'],
    [
      { extra_params: { Code_Challenge: 'x' } },
      'extra_params.Code_Challenge: the login sets this parameter itself',
    ],
    [
      { redirect_uri: 'https://a.example/cb' },
      'redirect_uri: expected an http URL on this computer with a port, such as http://localhost:3000/callback',
    ],
    [
      { redirect_uri: 'http://localhost/cb' },
      'redirect_uri: expected an http URL on this computer with a port, such as http://localhost:3000/callback',
    ],
    [
      { redirect_uri: 'http://localhost:1/cb', redirect_port: 2 },
      'redirect_uri: has another port than "redirect_port"',
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt' },
      'token_endpoint_auth_method: needs "private_key"',
    ],
    [
      { token_endpoint_auth_method: 'client_secret_basic' },
      'token_endpoint_auth_method: needs "client_secret"',
    ],
    [
      { token_endpoint_auth_method: 'none', client_secret: 'env:SECRET' },
      'token_endpoint_auth_method: contradicts "client_secret"',
    ],
    [
      { grant: 'client_credentials', client_id: 'x' },
      'grant: needs "client_id" and "client_secret" or "private_key"',
    ],
    [{ issuer: 'https://u:p@i.example' }, 'issuer: a URL can not carry a user name or a password'],
  ])('are checked: %j', async (oauth, expected) => {
    expect(await messages({ oauth })).toStrictEqual([`oauth.${expected}`]);
  });

  it.each(['a-token', 'env:', 'keyring:a b', 'file:/x'])(
    'refuse the token source %s, without showing it',
    async (token_source) => {
      const entry = { auth_strategy: 'proxy_oauth', auth_config: { token_source } };
      expect(await messages(entry)).toStrictEqual([
        'auth_config.token_source: expected env:NAME or keyring:NAME, where the token is found',
      ]);
    },
  );
});
