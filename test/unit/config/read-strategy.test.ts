import { describe, expect, it } from 'vitest';
import { readMasterSettings, readStrategy } from '../../../src/config/read-strategy.ts';

const lookup = (name: string) => ({ KEY: 'k-1234567890', EMPTY: '' })[name];

function read(strategy: string, settings: Record<string, unknown> = {}) {
  return readStrategy({ name: 'api', strategy, settings }, lookup);
}

describe('readStrategy', () => {
  it('reads the settings of each strategy as a file has them', () => {
    expect(read('bypass_auth').auth).toEqual({ strategy: 'bypass_auth' });
    expect(read('headers', { 'X-Team': 'core' })).toMatchObject({
      auth: { strategy: 'headers' },
      headers: { 'X-Team': 'core' },
    });
    expect(read('api_key', { header: 'X-Key', key: 'env:KEY' })).toMatchObject({
      auth: { strategy: 'api_key', header: 'X-Key', template: '{key}', key: 'k-1234567890' },
      secrets: ['k-1234567890'],
    });
    expect(read('delegate_oauth', { provider: 'github', client_id: 'c' }).auth).toMatchObject({
      strategy: 'delegate_oauth',
      oauth: { provider: 'github', clientId: 'c', resource: false },
    });
    expect(read('proxy_oauth', { token_source: 'env:KEY' }).auth).toMatchObject({
      strategy: 'proxy_oauth',
      oauth: { tokenSource: 'env:KEY' },
    });
  });

  it.each<[string, string, Record<string, unknown>, RegExp]>([
    ['an unknown strategy', 'magic', {}, /there is no strategy "magic"/],
    ['a name of every object', 'constructor', {}, /there is no strategy "constructor"/],
    ['headers without any', 'headers', {}, /needs "headers"/],
    ['a key that is not there', 'api_key', { header: 'X-Key' }, /expected "key"/],
    ['a wrong type', 'delegate_oauth', { scopes: 7 }, /scopes.*expected a list of scopes/],
    ['an unset variable', 'api_key', { key: 'env:NONE' }, /NONE is not set/],
    ["the master's token", 'api_key', { key: 'env:MCP_MASTER_TOKEN' }, /can not be handed on/],
    ['a stored secret', 'api_key', { key: 'keyring:acme' }, /can not be a stored secret here/],
  ])('refuses %s', (_, strategy, settings, message) => {
    expect(() => read(strategy, settings)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(message),
      }),
    );
  });
});

it('tells what nobody knows, and which values are secrets', () => {
  const settings = { header: 'X-Key', key: 'secret-key-1', templat: 'x' };
  const { secrets, warnings } = read('api_key', settings);
  expect(secrets).toEqual(['secret-key-1']);
  expect(warnings).toEqual([expect.stringMatching(/^the strategy of "api": .*templat/)]);
});

describe('readMasterSettings', () => {
  it.each([
    ['of a file', { issuer: 'https://login.example', client_id: 'c', scopes: 'a b' }],
    ['of ours', { issuer: 'https://login.example', clientId: 'c', scopes: ['a', 'b'] }],
  ])('takes the spelling %s', (_, settings) => {
    expect(readMasterSettings(settings, lookup).oauth).toEqual({
      ...{ issuer: 'https://login.example', clientId: 'c', scopes: ['a', 'b'] },
    });
  });
});
