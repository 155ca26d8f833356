import { describe, expect, it } from 'vitest';
import { checkCredentials } from '../../../src/cli/doctor-credential.ts';
import type { RemoteEndpoint, ServerConfig } from '../../../src/config/config.ts';
import { remoteEndpoint, serverConfig } from '../../support/server-config.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400;
const PLACE = { check: 'credential', server: 'x' };

function jwt(claims: object | string, header: object = { alg: 'RS256', typ: 'JWT' }): string {
  const part = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.c2lnbmF0dXJl`;
}

/** A token that ends so many seconds from now. */
function ending(seconds: number): string {
  return jwt({ sub: 'ann', exp: NOW / 1000 + seconds });
}

function check(endpoint: Partial<RemoteEndpoint>, more: Partial<ServerConfig> = {}) {
  const whole = remoteEndpoint({ auth: { strategy: 'headers' }, ...endpoint });
  return checkCredentials(serverConfig({ name: 'x', endpoint: whole, ...more }), NOW);
}

function bearer(token: string) {
  return { headers: { Authorization: `Bearer ${token}` } };
}

describe('a token of the configuration', () => {
  it.each([
    ['has expired', -60, 'error', 'has expired 1 minute ago'],
    ['expires now', 0, 'error', 'has expired 0 seconds ago'],
    ['expires today', 3600, 'warning', 'expires in 1 hour'],
    ['expires within a week', 7 * DAY, 'warning', 'expires in 7 days'],
    ['is good for longer', 7 * DAY + 1, 'ok', 'expires in 7 days'],
    ['is good for a year', 365 * DAY, 'ok', 'expires in 365 days'],
  ] as const)('that %s', (_, seconds, level, text) => {
    const findings = check(bearer(ending(seconds)));
    const message = `the token in the header Authorization ${text}`;
    const hint = level === 'ok' ? null : 'Get a new token, and put it into the configuration.';
    expect(findings).toEqual([{ ...PLACE, level, message, hint }]);
  });

  it.each([
    ['has no exp', { sub: 'ann' }],
    ['has an exp that is no number', { exp: 'tomorrow' }],
  ])('that %s is said not to tell', (_, claims) => {
    expect(check(bearer(jwt(claims)))).toMatchObject([
      { level: 'ok', message: expect.stringContaining('does not say when it expires') },
    ]);
  });

  it.each([
    ['any text', 'ghp_0123456789abcdef0123456789'],
    ['three parts that are no JSON', 'eyJub3QganNvbg.eyJub3QganNvbg.sig'],
    [
      'an encrypted one',
      `${Buffer.from('{"alg":"dir"}').toString('base64url')}..aXY.Y2lwaGVy.dGFn`,
    ],
    ['a payload that is no object', jwt('"text"')],
    ['nothing', ''],
  ])('is left alone when it is %s', (_, token) => {
    expect(check(bearer(token))).toEqual([]);
  });

  it('is found in an API key and in headers of any name and scheme', () => {
    const key = ending(-1);
    const auth = { strategy: 'api_key', header: 'X-Key', template: 'Token {key}', key } as const;
    expect(check({ auth })).toMatchObject([
      { level: 'error', message: expect.stringContaining('in the header X-Key has expired') },
    ]);
    const headers = { 'X-Team': 'core', authorization: `Token ${ending(60)}`, 'X-Jwt': ending(-1) };
    expect(check({ headers }).map(({ level }) => level)).toEqual(['warning', 'error']);
  });

  it('is not looked at where it is never sent', () => {
    expect(check({ ...bearer(ending(-1)), auth: { strategy: 'bypass_auth' } })).toEqual([]);
  });

  it('that is stored is to be stored anew', () => {
    const target = ['endpoint', 'headers', 'Authorization'];
    const secretRefs = [{ target, name: 'team-token', path: 'x' }];
    expect(check(bearer(ending(-1)), { secretRefs })).toMatchObject([
      {
        hint: 'Get a new token, and put it into the token store: mcp-master secret set team-token',
      },
    ]);
  });

  it('is shown in no part', () => {
    const token = ending(-1);
    const shown = JSON.stringify(check(bearer(token)));
    for (const part of token.split('.')) expect(shown).not.toContain(part);
  });

  it('of a program on this computer is its own matter', () => {
    expect(checkCredentials(serverConfig({ name: 'x' }), NOW)).toEqual([]);
  });
});
