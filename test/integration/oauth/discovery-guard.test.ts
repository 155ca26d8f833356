import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../src/config/config.ts';
import type { DiscoveryDeps } from '../../../src/oauth/discovery/discover.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient } from '../../support/http/connection.ts';
import { json, startServer } from '../../support/http/scripted-server.ts';
import { failure, found, metadata, OAUTH, RESOURCE, resource } from './discovery-support.ts';

const ADDRESSES: Record<string, string> = {
  'public.test': '8.8.8.8',
  'as.test': '1.1.1.1',
  'lan.test': '10.0.0.5',
  'clouds.test': '169.254.169.254',
};

/** URLs without their `https://` -> metadata, or where they redirect to. */
type Internet = Record<string, object | string>;

/**
 * Names on https, all of them served by one server on this computer: what stands before it (a company
 * proxy that opens TLS) does the look-up of names, so that the guard's own decides nothing but itself.
 */
async function startInternet(pages: Internet) {
  const asked: string[] = [];
  const server = await startServer(({ headers, path }, response) => {
    const place = `${headers['x-host']}${path}`;
    const page = pages[place] ?? 404;
    asked.push(place);
    if (typeof page === 'string') response.writeHead(302, { location: page }).end();
    else if (typeof page === 'number') response.writeHead(page).end();
    else json(response, page);
  });
  const toServer = createFetch(testClient());
  const deps: Partial<DiscoveryDeps> = {
    fetch: (url, init) => {
      const { host, pathname } = new URL(url);
      const headers = { ...Object(init?.headers), 'x-host': host };
      return toServer(server.origin + pathname, { ...init, headers });
    },
    resolve: async (hostname) => {
      const address = ADDRESSES[hostname];
      if (address === undefined) throw new Error(`ENOTFOUND ${hostname}`);
      return [address];
    },
  };
  return { asked, deps };
}

/** A server whose login is at another host. */
const joined = (server: string, login: string, other: object = {}): Internet => ({
  [`${server}${RESOURCE}/mcp`]: resource(`https://${server}`, {
    authorization_servers: [`https://${login}`],
  }),
  [`${login}${OAUTH}`]: metadata(`https://${login}`, other),
});

async function refusal(server: string, internet: Internet, settings: OAuthSettings = {}) {
  const { asked, deps } = await startInternet(internet);
  const error = await failure(new URL(`https://${server}/mcp`), { deps, settings });
  expect(error).toMatchObject({
    code: 'DISCOVERY_FAILED',
    hint: expect.stringMatching(/`issuer`, or `authorization_endpoint` and `token_endpoint`/),
  });
  return { asked, message: error.message };
}

async function login(server: string, internet: Internet, settings: OAuthSettings = {}) {
  const { deps } = await startInternet(internet);
  const url = new URL(`https://${server}/mcp`);
  return (await found(url, { deps, settings })).authorizationServer.metadata.issuer;
}

describe('a public server', () => {
  test.each([
    ['lan.test', 'private'],
    ['192.168.0.1', 'private'],
    ['[fd00::1]', 'private'],
    ['[::ffff:7f00:1]', 'loopback'],
    ['localhost:8080', 'loopback'],
    ['clouds.test', 'link-local'],
  ])('does not lead to %s', async (host, network) => {
    const { asked, message } = await refusal('public.test', joined('public.test', host));
    expect(message).toContain(`public.test leads to ${host}, which has a ${network} address`);
    expect(asked).toStrictEqual([`public.test${RESOURCE}/mcp`]);
  });

  test.each(['token_endpoint', 'authorization_endpoint', 'registration_endpoint'])(
    'does not lead to a private %s',
    async (name) => {
      const internet = joined('public.test', 'as.test', { [name]: 'https://lan.test/x' });
      const { message } = await refusal('public.test', internet);
      expect(message).toContain('public.test leads to lan.test, which has a private address');
    },
  );

  test('does not lead to a private address by its challenge', async () => {
    const { asked, deps } = await startInternet({});
    const challenge = { resourceMetadata: 'https://lan.test/meta' };
    const error = await failure(new URL('https://public.test/mcp'), { deps, challenge });
    expect(error).toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect(asked).not.toContain('lan.test/meta');
  });

  test.each(['https://lan.test/meta', 'http://127.0.0.1:8080/meta', 'https://clouds.test/latest'])(
    'does not redirect to %s',
    async (location) => {
      const { asked, message } = await refusal('public.test', {
        [`public.test${RESOURCE}/mcp`]: location,
      });
      expect(message).toContain(`public.test leads to ${new URL(location).host}`);
      expect(asked).toHaveLength(2);
    },
  );

  test('leads to and redirects to public ones, also to names that only a proxy knows', async () => {
    const moved = 'https://as.test/moved';
    const internet: Internet = { ...joined('public.test', 'unknown.test'), 'as.test/moved': {} };
    const document = internet[`public.test${RESOURCE}/mcp`] ?? {};
    expect(
      await login('public.test', {
        ...internet,
        [`public.test${RESOURCE}/mcp`]: moved,
        'as.test/moved': document,
      }),
    ).toBe('https://unknown.test');
  });
});

describe('what the user trusts', () => {
  test('an issuer that he names may be private, with its endpoints and redirects there', async () => {
    const internet = {
      [`lan.test${OAUTH}`]: 'https://10.9.9.9/meta',
      '10.9.9.9/meta': metadata('https://lan.test', { token_endpoint: 'http://127.0.0.1:1/t' }),
    };
    expect(await login('public.test', internet, { issuer: 'https://lan.test' })).toBe(
      'https://lan.test',
    );
  });

  test('endpoints that he gives may be private', async () => {
    const internet = joined('public.test', 'as.test', { token_endpoint: 'https://lan.test/t' });
    expect(await login('public.test', internet, { tokenEndpoint: 'https://lan.test/t' })).toBe(
      'https://as.test',
    );
    const authorizationEndpoint = 'https://lan.test/a';
    const tokenEndpoint = 'https://lan.test/t';
    expect(await login('public.test', {}, { authorizationEndpoint, tokenEndpoint })).toBe(
      'https://lan.test',
    );
  });

  test.each([
    ['lan.test', 'lan.test'],
    ['lan.test', '192.168.7.7'],
    ['lan.test', 'localhost:8080'],
    ['lan.test', 'public.test'],
    ['localhost:3000', '192.168.7.7'],
    ['127.0.0.1:3000', 'localhost:8080'],
  ])('a server of his own, %s, leads to %s', async (server, host) => {
    expect(await login(server, joined(server, host))).toBe(`https://${host}`);
  });

  test('but not to link-local addresses, nor from public ones back inside', async () => {
    const first = await refusal('lan.test', joined('lan.test', 'clouds.test'));
    expect(first.message).toContain('leads to clouds.test, which has a link-local address');
    const second = await refusal('lan.test', {
      ...joined('lan.test', 'as.test'),
      [`as.test${OAUTH}`]: 'https://10.9.9.9/meta',
    });
    expect(second.message).toContain('as.test leads to 10.9.9.9, which has a private address');
  });
});
