import { describe, expect, it } from 'vitest';
import {
  authorizationServerUrls,
  protectedResourceUrls,
} from '../../../../src/oauth/discovery/well-known.ts';

const texts = (urls: URL[]) => urls.map((url) => url.href.replace('/.well-known/', '/W/'));

describe('protectedResourceUrls', () => {
  it.each([
    ['https://a.example', ['https://a.example/W/oauth-protected-resource']],
    [
      'https://a.example:8443/mcp',
      [
        'https://a.example:8443/W/oauth-protected-resource/mcp',
        'https://a.example:8443/W/oauth-protected-resource',
      ],
    ],
    [
      'https://a.example/x/mcp/?tenant=1#f',
      [
        'https://a.example/W/oauth-protected-resource/x/mcp?tenant=1',
        'https://a.example/W/oauth-protected-resource',
      ],
    ],
    [
      'https://a.example/?t=1',
      [
        'https://a.example/W/oauth-protected-resource?t=1',
        'https://a.example/W/oauth-protected-resource',
      ],
    ],
  ])('of %s', (server, expected) => {
    expect(texts(protectedResourceUrls(new URL(server)))).toStrictEqual(expected);
  });
});

describe('authorizationServerUrls', () => {
  it.each([
    [
      'https://as.example/',
      [
        'https://as.example/W/oauth-authorization-server',
        'https://as.example/W/openid-configuration',
      ],
    ],
    [
      'https://as.example/tenant/1/',
      [
        'https://as.example/W/oauth-authorization-server/tenant/1',
        'https://as.example/W/openid-configuration/tenant/1',
        'https://as.example/tenant/1/W/openid-configuration',
      ],
    ],
    [
      'https://as.example//evil.example',
      [
        'https://as.example/W/oauth-authorization-server//evil.example',
        'https://as.example/W/openid-configuration//evil.example',
        'https://as.example//evil.example/W/openid-configuration',
      ],
    ],
  ])('of %s', (issuer, expected) => {
    expect(texts(authorizationServerUrls(new URL(issuer)))).toStrictEqual(expected);
  });
});
