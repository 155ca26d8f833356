import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { startAuthorizationServer } from '../support/oauth/authorization-server.ts';
import { browse } from '../support/oauth/browse.ts';
import { startProtectedServer } from '../support/oauth/protected-server.ts';
import { startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  authorizeAddress,
  delegationOf,
  identityOf,
  OPENS_URLS,
  type SignInClientOptions,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { FOR_EVER } from '../support/oauth/sign-in-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const SERVERS = ['one', 'two'] as const;

/** Two servers that take the master's token, and a client that knows their tools; the login has ended. */
async function loggedOutStage(options: SignInClientOptions = {}) {
  const home = await createAuthHome();
  const provider = await untilTestEnds(startAuthorizationServer({ refreshTokens: 'always' }));
  const refusing = new Set<string>();
  const start = (name: string) => {
    const check = async (token: string) => (refusing.has(name) ? undefined : provider.check(token));
    const authorizationServer = { issuer: provider.issuer, check };
    return untilTestEnds(startProtectedServer({ authorizationServer, audience: 'any' }));
  };
  const servers = { one: await start('one'), two: await start('two') };
  const entry = (name: (typeof SERVERS)[number]) => ({
    ...{ url: servers[name].url.href, auth_strategy: 'master_oauth' },
  });
  await home.configure(
    { one: entry('one'), two: entry('two') },
    {
      master_oauth: { issuer: provider.issuer, scopes: ['mcp:read'] },
      serve: { login_wait: FOR_EVER },
    },
  );
  expect(await home.logIn(['master'])).toMatchObject({ code: 0 });
  const client = await startClient(home, options);
  await client.listTools();
  expect(await home.run(['auth', 'logout', '--server=master'])).toMatchObject({ code: 0 });
  const call = (server: string) => client.callTool(`${server}__whoami`);
  return {
    ...{ client, servers, refusing, call },
    callBoth: () => Promise.all(SERVERS.map(call)),
    authorizations: () => provider.seen.at('authorize').length,
  };
}

function expectAnswered(results: readonly JsonObject[]): void {
  const people = results.map((result) => identityOf(result)['subject']);
  expect(people).toEqual(['alice', 'alice']);
}

it('the master is logged in once for calls to two servers, by the browser', async () => {
  const browser = await startScreenBrowser();
  const { callBoth, authorizations, servers } = await loggedOutStage({ env: browser.env });
  expectAnswered(await callBoth());
  expect(browser.opened()).toEqual([expect.stringMatching(authorizeAddress('master'))]);
  expect(authorizations()).toBe(2);
  expect(servers.one.authorizations()).toEqual(servers.two.authorizations());
});

it('the master is logged in once for calls to two servers, by the client', async () => {
  const { respond, params } = agreeing();
  const { callBoth, authorizations } = await loggedOutStage({ capabilities: OPENS_URLS, respond });
  expectAnswered(await callBoth());
  expect(params).toEqual([
    expect.objectContaining({ url: expect.stringMatching(authorizeAddress('master')) }),
  ]);
  expect(authorizations()).toBe(2);
});

it('the delegation of the master names it, and one address is good for all its servers', async () => {
  const { call, callBoth } = await loggedOutStage();
  const delegations = [delegationOf(await call('one')), delegationOf(await call('two'))];
  const [first] = delegations;
  expect(delegations).toEqual([first, first]);
  expect(first).toMatchObject({
    server_id: 'master',
    authorize_url: expect.stringMatching(authorizeAddress('master')),
    login_command: 'mcp-master auth login --server=master',
  });
  await browse(String(first?.authorize_url));
  expectAnswered(await callBoth());
});

it('the built-in tool logs the master in for a server that takes its token', async () => {
  const browser = await startScreenBrowser();
  const { client, callBoth } = await loggedOutStage({ env: browser.env });
  const done = await client.callTool('mcp-master__login', { server: 'one' });
  expect(done['isError'] ?? false).toBe(false);
  expect(textOf(done)).toMatch(/\b3 tools\b/);
  expectAnswered(await callBoth());
  expect(browser.opened()).toEqual([expect.stringMatching(authorizeAddress('master'))]);
});

it('a server that refuses the token of the master leads to no login, and the other goes on', async () => {
  const browser = await startScreenBrowser();
  const { client, call, callBoth, refusing, authorizations } = await loggedOutStage({
    env: browser.env,
  });
  expectAnswered(await callBoth());
  refusing.add('one');
  for (let calls = 0; calls < 2; calls += 1) {
    const refused = await client.request('tools/call', { name: 'one__whoami', arguments: {} });
    expect(JSON.stringify(refused)).toContain('UNAUTHORIZED');
    expect(identityOf(await call('two'))).toMatchObject({ subject: 'alice' });
  }
  expect(browser.opened()).toHaveLength(1);
  expect(authorizations()).toBe(2);
});
