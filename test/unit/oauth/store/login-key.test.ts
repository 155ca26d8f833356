import { describe, expect, it } from 'vitest';
import type { OAuthSettings } from '../../../../src/config/config.ts';
import { loginKey } from '../../../../src/oauth/store/login-key.ts';

const subject = { profile: '', server: 'foo', url: 'https://a.example/mcp', settings: {} };

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

  it('is another one for another address, server and profile', () => {
    const keys = [
      subject,
      { ...subject, url: 'https://b.example/mcp' },
      { ...subject, server: 'foo_bar' },
      { ...subject, profile: 'work' },
    ].map((one) => loginKey(one).account);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[3]).toMatch(/^@work\/foo:/);
  });

  it('stays the same when scopes, ports, parameters or a preset change', () => {
    const github = { provider: 'github', authorizationEndpoint: 'https://old.example' };
    const mended = { provider: 'github', authorizationEndpoint: 'https://new.example' };
    const keyOf = (settings: OAuthSettings) => loginKey({ ...subject, settings }).account;
    expect(keyOf(github)).toBe(keyOf(mended));
    expect(keyOf({ scopes: ['a'], redirectPort: 3000, extraParams: { a: 'b' } })).toBe(keyOf({}));
  });
});
