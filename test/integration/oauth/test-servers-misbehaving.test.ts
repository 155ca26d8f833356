import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  changed,
  cutShort,
  late,
  redirect,
  redirectedTo,
  redirectedWith,
  reset,
  respond,
  silence,
} from '../../support/oauth/answers.ts';
import { browse } from '../../support/oauth/browse.ts';
import { startLogin } from '../../support/oauth/login-driver.ts';
import {
  first,
  type MisbehavingOptions,
  onRefresh,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../../support/oauth/misbehaving-authorization-server.ts';
import {
  authorizationUrl,
  connectWithToken,
  NOWHERE,
  type PlainClient,
  pkce,
  postForm,
  readJson,
  readMetadata,
  registerPlainClient,
} from '../../support/oauth/plain-client.ts';
import { untilTestEnds } from '../../support/oauth/test-lifetime.ts';

function start(script: Script = {}, options: MisbehavingOptions = {}) {
  return untilTestEnds(startMisbehavingAuthorizationServer(script, options));
}

/** The callback's URL for an authorization request. */
async function authorize(client: PlainClient, more: Record<string, string> = {}) {
  const { verifier, challenge } = pkce();
  const url = authorizationUrl(client, challenge, { scope: 'mcp:read', ...more });
  const { url: callback } = await browse(url, { stopBeforeCallback: true });
  return { verifier, callback };
}

function redeem(client: PlainClient, callback: URL, verifier: string): Promise<Response> {
  return postForm(client, 'token_endpoint', {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
}

function refresh(client: PlainClient, token: string): Promise<Response> {
  return postForm(client, 'token_endpoint', { grant_type: 'refresh_token', refresh_token: token });
}

/** The token response of a login for a resource. */
async function logIn(client: PlainClient, resource: string) {
  const { verifier, callback } = await authorize(client, { resource });
  return readJson(await redeem(client, callback, verifier));
}

describe('the scripted authorization server without a script', () => {
  test.each(['', '/tenant'])('a whole login, with the issuer at "%s"', async (path) => {
    const { issuer, url, seen, resource } = await start({}, { path });
    const client = await registerPlainClient(issuer);
    const { access_token: token = '', ...rest } = await logIn(client, resource.resource);
    expect(rest).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'mcp:read' });
    const mcp = await connectWithToken(url, token);
    const answer = await mcp.callTool({ name: 'echo', arguments: { text: 'hello' } });
    expect(answer).toMatchObject({ content: [{ text: 'hello' }] });
    await mcp.close();
    expect(resource.authorizations()).toEqual([`Bearer ${token}`]);
    expect(seen.all.map(({ endpoint, status }) => [endpoint, status])).toEqual([
      ['metadata', 200],
      ['register', 201],
      ['authorize', 302],
      ['token', 200],
    ]);
  });

  test('refresh tokens rotate, reuse and revocation end the login', async () => {
    const { issuer, seen, check, resource } = await start();
    const client = await registerPlainClient(issuer);
    const { refresh_token: old = '' } = await logIn(client, resource.resource);
    const { refresh_token: newer = '' } = await readJson(await refresh(client, old));
    expect(seen.spent).toEqual([old]);
    expect((await refresh(client, old)).status).toBe(400);
    expect(seen.reused).toEqual([old]);
    expect((await refresh(client, newer)).status).toBe(400);
    const { refresh_token: token = '', access_token: access = '' } = await logIn(client, issuer);
    expect(await check(access)).toMatchObject({ audience: issuer });
    await postForm(client, 'revocation_endpoint', { token });
    expect(await check(access)).toBeUndefined();
    expect((await refresh(client, token)).status).toBe(400);
  });

  test('redirect URIs are compared to the letter', async () => {
    const { issuer } = await start();
    const client = await registerPlainClient(issuer);
    for (const redirectUri of [`${NOWHERE}/`, 'http://127.0.0.1:10/callback', 'http://[::1]:9/']) {
      const url = authorizationUrl({ ...client, redirectUri }, pkce().challenge);
      expect(await browse(url)).toMatchObject({ status: 400 });
    }
  });

  test('PKCE with S256 is needed, codes are good once and for their client', async () => {
    const { issuer } = await start();
    const client = await registerPlainClient(issuer);
    const plain = await authorize(client, { code_challenge_method: 'plain' });
    expect(plain.callback.searchParams.get('error')).toBe('invalid_request');
    const wrong = await authorize(client);
    expect((await redeem(client, wrong.callback, pkce().verifier)).status).toBe(400);
    const { callback, verifier } = await authorize(client);
    const other = await registerPlainClient(issuer);
    expect((await redeem(client, callback, verifier)).status).toBe(200);
    expect((await redeem(client, callback, verifier)).status).toBe(400);
    const another = await authorize(client);
    expect((await redeem(other, another.callback, another.verifier)).status).toBe(400);
  });

  test.each([
    ['client_secret_basic', 'Basic a25vd246cyUyQmU=', {}, 200],
    ['client_secret_basic', undefined, { client_id: 'known', client_secret: 's+e' }, 401],
    ['client_secret_post', undefined, { client_id: 'known', client_secret: 's+e' }, 200],
    ['client_secret_post', undefined, { client_id: 'known', client_secret: 'wrong' }, 401],
    ['none', undefined, { client_id: 'known', client_secret: 's+e' }, 401],
  ] as const)(
    'a client with %s that sends %s and %o gets %d',
    async (method, header, form, status) => {
      const known = { client_id: 'known', redirect_uris: [NOWHERE], client_secret: 's+e' };
      const { issuer } = await start(
        {},
        { clients: [{ ...known, token_endpoint_auth_method: method }] },
      );
      const metadata = await readMetadata(issuer);
      const client = { issuer, clientId: 'known', redirectUri: NOWHERE, metadata };
      const { verifier, callback } = await authorize(client);
      const answer = await fetch(metadata['token_endpoint'] ?? '', {
        method: 'POST',
        headers: header === undefined ? {} : { authorization: header },
        body: new URLSearchParams({
          ...form,
          grant_type: 'authorization_code',
          code: callback.searchParams.get('code') ?? '',
          redirect_uri: NOWHERE,
          code_verifier: verifier,
        }),
      });
      expect(answer.status).toBe(status);
    },
  );
});

describe('a script', () => {
  test.each<[string, Script, Record<string, string | null>]>([
    [
      'a refusal',
      {
        authorize: (_, right) =>
          redirectedWith(right(), { error: 'access_denied', code: undefined }),
      },
      { error: 'access_denied', code: null, state: 'the-state' },
    ],
    [
      'a wrong state',
      { authorize: (_, right) => redirectedWith(right(), { state: 'wrong' }) },
      { state: 'wrong' },
    ],
    [
      'no issuer',
      { authorize: (_, right) => redirectedWith(right(), { iss: undefined }) },
      { iss: null },
    ],
  ])('spoils the callback: %s', async (_, script, expected) => {
    const { issuer } = await start(script);
    const { callback } = await authorize(await registerPlainClient(issuer));
    for (const [name, value] of Object.entries(expected)) {
      expect(callback.searchParams.get(name)).toBe(value);
    }
  });

  test('sends the callback to another path', async () => {
    const { issuer } = await start({ authorize: (_, right) => redirectedTo(right(), '/other') });
    const { callback } = await authorize(await registerPlainClient(issuer));
    expect(callback.pathname).toBe('/other');
  });

  test('spoils metadata: HTML, another issuer, no S256, an endless redirect, 10 MB', async () => {
    const { issuer, script, seen } = await start({ metadata: () => respond(200, '<html>') });
    const url = `${issuer}/.well-known/oauth-authorization-server`;
    const html = await fetch(url);
    expect(html.headers.get('content-type')).toMatch('text/html');
    expect(await html.text()).toBe('<html>');
    const members = {
      issuer: 'https://evil.example',
      code_challenge_methods_supported: undefined,
      scopes_supported: null,
    };
    script({ metadata: (_, right) => changed(right(), members) });
    const metadata: object = await readMetadata(issuer);
    expect(metadata).toMatchObject({ issuer: 'https://evil.example', scopes_supported: null });
    expect(metadata).not.toHaveProperty('code_challenge_methods_supported');
    const before = seen.all.length;
    script({ metadata: ({ url: { href } }) => redirect(`${href}?again`) });
    await expect(fetch(url)).rejects.toThrow();
    expect(seen.all.length - before).toBeGreaterThan(10);
    script({ metadata: () => respond(200, ' '.repeat(10_000_000)) });
    expect(await (await fetch(url)).text()).toHaveLength(10_000_000);
  });

  test.each<[string, Script, number]>([
    ['refused', { register: () => respond(403, { error: 'access_denied' }) }, 403],
    ['unsupported', { register: () => respond(404) }, 404],
    ['answered with 200', { register: (_, right) => ({ ...right(), status: 200 }) }, 200],
  ])('registration is %s', async (_, script, status) => {
    const { issuer, seen } = await start(script);
    const answer = await fetch(`${issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [NOWHERE] }),
    });
    expect(answer.status).toBe(status);
    expect(seen.at('register')).toMatchObject([{ status, params: { redirect_uris: [NOWHERE] } }]);
  });

  test.each<[string, Script['token'], object]>([
    ['an error', () => respond(400, { error: 'invalid_grant' }), { error: 'invalid_grant' }],
    [
      'a text as expires_in',
      (_, right) => changed(right(), { expires_in: '3600' }),
      { expires_in: '3600', token_type: 'Bearer' },
    ],
    [
      'nulls',
      (_, right) => changed(right(), { refresh_token: null, scope: null }),
      { refresh_token: null, scope: null },
    ],
    ['a refusal for refreshes alone', onRefresh(() => respond(500)), { token_type: 'Bearer' }],
  ])('the token endpoint answers %s', async (_, token = () => respond(500), expected) => {
    const { issuer } = await start({ token });
    const client = await registerPlainClient(issuer);
    expect(await logIn(client, issuer)).toMatchObject(expected);
  });

  test('an endpoint fails a few times and is good then', async () => {
    const slowDown = respond(429, {}, { 'retry-after': '1' });
    const { issuer, resource, seen } = await start({ token: onRefresh(first(1, () => slowDown)) });
    const client = await registerPlainClient(issuer);
    const { refresh_token: token = '' } = await logIn(client, resource.resource);
    const refused = await refresh(client, token);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect((await refresh(client, token)).status).toBe(200);
    expect(seen.grants('refresh_token').map(({ status }) => status)).toEqual([429, 200]);
  });

  test.each<[string, Script['metadata']]>([
    ['reset', () => reset()],
    ['cut in the middle', (_, right) => cutShort(right())],
  ])('a connection is %s', async (_, metadata = () => reset()) => {
    const { issuer } = await start({ metadata });
    await expect(readMetadata(issuer)).rejects.toThrow(/fetch failed|terminated/);
  });

  test.each<[string, Script['metadata']]>([
    ['never', () => silence()],
    ['far too late', (_, right) => late(right(), 3_600_000)],
  ])('an answer comes %s', async (_, metadata = () => silence()) => {
    const { issuer, seen } = await start({ metadata });
    const waiting = new AbortController();
    const url = `${issuer}/.well-known/oauth-authorization-server`;
    const answer = expect(fetch(url, { signal: waiting.signal })).rejects.toThrow(/aborted/);
    await expect.poll(() => seen.at('metadata').length).toBe(1);
    waiting.abort();
    await answer;
  });

  test('the MCP endpoint and other paths can be scripted', async () => {
    const { url, origin, seen } = await start({
      mcp: ({ params }) => (params['method'] === 'ping' ? respond(503) : undefined),
      other: ({ url: { pathname } }) => respond(pathname === '/private' ? 200 : 404),
    });
    const post = (method: string) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method }),
      });
    expect((await post('ping')).status).toBe(503);
    expect((await post('initialize')).status).toBe(401);
    expect((await fetch(`${origin}/private`)).status).toBe(200);
    expect(seen.at('mcp')).toMatchObject([{ status: 503 }]);
  });
});

describe('the driver of a login', () => {
  test('tells that the program ended without the event', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mcp-master-test-'));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const login = await untilTestEnds(startLogin(['nobody'], { home }));
    await expect(login.authorizationUrl()).rejects.toThrow(/ended without "authorization_url"/);
    const { code, signal } = await login.ended;
    expect(signal).toBeNull();
    expect(code).not.toBe(0);
  });
});
