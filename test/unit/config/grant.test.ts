import { describe, expect, it } from 'vitest';
import { checkEntry, errors, warnings } from './support.ts';

const KEY = 'keyring:key';
const url = 'https://a.example/mcp';

/** What is said of an entry with this `auth_config`. */
async function problems(auth_config: object) {
  const result = await checkEntry({ url, auth_config }, { SECRET: 'a-secret-value' });
  const short = (line: string) => line.replace(/^.*auth_config\./, '');
  return { errors: errors(result).map(short), warnings: warnings(result).map(short) };
}

const CLIENT = { client_id: 'me', client_secret: 'env:SECRET' };

describe('the grant', () => {
  it.each([
    {},
    { grant: 'authorization_code', redirect_port: 3118 },
    { grant: 'device_code' },
    { grant: 'device_code', client_id: 'me', device_authorization_endpoint: 'https://as/device' },
    { grant: 'device_code', client_metadata_url: 'https://me.example/client.json' },
    { grant_type: 'client_credentials', ...CLIENT },
    { grant: 'client_credentials', ...CLIENT, token_endpoint_auth_method: 'client_secret_post' },
    { grant: 'client_credentials', client_id: 'me', private_key: KEY },
    { grant: 'client_credentials', ...CLIENT, token_endpoint: 'https://as.example/token' },
  ])('%j is fine', async (oauth) => {
    expect(await problems(oauth)).toEqual({ errors: [], warnings: [] });
  });

  it.each([
    [{}, 'grant: needs "client_id" and "client_secret" or "private_key"'],
    [{ client_id: 'me' }, 'grant: needs "client_id" and "client_secret" or "private_key"'],
    [
      { client_secret: 'env:SECRET' },
      'grant: needs "client_id" and "client_secret" or "private_key"',
    ],
    [
      { client_id: 'me', private_key: KEY, token_endpoint_auth_method: 'none' },
      'token_endpoint_auth_method: contradicts the grant client_credentials',
    ],
    [
      { ...CLIENT, token_endpoint_auth_method: 'none' },
      'token_endpoint_auth_method: contradicts "client_secret"',
    ],
    [
      { ...CLIENT, token_endpoint_auth_method: 'private_key_jwt' },
      'token_endpoint_auth_method: needs "private_key"',
    ],
  ])('client_credentials with %j is refused', async (oauth, expected) => {
    const { errors: found } = await problems({ grant: 'client_credentials', ...oauth });
    expect(found).toEqual([expected]);
  });

  it.each([
    ['device_code', { redirect_port: 3118 }, 'redirect_port'],
    ['device_code', { redirect_uri: 'http://localhost:3118/cb' }, 'redirect_uri'],
    ['device_code', { authorization_endpoint: 'https://as/a' }, 'authorization_endpoint'],
    ['client_credentials', { ...CLIENT, redirect_port: 3118 }, 'redirect_port'],
    ['client_credentials', { ...CLIENT, authorization_url: 'https://as/a' }, 'authorization_url'],
    [
      'client_credentials',
      { ...CLIENT, client_metadata_url: 'https://me.example/c' },
      'client_metadata_url',
    ],
    [
      'authorization_code',
      { device_authorization_endpoint: 'https://as/d' },
      'device_authorization_endpoint',
    ],
  ])('%s has no use for %j', async (grant, oauth, key) => {
    expect(await problems({ grant, ...oauth })).toEqual({
      errors: [],
      warnings: [
        expect.stringMatching(new RegExp(`${key}: has no effect with the grant ${grant}$`)),
      ],
    });
  });

  it('without a name has no use for the endpoint of another one either', async () => {
    const { warnings: found } = await problems({ device_authorization_endpoint: 'https://as/d' });
    expect(found).toEqual([
      expect.stringContaining('has no effect with the grant authorization_code'),
    ]);
  });

  it('does not take an endpoint in clear text', async () => {
    const oauth = { grant: 'device_code', device_authorization_endpoint: 'http://as.example/d' };
    const { errors: found } = await problems(oauth);
    expect(found).toEqual([expect.stringContaining('tokens would cross the network')]);
  });
});
