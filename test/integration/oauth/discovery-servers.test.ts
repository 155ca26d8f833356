import { describe, expect, test } from 'vitest';
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

/** A resource whose authorization servers are these. */
const startResource = (issuers: string[]) =>
  startSite((origin) => ({
    [`${RESOURCE}/mcp`]: resource(origin, {
      authorization_servers: issuers,
      scopes_supported: ['s'],
    }),
  }));

describe('the metadata of an authorization server', () => {
  test('with a path is looked for in three places', async () => {
    const site = await startSite((origin) => ({
      [`/tenant${OPENID}`]: metadata(`${origin}/tenant`),
    }));
    const server = await startResource([`${site.origin}/tenant`]);
    const { authorizationServer } = await found(server.url);
    expect(authorizationServer.metadata.issuer).toBe(`${site.origin}/tenant`);
    expect(site.paths()).toStrictEqual([`${OAUTH}/tenant`, `${OPENID}/tenant`, `/tenant${OPENID}`]);
  });

  test('is read leniently: null and wrong types of what is optional count as absent', async () => {
    const site = await startGood((origin) => ({
      [OAUTH]: metadata(origin, {
        registration_endpoint: 5,
        revocation_endpoint: '',
        scopes_supported: 'openid',
        grant_types_supported: [1, 'refresh_token', null],
        authorization_response_iss_parameter_supported: 'true',
        client_id_metadata_document_supported: true,
        jwks_uri: 'javascript:alert(1)',
      }),
    }));
    expect((await found(site.url)).authorizationServer.metadata).toStrictEqual({
      ...metadata(site.origin),
      grant_types_supported: ['refresh_token'],
      client_id_metadata_document_supported: true,
    });
  });

  test.each(['issuer', 'authorization_endpoint', 'token_endpoint'])('needs %s', async (name) => {
    const site = await startGood((origin) => ({ [OAUTH]: metadata(origin, { [name]: null }) }));
    const error = await failure(site.url);
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('`issuer`'),
    });
    expect(error.message).toContain(`${site.origin}${OAUTH} has no \`${name}\``);
  });

  test.each([
    ['authorization_endpoint', 'javascript:alert(1)'],
    ['token_endpoint', 'http://a.example/token?secret'],
    ['registration_endpoint', 'file:///etc/passwd'],
    ['revocation_endpoint', 'http://10.0.0.1/revoke'],
    ['device_authorization_endpoint', 'ftp://a.example/'],
  ])('with the %s %s is refused', async (name, address) => {
    const site = await startGood((origin) => ({ [OAUTH]: metadata(origin, { [name]: address }) }));
    const error = await failure(site.url);
    expect(error).toMatchObject({ code: 'INSECURE_URL', hint: expect.stringContaining('https') });
    expect(error.message).toContain(`\`${name}\` of ${site.origin}${OAUTH}`);
    expect(error.message).not.toContain('secret');
  });

  test.each([
    ['https://evil.example', '"https://evil.example"'],
    ['ISSUER/x', '/x"'],
    ['ISSUER/', '/"'],
  ])('of the issuer %s is not the one that was asked for', async (issuer, shown) => {
    const site = await startGood((origin) => ({
      [OAUTH]: metadata(origin, { issuer: issuer.replace('ISSUER', origin) }),
    }));
    const error = await failure(site.url);
    expect(error).toMatchObject({
      code: 'ISSUER_MISMATCH',
      hint: expect.stringContaining('`issuer`'),
    });
    expect(error.message).toContain(shown);
    expect(error.message).toContain(`expected "${site.origin}"`);
    const { authorizationServer, log } = await found(site.url, {
      settings: { issuerCheck: 'off' },
    });
    expect(authorizationServer.metadata.issuer).toBe(issuer.replace('ISSUER', site.origin));
    expect(log.filter((line) => line.startsWith('warn'))).toStrictEqual([
      expect.stringContaining('issuer_check: off'),
    ]);
  });

  test('may name the issuer without the final slash that the resource wrote', async () => {
    const site = await startGood((origin) => ({
      [`${RESOURCE}/mcp`]: resource(origin, { authorization_servers: [`${origin}/`] }),
    }));
    expect((await found(site.url)).authorizationServer.metadata.issuer).toBe(site.origin);
  });

  test.each([[['plain']], [undefined], ['S256'], [[]]])(
    'with %j is without PKCE',
    async (methods) => {
      const site = await startGood((origin) => ({
        [OAUTH]: metadata(origin, { code_challenge_methods_supported: methods }),
      }));
      const error = await failure(site.url);
      expect(error).toMatchObject({
        code: 'PKCE_UNSUPPORTED',
        hint: expect.stringContaining('`token_endpoint`'),
      });
      expect(error.message).toContain('S256');
      // No code, no verifier.
      const settings = { grant: 'client_credentials' as const };
      expect((await found(site.url, { settings })).authorizationServer.source).toBe('metadata');
    },
  );
});

