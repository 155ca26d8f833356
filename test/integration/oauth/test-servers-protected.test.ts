import { describe, expect, test } from 'vitest';
import { connectWithToken } from '../../support/oauth/plain-client.ts';
import {
  type ProtectedServerOptions,
  startProtectedServer,
} from '../../support/oauth/protected-server.ts';
import { untilTestEnds } from '../../support/oauth/test-lifetime.ts';
import type { TokenChecker } from '../../support/oauth/token-checker.ts';

const ISSUER = 'https://issuer.example';

/** Tokens are texts like `mcp:read,mcp:write@RESOURCE`; the tests of the servers together use real ones. */
const readableTokens: TokenChecker = {
  issuer: ISSUER,
  check: async (token) => {
    const [scopes = '', audience] = token.split('@');
    if (!scopes.startsWith('mcp:')) return undefined;
    return { clientId: 'c', subject: 'alice', scopes: scopes.split(','), audience };
  },
};

function start(options: Omit<ProtectedServerOptions, 'authorizationServer'> = {}) {
  return untilTestEnds(startProtectedServer({ authorizationServer: readableTokens, ...options }));
}

/** Posts a JSON-RPC request; gives status and challenge. */
async function post(url: URL, method: string, token?: string, params: object = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  await answer.body?.cancel();
  return { status: answer.status, challenge: answer.headers.get('www-authenticate') };
}

describe('the protected server', () => {
  test('says where its metadata is and what scopes it wants', async () => {
    const { origin, url, resource } = await start();
    const metadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`;
    expect(await post(url, 'initialize')).toEqual({
      status: 401,
      challenge: `Bearer scope="mcp:read", resource_metadata="${metadataUrl}"`,
    });
    expect(await (await fetch(metadataUrl)).json()).toEqual({
      resource,
      authorization_servers: [ISSUER],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
    });
    const root = await fetch(`${origin}/.well-known/oauth-protected-resource`);
    expect(root.status).toBe(404);
  });

  test.each([
    [{ metadata: 'root' }, 404, 200],
    [{ metadata: 'none' }, 404, 404],
  ] as const)('with %o, the path gives %d and the root %d', async (options, path, root) => {
    const { origin } = await start(options);
    const wellKnown = `${origin}/.well-known/oauth-protected-resource`;
    expect((await fetch(`${wellKnown}/mcp`)).status).toBe(path);
    expect((await fetch(wellKnown)).status).toBe(root);
  });

  test.each([
    [{ challenge: 'scope' }, 'Bearer scope="mcp:read"'],
    [{ challenge: 'bare' }, 'Bearer'],
    [{ challenge: 'none' }, null],
    [{ metadata: 'none', scopes: [] }, 'Bearer'],
  ] as const)('with %o, a refusal says %j', async (options, challenge) => {
    const { scopes, ...rest } = { scopes: undefined, ...options };
    const { url } = await start({ ...rest, ...(scopes && { scopes: [...scopes] }) });
    expect(await post(url, 'initialize')).toEqual({ status: 401, challenge });
  });

  test('metadata can be falsified', async () => {
    const { origin } = await start({
      metadataMembers: { resource: 'https://other.example/mcp', authorization_servers: undefined },
    });
    const found = await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`);
    const metadata = await found.json();
    expect(metadata).toMatchObject({ resource: 'https://other.example/mcp' });
    expect(metadata).not.toHaveProperty('authorization_servers');
  });

  test('refuses bad tokens and those of another resource, and notes them all', async () => {
    const { url, resource, requests, authorizations } = await start();
    const invalid = expect.stringContaining('error="invalid_token"');
    expect(await post(url, 'ping', 'nonsense')).toEqual({ status: 401, challenge: invalid });
    const other = 'mcp:read@https://other.example/mcp';
    expect(await post(url, 'ping', other)).toEqual({ status: 401, challenge: invalid });
    // Without a session, the SDK's server says so.
    expect(await post(url, 'ping', `mcp:read@${resource}`)).toMatchObject({ status: 400 });
    expect(requests.map(({ rpc, refused }) => [rpc, refused])).toEqual([
      ['ping', 401],
      ['ping', 401],
      ['ping', undefined],
    ]);
    const tokens = ['nonsense', other, `mcp:read@${resource}`];
    expect(authorizations()).toEqual(tokens.map((token) => `Bearer ${token}`));
  });

  test('lets any audience in where told so', async () => {
    const { url } = await start({ audience: 'any' });
    expect(await post(url, 'ping', 'mcp:read')).toMatchObject({ status: 400 });
  });

  test('asks for one more scope for one tool', async () => {
    const { url, resource } = await start();
    const erase = { name: 'erase', arguments: {} };
    const { status, challenge } = await post(url, 'tools/call', `mcp:read@${resource}`, erase);
    expect(status).toBe(403);
    expect(challenge).toMatch(/^Bearer error="insufficient_scope", scope="mcp:write"/);
    const client = await connectWithToken(url, `mcp:read,mcp:write@${resource}`);
    expect(await client.callTool(erase)).toMatchObject({ content: [{ text: 'erased' }] });
    await client.close();
  });

  test('may guard nothing but tool calls', async () => {
    const { url, requests } = await start({ guard: 'calls' });
    const client = await connectWithToken(url, undefined);
    expect((await client.listTools()).tools).toHaveLength(3);
    await expect(client.callTool({ name: 'echo', arguments: { text: 'x' } })).rejects.toThrow();
    expect(requests.filter(({ refused }) => refused === 401)).toMatchObject([
      { rpc: 'tools/call' },
    ]);
    await client.close();
  });

  test('speaks the deprecated SSE transport', async () => {
    const { url, resource } = await start({ transport: 'sse' });
    expect(url.pathname).toBe('/sse');
    expect((await fetch(url)).status).toBe(401);
    const client = await connectWithToken(url, `mcp:read@${resource}`, 'sse');
    const answer = await client.callTool({ name: 'whoami', arguments: {} });
    expect(answer).toMatchObject({ content: [{ text: expect.stringContaining('alice') }] });
    await client.close();
  });

  test('tells its clients of changes, and forgets their sessions', async () => {
    const { url, resource, announce, forget, opened, requests } = await start();
    const client = await connectWithToken(url, `mcp:read@${resource}`);
    const changed = new Promise<void>((resolve) => {
      client.fallbackNotificationHandler = async () => resolve();
    });
    // The SDK's client opens its stream after the handshake, when it likes to.
    await expect.poll(() => requests.some(({ method }) => method === 'GET')).toBe(true);
    await announce();
    await changed;
    forget();
    await expect(client.listTools()).rejects.toThrow();
    expect(opened()).toBe(1);
    await client.close();
  });
});
