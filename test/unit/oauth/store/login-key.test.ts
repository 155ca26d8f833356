import { describe, expect, it } from 'vitest';
import type { OAuthSettings } from '../../../../src/config/config.ts';
import { withPreset } from '../../../../src/config/presets.ts';
import { loginKey, secretAccount } from '../../../../src/oauth/store/login-key.ts';

const owner = { profile: '', home: '', commandFlags: '' };
const subject = { owner, server: 'foo', url: 'https://a.example/mcp', settings: {} };

describe('loginKey', () => {
  it('names the server, and is the same each time', () => {
    const key = loginKey(subject);
    expect(key).toEqual(loginKey({ ...subject }));
    expect(key.account).toMatch(/^foo:[0-9a-f]{12}$/);
    expect(key.file).toMatch(/^foo-[0-9a-f]{12}$/);
  });

  it.each<[string, OAuthSettings]>([
    ['issuer', { issuer: 'https://as.example' }],
    ['client', { clientId: 'c' }],
    ['Client ID Metadata Document', { clientMetadataUrl: 'https://c.example/c.json' }],
    ['authorization endpoint', { authorizationEndpoint: 'https://as.example/a' }],
    ['token endpoint', { tokenEndpoint: 'https://as.example/t' }],
    ['resource', { resource: 'https://other.example' }],
    ['resource that is not sent', { resource: false }],
    ['provider', { provider: 'github' }],
    ['grant', { grant: 'device_code' }],
  ])('is another one for another %s', (_, settings) => {
    expect(loginKey({ ...subject, settings }).account).not.toBe(loginKey(subject).account);
  });

  it('is another one for another address, server, profile and home', () => {
    const keys = [
      subject,
      { ...subject, url: 'https://b.example/mcp' },
      { ...subject, server: 'foo_bar' },
      { ...subject, owner: { ...owner, profile: 'work' } },
      { ...subject, owner: { ...owner, home: '/other' } },
      { ...subject, server: 'FOO' },
    ].map((one) => loginKey(one).account);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[3]).toMatch(/^@work\/foo:/);
  });

  it('is another one for other scopes where the client gets its tokens by itself', () => {
    const keyOf = (scopes: string[]) =>
      loginKey({ ...subject, settings: { grant: 'client_credentials', scopes } }).account;
    expect(keyOf(['read'])).toBe(keyOf(['read']));
    expect(keyOf(['read'])).not.toBe(keyOf(['read', 'write']));
  });

  it('names files that differ in more than case', () => {
    const [a, b] = ['api', 'API'].map((server) => loginKey({ ...subject, server }).file);
    expect(a?.toLowerCase()).not.toBe(b?.toLowerCase());
  });

  it('stays the same when scopes, ports and parameters change', () => {
    const keyOf = (settings: OAuthSettings) => loginKey({ ...subject, settings }).account;
    expect(keyOf({ scopes: ['a'], redirectPort: 3000, extraParams: { a: 'b' } })).toBe(keyOf({}));
  });

  it('counts a preset by its name, but not where the user logs in elsewhere with it', () => {
    const keyOf = (settings: OAuthSettings) => {
      return loginKey({ ...subject, settings: withPreset(settings) }).account;
    };
    const bare = loginKey({ ...subject, settings: { provider: 'github', resource: false } });
    expect(keyOf({ provider: 'github' })).not.toBe(bare.account);
    const enterprise = { provider: 'github', issuer: 'https://github.corp.example' };
    expect(keyOf(enterprise)).not.toBe(keyOf({ provider: 'github' }));
    expect(keyOf(enterprise)).not.toBe(keyOf({ ...enterprise, issuer: 'https://b.example' }));
  });
});

describe('secretAccount', () => {
  it('is apart for each name, profile and home, and from every login', () => {
    const accounts = [
      secretAccount('a', owner),
      secretAccount('b', owner),
      secretAccount('a', { ...owner, profile: 'work' }),
      secretAccount('a', { ...owner, home: '/h' }),
    ];
    expect(accounts.slice(0, 3)).toEqual(['secret/a', 'secret/b', '@work/secret/a']);
    expect(new Set(accounts).size).toBe(4);
  });
});
