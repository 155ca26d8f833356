import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestHeaders, sendsCredential } from '../../../src/auth/request-headers.ts';
import { remoteEndpoint } from '../../support/server-config.ts';

describe('requestHeaders', () => {
  it('sends configured headers as they are, whatever the scheme', () => {
    const headers = { Authorization: 'CustomScheme key=value, signature=a$&b', 'X-Team': 'core' };
    expect(requestHeaders(remoteEndpoint({ headers }))).toEqual(headers);
  });

  it('never sends a credential with bypass_auth', () => {
    const headers = {
      authorization: 'Bearer x',
      Cookie: 'a=b',
      'Proxy-Authorization': 'Basic x',
      'X-Team': 'core',
    };
    expect(requestHeaders(remoteEndpoint({ headers, auth: { strategy: 'bypass_auth' } }))).toEqual({
      'X-Team': 'core',
    });
  });

  it.each([
    ['{key}', 'abc', 'abc'],
    ['Bearer {key}', 'abc', 'Bearer abc'],
    ['Token {apiKey}; again {key}', 'abc', 'Token abc; again abc'],
    ['{key}', "$&$1$'$`{key}", "$&$1$'$`{key}"],
    ['{ key }', 'abc', '{ key }'],
  ])('fills the template %s', (template, key, value) => {
    const auth = { strategy: 'api_key', header: 'X-API-Key', template, key } as const;
    expect(requestHeaders(remoteEndpoint({ headers: { 'X-Team': 'core' }, auth }))).toEqual({
      'X-Team': 'core',
      'X-API-Key': value,
    });
  });

  it('keeps any key whole', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        const auth = { strategy: 'api_key', header: 'k', template: '<{key}>', key } as const;
        expect(requestHeaders(remoteEndpoint({ auth }))).toEqual({ k: `<${key}>` });
      }),
    );
  });
});

describe('sendsCredential', () => {
  it.each([
    ['nothing', {}, false],
    ['a header that is none', { headers: { 'X-Team': 'core' } }, false],
    ['an Authorization header', { headers: { authorization: 'x' } }, true],
    ['the strategy headers', { headers: { 'X-Key': 'x' }, auth: { strategy: 'headers' } }, true],
    [
      'an API key',
      { auth: { strategy: 'api_key', header: 'k', template: '{key}', key: 'x' } },
      true,
    ],
  ] as const)('is right about %s', (_, endpoint, expected) => {
    expect(sendsCredential(remoteEndpoint(endpoint))).toBe(expected);
  });
});
