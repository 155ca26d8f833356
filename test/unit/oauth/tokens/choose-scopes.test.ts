import { describe, expect, test } from 'vitest';
import { chooseScopes, type ScopeSources } from '../../../../src/oauth/tokens/choose-scopes.ts';

const stepUp = (scopes?: string[]) => ({
  error: 'insufficient_scope',
  ...(scopes === undefined ? {} : { scopes }),
});

/** What is asked for; `offered` are the scopes that the authorization server lists. */
function choose(sources: Partial<ScopeSources>, offered: string[] | undefined = undefined) {
  const metadata = {
    issuer: 'https://as.test',
    authorization_endpoint: 'https://as.test/authorize',
    token_endpoint: 'https://as.test/token',
    ...(offered === undefined ? {} : { scopes_supported: offered }),
  };
  const { scopes, prompt } = chooseScopes({
    ...{ settings: {}, asked: undefined, challenge: undefined, granted: [], resourceScopes: [] },
    authorizationServer: { metadata, source: 'metadata' },
    ...sources,
  });
  return prompt === undefined ? scopes.join(' ') : `${scopes.join(' ')} (${prompt})`;
}

describe('chooseScopes', () => {
  test('a client that asks for itself gets no offline_access unless it names it', () => {
    const settings = { grant: 'client_credentials' as const };
    const offered = ['offline_access'];
    expect(choose({ settings, resourceScopes: ['read'] }, offered)).toBe('read');
    const named = { ...settings, scopes: ['read', 'offline_access'] };
    expect(choose({ settings: named }, offered)).toBe('read offline_access');
    const device = { settings: { grant: 'device_code' as const }, resourceScopes: ['read'] };
    expect(choose(device, offered)).toBe('read offline_access (consent)');
  });

  const all = {
    asked: ['asked'],
    settings: { scopes: ['configured'] },
    challenge: { scopes: ['challenged'] },
    resourceScopes: ['resource', 'other'],
    granted: ['granted'],
  };
  test.each<[string, Partial<ScopeSources>, string]>([
    ['--scope wins', all, 'asked'],
    ['then the configuration', { ...all, asked: undefined }, 'configured'],
    ['then the challenge', { ...all, asked: undefined, settings: {} }, 'challenged'],
    [
      'a challenge without scopes says nothing',
      { ...all, asked: undefined, settings: {}, challenge: { scopes: [] } },
      'resource other',
    ],
    ['then the resource', { resourceScopes: ['resource', 'other'] }, 'resource other'],
    ['else none', {}, ''],
    [
      'an empty list in the configuration is none',
      { ...all, asked: undefined, settings: { scopes: [] } },
      '',
    ],
    ['each once', { resourceScopes: ['a', 'b', 'a'] }, 'a b'],
  ])('%s', (_, sources, expected) => {
    expect(choose(sources)).toBe(expected);
  });

  test.each<[string, Partial<ScopeSources>, string]>([
    ['granted and challenged', { challenge: stepUp(['write']), granted: ['read'] }, 'write read'],
    [
      'not what else the resource has',
      { challenge: stepUp(['write']), granted: ['read'], resourceScopes: ['admin'] },
      'write read',
    ],
    [
      'configured ones, too',
      { challenge: stepUp(['write']), granted: ['read'], settings: { scopes: ['base'] } },
      'base read write',
    ],
    [
      'all of the resource when the challenge names none',
      { challenge: stepUp(), granted: ['read'], resourceScopes: ['admin'] },
      'admin read',
    ],
    ['--scope is exact', { challenge: stepUp(['write']), granted: ['read'], asked: ['x'] }, 'x'],
    [
      'any other challenge forgets what was granted',
      { challenge: { error: 'invalid_token', scopes: ['a'] }, granted: ['b'] },
      'a',
    ],
  ])('step-up: %s', (_, sources, expected) => {
    expect(choose(sources)).toBe(expected);
  });

  test.each<[string, Partial<ScopeSources>, string[] | undefined, string]>([
    [
      'added with consent where offered',
      { resourceScopes: ['a'] },
      ['offline_access'],
      'a offline_access (consent)',
    ],
    ['not to none, in place of those that the server would give', {}, ['offline_access'], ''],
    ['also to --scope', { asked: ['a'] }, ['offline_access'], 'a offline_access (consent)'],
    ['not where it is not offered', { resourceScopes: ['a'] }, ['a', 'openid'], 'a'],
    ['not where nothing is known', { resourceScopes: ['a'] }, undefined, 'a'],
    [
      'once',
      { settings: { scopes: ['offline_access', 'a'] } },
      ['offline_access'],
      'offline_access a (consent)',
    ],
    [
      'configured, and no consent where not offered',
      { settings: { scopes: ['offline_access'] } },
      undefined,
      'offline_access',
    ],
    [
      'not to an empty list in the configuration',
      { settings: { scopes: [] } },
      ['offline_access'],
      '',
    ],
  ])('offline_access: %s', (_, sources, offered, expected) => {
    expect(choose(sources, offered)).toBe(expected);
  });
});
