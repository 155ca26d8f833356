import { describe, expect, test } from 'vitest';
import { assumptionError, discover } from '../../../src/oauth/discovery/discover.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient } from '../../support/http/connection.ts';
import { memoryLog } from '../../support/memory-log.ts';
import {
  failure,
  found,
  metadata,
  OAUTH,
  OPENID,
  RESOURCE,
  resource,
  startGood,
  startSite,
} from './discovery-support.ts';

describe('the protected resource', () => {
  test('is asked for at its path, then at the root, then the login is found', async () => {
    const site = await startSite((origin) => ({
      [RESOURCE]: { ...resource(origin), resource: origin, scopes_supported: ['a', null, 'b'] },
      [OPENID]: metadata(origin, { registration_endpoint: null, scopes_supported: ['openid'] }),
    }));
    const { log, ...discovery } = await found(site.url);
    const { origin } = site;
    expect(discovery).toMatchObject({
      authorizationServer: {
        source: 'metadata',
        metadata: { ...metadata(origin), scopes_supported: ['openid'] },
      },
      resource: origin,
      resourceScopes: ['a', 'b'],
    });
    expect(discovery.authorizationServer.metadata).not.toHaveProperty('registration_endpoint');
    expect(log).toStrictEqual([
      `debug GET ${origin}${RESOURCE}/mcp: 404`,
      `debug GET ${origin}${RESOURCE}: 200`,
      `debug GET ${origin}${OAUTH}: 404`,
      `debug GET ${origin}${OPENID}: 200`,
    ]);
    expect(site.received[0]?.headers).toMatchObject({
      accept: 'application/json',
      'mcp-protocol-version': '2025-11-25',
    });
  });

  test('is where the challenge says, and its query is not logged', async () => {
    const site = await startGood((origin) => ({
      '/meta?key=secret': resource(origin, { resource: `${origin}/` }),
    }));
    const challenge = { resourceMetadata: `${site.origin}/meta?key=secret` };
    const { resource: sent, log } = await found(site.url, { challenge });
    expect(sent).toBe(`${site.origin}/`);
    expect(site.paths()).toStrictEqual(['/meta?key=secret', OAUTH]);
    expect(log[0]).toBe(`debug GET ${site.origin}/meta: 200`);
  });

  test.each([
    ['is not there', '/nowhere'],
    ['is no URL', 'nonsense'],
    ['is no URL to ask', 'file:///etc/passwd'],
    ['crosses the network', 'http://a.example/meta'],
  ])('is at the well-known place when that of the challenge %s', async (_, place) => {
    const site = await startGood();
    const resourceMetadata = place.startsWith('/') ? site.origin + place : place;
    const { tried } = await found(site.url, { challenge: { resourceMetadata } });
    expect(tried).toHaveLength(1);
  });

  test.each([
    ['javascript:alert(1)', 'INSECURE_URL', 'http or https, got javascript'],
    ['http://a.example/meta', 'INSECURE_URL', 'without encryption'],
    ['nonsense', 'DISCOVERY_FAILED', 'expected a whole URL'],
  ])(
    'is refused when the challenge says %s and nothing else is there',
    async (place, code, why) => {
      const site = await startSite(() => ({}));
      const error = await failure(site.url, { challenge: { resourceMetadata: place } });
      expect(error).toMatchObject({
        code,
        hint: expect.stringContaining('authorization_endpoint'),
      });
      expect(error.message).toContain('`resource_metadata` of the challenge');
      expect(error.message).toContain(why);
    },
  );

  test.each(['/other', '/mcp/deeper', '/mc'])('of %s is not the one of /mcp', async (path) => {
    const site = await startGood((origin) => ({
      [`${RESOURCE}/mcp`]: resource(origin, { resource: origin + path }),
    }));
    for (const settings of [{}, { issuer: site.origin }, { resource: false as const }]) {
      const error = await failure(site.url, { settings });
      expect(error).toMatchObject({
        code: 'RESOURCE_MISMATCH',
        hint: expect.stringContaining('`url`'),
      });
      expect(error.message).toContain(`"${site.origin}${path}", not for ${site.url}`);
    }
    expect(site.paths()).not.toContain(OAUTH);
    const settings = { resource: site.origin + path };
    expect((await found(site.url, { settings })).resource).toBe(site.origin + path);
  });

  test('names the parameter, which the configuration replaces or leaves out', async () => {
    const site = await startGood();
    const sent = async (value?: string | false) =>
      (await found(site.url, value === undefined ? {} : { settings: { resource: value } }))
        .resource;
    expect(await sent()).toBe(site.url.href);
    expect(await sent('urn:mine')).toBe('urn:mine');
    expect(await sent(false)).toBeUndefined();
  });

  test.each([
    ['/mcp', '/mcp'],
    ['/', ''],
    // A query may hold a key, which is nobody else's to see (RFC 8707 §2).
    ['/mcp/?tenant=1', '/mcp/'],
  ])('without metadata is the URL itself: %s', async (path, expected) => {
    const site = await startSite((origin) => ({ [OAUTH]: metadata(origin) }));
    const { resource: sent } = await found(new URL(path, site.origin));
    expect(sent).toBe(site.origin + expected);
  });
});