describe('of several authorization servers', () => {
  test('the first that works is taken', async () => {
    const [empty, unfit] = [await startSite(() => ({})), await startSite(() => ({ [OAUTH]: 500 }))];
    const good = await startSite((origin) => ({ [OAUTH]: metadata(origin) }));
    const issuers = ['javascript:alert(1)', empty.origin, unfit.origin, good.origin];
    const server = await startResource(issuers);
    const { authorizationServer, tried } = await found(server.url);
    expect(authorizationServer.metadata.issuer).toBe(good.origin);
    expect(tried).toHaveLength(5);
  });

  test('the error names all, and only five are asked', async () => {
    const site = await startSite(() => ({}));
    const issuers = [1, 2, 3, 4, 5, 6].map((number) => `${site.origin}/as${number}`);
    const server = await startResource(issuers);
    const error = await failure(server.url);
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('`issuer`'),
    });
    for (const issuer of issuers.slice(0, 5)) expect(error.message).toContain(`${issuer}${OPENID}`);
    expect(site.received).toHaveLength(15);
    expect(error.message).not.toContain('/as6');
  });

  test('the configured one is taken, listed or not', async () => {
    const first = await startSite((origin) => ({ [OAUTH]: metadata(origin) }));
    const second = await startSite((origin) => ({ [OAUTH]: metadata(origin) }));
    for (const issuers of [[first.origin, second.origin], [first.origin]]) {
      const server = await startResource(issuers);
      const settings = { issuer: second.origin };
      const { authorizationServer, resourceScopes } = await found(server.url, { settings });
      expect(authorizationServer.metadata.issuer).toBe(second.origin);
      expect(resourceScopes).toStrictEqual(['s']);
    }
    expect(first.received).toHaveLength(0);
  });
});

describe('a configured issuer', () => {
  test.each([404, 500])('needs no metadata of the resource (%i)', async (status) => {
    const issuer = await startSite((origin) => ({ [OAUTH]: metadata(origin) }));
    const server = await startSite(() => ({ [`${RESOURCE}/mcp`]: status }));
    const {
      authorizationServer,
      resource: sent,
      log,
    } = await found(server.url, {
      settings: { issuer: issuer.origin },
    });
    expect(authorizationServer.metadata.issuer).toBe(issuer.origin);
    expect(sent).toBe(server.url.href);
    expect(log.some((line) => line.startsWith('warn'))).toBe(status === 500);
  });

  test('without metadata fails: there is nothing to assume', async () => {
    const issuer = await startSite(() => ({}));
    const server = await startGood();
    const error = await failure(server.url, { settings: { issuer: issuer.origin } });
    expect(error).toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect(error.message).toContain(`${issuer.origin}${OPENID} answered 404`);
  });
});

describe('configured endpoints', () => {
  const settings = {
    authorizationEndpoint: 'https://as.example/x/authorize',
    tokenEndpoint: 'https://as.example/x/token',
  };

  test('need no metadata; that S256 is sent all the same is told once', async () => {
    const server = await startResource(['https://never-asked.example']);
    const { authorizationServer, resourceScopes, log } = await found(server.url, { settings });
    expect(authorizationServer).toStrictEqual({
      source: 'settings',
      issuerGuessed: true,
      metadata: {
        issuer: 'https://as.example',
        authorization_endpoint: settings.authorizationEndpoint,
        token_endpoint: settings.tokenEndpoint,
      },
    });
    expect(resourceScopes).toStrictEqual(['s']);
    const warnings = log.filter((line) => line.startsWith('warn'));
    expect(warnings).toStrictEqual([expect.stringContaining('S256')]);
  });

  test('take the issuer and what is known of the provider', async () => {
    const server = await startSite(() => ({ [RESOURCE]: 500 }));
    const issuer = 'https://as.example/x';
    const { authorizationServer } = await found(server.url, {
      settings: { ...settings, issuer, provider: 'microsoft' },
    });
    expect(authorizationServer.metadata).toMatchObject({
      issuer,
      scopes_supported: expect.arrayContaining(['offline_access']),
    });
  });

  test('one alone replaces that of the metadata, good or bad', async () => {
    const site = await startGood((origin) => ({
      [OAUTH]: metadata(origin, { token_endpoint: 'javascript:alert(1)' }),
    }));
    const { tokenEndpoint } = settings;
    expect(
      (await found(site.url, { settings: { tokenEndpoint } })).authorizationServer,
    ).toMatchObject({
      source: 'metadata',
      metadata: {
        authorization_endpoint: `${site.origin}/authorize`,
        token_endpoint: tokenEndpoint,
      },
    });
  });

  test.each(['javascript:alert(1)', 'http://as.example/authorize'])(
    'of %s are refused',
    async (authorizationEndpoint) => {
      const site = await startSite(() => ({}));
      const error = await failure(site.url, { settings: { ...settings, authorizationEndpoint } });
      expect(error).toMatchObject({ code: 'INSECURE_URL', hint: expect.stringContaining('https') });
      expect(error.message).toContain('`authorization_endpoint`');
    },
  );
});
