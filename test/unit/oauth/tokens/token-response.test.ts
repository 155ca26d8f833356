import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTokenResponse } from '../../../../src/oauth/tokens/token-response.ts';

const TOKEN = { access_token: 'at', token_type: 'bearer' };

describe('readTokenResponse', () => {
  test.each<[string, object, object]>([
    [
      'a whole one',
      { ...TOKEN, refresh_token: 'rt', expires_in: 60, scope: 'a b' },
      { refresh_token: 'rt', expires_in: 60, scope: 'a b' },
    ],
    ['no token_type', { token_type: undefined }, {}],
    ['an empty token_type', { token_type: '' }, {}],
    ['BEARER', { token_type: 'BEARER' }, {}],
    ['an ID token, which nobody asked for', { id_token: 'rubbish' }, {}],
    ['an empty refresh token', { refresh_token: '' }, {}],
    ['a refresh token that is none', { refresh_token: false }, {}],
    ['scopes with commas', { scope: 'repo,gist' }, { scope: 'repo gist' }],
    ['scopes as a list', { scope: ['a', 'b c', 1] }, { scope: 'a b c' }],
    ['an empty scope', { scope: '' }, { scope: '' }],
    ['a scope that is none', { scope: 7 }, {}],
  ])('%s', (_, fields, expected) => {
    expect(readTokenResponse({ ...TOKEN, ...fields })).toEqual({ ...TOKEN, ...expected });
  });

  test.each<[unknown, number | undefined]>([
    ['3600', 3600],
    [' 60 ', 60],
    [0.5, 0.5],
    [315_360_000, 315_360_000],
    [0, undefined],
    ['0', undefined],
    [-1, undefined],
    ['', undefined],
    ['soon', undefined],
    ['Infinity', undefined],
    [1e300, undefined],
    [Number.NaN, undefined],
    [true, undefined],
    [[60], undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('expires_in %j is %j', (value, expected) => {
    const read = readTokenResponse({ ...TOKEN, expires_in: value });
    expect(read).toEqual(expected === undefined ? TOKEN : { ...TOKEN, expires_in: expected });
  });

  test.each<[object, string]>([
    [{ access_token: undefined }, 'no access_token'],
    [{ access_token: '' }, 'no access_token'],
    [{ access_token: 7 }, 'no access_token'],
    [{ access_token: 'a\r\nHost: evil' }, 'characters that can not be sent'],
    [{ access_token: 'a b' }, 'characters that can not be sent'],
    [{ token_type: 'DPoP' }, 'the type DPoP'],
    [{ token_type: 'mac' }, 'the type mac'],
    [{ token_type: {} }, 'only Bearer tokens'],
  ])('%j can not be used', (fields, why) => {
    expect(readTokenResponse({ ...TOKEN, ...fields })).toContain(why);
  });

  test('whatever comes is a conforming response or refused', () => {
    const any = fc.oneof(fc.anything(), fc.string(), fc.double(), fc.integer().map(String));
    const fields = fc.record(
      {
        ...{
          access_token: fc.oneof(fc.string(), any),
          token_type: fc.oneof(fc.constant('bearer'), any),
        },
        ...{ expires_in: any, refresh_token: any, scope: any, id_token: any },
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (given) => {
        const read = readTokenResponse(given);
        if (typeof read === 'string') return;
        expect(read.access_token).toMatch(/^[\x21-\x7e]+$/);
        expect(read.token_type).toBe('bearer');
        expect(read.expires_in ?? 1).toBeGreaterThan(0);
        expect(Number.isSafeInteger(Math.round((read.expires_in ?? 1) * 1000))).toBe(true);
        expect(['string', 'undefined']).toContain(typeof read.refresh_token);
        expect(['string', 'undefined']).toContain(typeof read.scope);
      }),
    );
  });
});
