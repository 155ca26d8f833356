import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ServerMetadata } from '../../../../src/oauth/discovery/authorization-server.ts';
import {
  type AuthorizationWish,
  createAuthorizationRequest,
} from '../../../../src/oauth/tokens/authorization-request.ts';
import { memoryLog } from '../../../support/memory-log.ts';

const REDIRECT = 'http://127.0.0.1:4711/oauth/callback';

async function request(
  wish: Partial<AuthorizationWish> = {},
  metadata: Partial<ServerMetadata> = {},
) {
  const secrets: string[] = [];
  const deps = {
    fetch: () => Promise.reject(new Error('the network was asked')),
    ...{ now: () => 0, log: memoryLog().log, secret: (value: string) => void secrets.push(value) },
  };
  const made = await createAuthorizationRequest(
    {
      authorizationServer: {
        metadata: {
          issuer: 'https://as.test',
          authorization_endpoint: 'https://as.test/authorize',
          token_endpoint: 'https://as.test/token',
          ...metadata,
        },
        source: 'metadata',
      },
      client: { source: 'dynamic', clientId: 'my client', authMethod: 'none' },
      redirectUri: REDIRECT,
      ...{ settings: {}, scopes: [], prompt: undefined, resource: undefined, ...wish },
    },
    deps,
  );
  return { made, secrets, parameters: Object.fromEntries(new URL(made.url).searchParams) };
}

describe('createAuthorizationRequest', () => {
  test('asks for a code with PKCE S256 and nothing that is not wanted', async () => {
    const { made, secrets, parameters } = await request();
    expect(new URL(made.url).origin + new URL(made.url).pathname).toBe('https://as.test/authorize');
    expect(parameters).toEqual({
      ...{ client_id: 'my client', response_type: 'code', redirect_uri: REDIRECT },
      ...{ state: made.state, code_challenge_method: 'S256' },
      code_challenge: createHash('sha256').update(made.codeVerifier).digest('base64url'),
    });
    expect(made).toMatchObject({
      redirectUri: REDIRECT,
      scopes: [],
      issuer: 'https://as.test',
      issRequired: false,
    });
    expect(made.codeVerifier).toMatch(/^[\w-]{43,128}$/);
    expect(secrets).toEqual([made.codeVerifier]);
    const again = await request();
    expect(again.made.state).not.toBe(made.state);
    expect(again.made.codeVerifier).not.toBe(made.codeVerifier);
  });

  test('adds scopes, prompt, resource, audience and extra_params', async () => {
    const { made, parameters } = await request({
      ...{ scopes: ['a:b', 'c'], prompt: 'consent', resource: 'https://mcp.test/mcp?x=1' },
      settings: {
        audience: 'https://api.test',
        extraParams: { access_type: 'offline', q: 'a&b=c' },
      },
    });
    expect(parameters).toMatchObject({
      ...{ scope: 'a:b c', prompt: 'consent', resource: 'https://mcp.test/mcp?x=1' },
      ...{ audience: 'https://api.test', access_type: 'offline', q: 'a&b=c' },
    });
    expect(made.scopes).toEqual(['a:b', 'c']);
  });

  test('a configured prompt wins; parameters of the flow can not be replaced', async () => {
    const { parameters } = await request({
      prompt: 'consent',
      settings: {
        extraParams: { prompt: 'login', state: 'mine', redirect_uri: 'https://evil.test' },
      },
    });
    expect(parameters).toMatchObject({ prompt: 'login', redirect_uri: REDIRECT });
    expect(parameters['state']).not.toBe('mine');
  });

  test('keeps the query of the endpoint, and knows whether `iss` is required', async () => {
    const { made, parameters } = await request(
      {},
      {
        authorization_endpoint: 'https://as.test/authorize?p=policy',
        authorization_response_iss_parameter_supported: true,
      },
    );
    expect(parameters).toMatchObject({ p: 'policy', client_id: 'my client' });
    expect(made.issRequired).toBe(true);
  });

  test.each([
    ['http://as.test/authorize', 'INSECURE_URL'],
    ['javascript:alert(1)', 'INSECURE_URL'],
    ['file:///bin/sh', 'INSECURE_URL'],
    ['rubbish', 'DISCOVERY_FAILED'],
    ['https://user:pass@as.test/authorize', 'DISCOVERY_FAILED'],
  ])('%s is not handed out', async (authorization_endpoint, code) => {
    const error = await request({}, { authorization_endpoint }).catch((reason) => reason);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
    expect(error.message).not.toContain('pass@');
  });

  test('http on this computer is fine', async () => {
    const { made } = await request({}, { authorization_endpoint: 'http://localhost:1/authorize' });
    expect(made.url).toMatch(/^http:\/\/localhost:1\/authorize\?/);
  });
});