describe('a server without metadata', () => {
  test.each([404, 401, 403, 405, 410])('(%i) may have its login at its root', async (status) => {
    const site = await startSite((origin) => ({
      [`${RESOURCE}/mcp`]: status,
      [RESOURCE]: status,
      [OAUTH]: metadata(`${origin}/`),
    }));
    const { authorizationServer } = await found(site.url);
    expect(authorizationServer).toMatchObject({
      source: 'metadata',
      metadata: { issuer: `${site.origin}/` },
    });
    expect(site.paths()).toStrictEqual([`${RESOURCE}/mcp`, RESOURCE, OAUTH]);
  });

  test('that names no authorization server is its own', async () => {
    const site = await startGood((origin) => ({
      [`${RESOURCE}/mcp`]: { resource: `${origin}/mcp`, authorization_servers: null },
    }));
    expect((await found(site.url)).authorizationServer.metadata.issuer).toBe(site.origin);
  });

  test('at all has the paths of 2025-03-26, and the error when these are not there either', async () => {
    const site = await startSite(() => ({}));
    const { origin } = site;
    const { log, ...discovery } = await found(site.url);
    expect(discovery.authorizationServer).toStrictEqual({
      source: 'assumed',
      metadata: {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
      },
    });
    expect(discovery.resource).toBe(site.url.href);
    expect(log.at(-1)).toContain('paths of 2025-03-26');
    const error = assumptionError({ url: site.url }, discovery, 404);
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('`issuer`'),
    });
    expect(error.message).toBe(
      `the login of ${origin} can not be found out: ${origin}${RESOURCE}/mcp answered 404; ${origin}${RESOURCE} answered 404; ${origin}${OAUTH} answered 404; ${origin}${OPENID} answered 404; ${origin}/register answered 404`,
    );
  });

  test('fails at once for a client that is registered already', async () => {
    const site = await startSite(() => ({}));
    const error = await failure(site.url, { settings: { clientId: 'id' } });
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('`issuer`'),
    });
    for (const path of [`${RESOURCE}/mcp`, RESOURCE, OAUTH, OPENID]) {
      expect(error.message).toContain(`${site.origin}${path} answered 404`);
    }
  });

  test('but with something broken in its place is not assumed to be empty', async () => {
    const site = await startSite(() => ({ [OPENID]: 500 }));
    const error = await failure(site.url);
    expect(error).toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect(error.message).toContain(`${site.origin}${RESOURCE} answered 404`);
    expect(error.message).toContain(`${site.origin}${OPENID} answered 500`);
  });

  test('assumes only the endpoint that is not configured', async () => {
    const site = await startSite(() => ({}));
    const settings = { tokenEndpoint: 'https://broker.example/token' };
    expect((await found(site.url, { settings })).authorizationServer).toMatchObject({
      source: 'assumed',
      metadata: {
        authorization_endpoint: `${site.origin}/authorize`,
        token_endpoint: 'https://broker.example/token',
      },
    });
  });
});

test('a fault of our own is not told as one of the server', async () => {
  const { log } = memoryLog();
  const deps = { fetch: createFetch(testClient()), resolve: async () => [], log };
  const url = new URL('http://127.0.0.1/mcp');
  const broken = { ...deps, resolve: () => undefined as unknown as Promise<string[]> };
  const challenge = { resourceMetadata: 'https://a.example' };
  await expect(discover({ url, settings: {}, challenge }, broken)).rejects.toThrow(TypeError);
});
