import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { startAuthorizationServer } from '../support/oauth/authorization-server.ts';
import { browse } from '../support/oauth/browse.ts';
import { logInByDevice } from '../support/oauth/device-login.ts';
import { readMetadata } from '../support/oauth/plain-client.ts';
import { startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  authorizeAddress,
  type Delegation,
  delegationOf,
  OPENS_URLS,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { startLibraryServer } from '../support/oauth/sign-in-server.ts';
import { errorOf, FOR_EVER, signInStage, whoami } from '../support/oauth/sign-in-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

/** Where an authorize address leads, as the provider would see it. */
async function requestBehind({ authorize_url }: Delegation): Promise<URL> {
  const { status, headers } = await fetch(authorize_url, { redirect: 'manual' });
  expect(status).toBe(302);
  return new URL(headers.get('location') ?? '');
}

/** A delegation whole: what it says must be what the address leads to. */
async function expectWhole(delegation: Delegation, issuer: string): Promise<void> {
  const request = await requestBehind(delegation);
  const asked = (name: string) => request.searchParams.get(name) ?? '';
  const { authorization_endpoint, token_endpoint } = await readMetadata(issuer);
  expect(delegation).toEqual({
    type: 'oauth_delegation',
    server_id: 'api',
    authorize_url: expect.stringMatching(authorizeAddress('api')),
    auth_endpoint: authorization_endpoint,
    token_endpoint,
    client_info: { client_id: asked('client_id') },
    required_scopes: asked('scope').split(' '),
    redirect_after_auth: true,
    login_command: 'mcp-master auth login --server=api',
  });
  expect(delegation['required_scopes']).toContain('mcp:read');
  expect(`${request.origin}${request.pathname}`).toBe(authorization_endpoint);
  expect(new URL(asked('redirect_uri')).origin).toBe(new URL(delegation.authorize_url).origin);
}

describe('the answer of a tool that needs a login', () => {
  it('carries the delegation; its address opened by hand completes the login', async () => {
    const stage = await signInStage();
    const client = await stage.startHeadless();
    const delegation = delegationOf(await whoami(client));
    await expectWhole(delegation, stage.provider.issuer);
    // The same login, however often it is asked for.
    expect(delegationOf(await whoami(client))).toEqual(delegation);
    expect(stage.provider.seen.at('register')).toHaveLength(1);
    const page = await browse(delegation.authorize_url);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('Logged in to api') });
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(stage.authorizations()).toBe(1);
  });

  it('has an address that leads nowhere without its nonce, but says how to log in', async () => {
    const stage = await signInStage();
    const client = await stage.startHeadless();
    const { authorize_url } = delegationOf(await whoami(client));
    const without = new URL(authorize_url);
    without.searchParams.delete('nonce');
    const guessed = new URL(authorize_url);
    guessed.searchParams.set('nonce', crypto.randomUUID());
    for (const address of [without, guessed]) {
      const response = await fetch(address, { redirect: 'manual' });
      expect(response.status).toBe(404);
      expect(await response.text()).toContain('mcp-master auth login');
    }
    expect(stage.authorizations()).toBe(0);
    await browse(authorize_url);
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
  });

  it('leads to the page of a device code, which the text names', async () => {
    const { client, provider, callDirectly, server } = await deviceStage();
    const refused = await whoami(client);
    const delegation = delegationOf(refused);
    const metadata = await readMetadata(provider.issuer);
    const [userCode = ''] = /[A-Z]{4}-[A-Z]{4}$/.exec(delegation.authorize_url) ?? [];
    expect(delegation).toMatchObject({
      server_id: 'api',
      authorize_url: `${provider.origin}/device?user_code=${userCode}`,
      token_endpoint: metadata['token_endpoint'],
    });
    expect(textOf(refused)).toContain(userCode);
    await browse(delegation.authorize_url, { userCode });
    const answered = await waitFor(
      async () => {
        const result = await whoami(client);
        return result['isError'] === true ? undefined : result;
      },
      { what: 'the login', deadline: 30_000 },
    );
    expect(answered).toEqual(await callDirectly('whoami'));
    expect(provider.seen.at('device')).toHaveLength(2);
    expect(server.ran()).toEqual(['whoami', 'whoami']);
  });
});

/** A server whose configuration asks for a device code, and a client that knows its tools. */
async function deviceStage() {
  const stage = await signInStage({
    entry: { auth_strategy: 'delegate_oauth', auth_config: { grant: 'device_code' } },
  });
  await logInByDevice(stage.home, ['api']);
  const client = await stage.startHeadless();
  await client.listTools();
  await stage.home.run(['auth', 'logout', '--server=api']);
  return { ...stage, client };
}

const REQUESTS: [method: string, params: JsonObject, result: JsonObject][] = [
  [
    'resources/read',
    { uri: 'note://one' },
    { contents: [{ uri: 'note://one', text: 'the first note' }] },
  ],
  [
    'prompts/get',
    { name: 'api__greet', arguments: { who: 'bob' } },
    { messages: [{ role: 'user', content: { type: 'text', text: 'Greet everybody' } }] },
  ],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'api__greet' }, argument: { name: 'who', value: '' } },
    { completion: { values: ['alice', 'bob'], total: 2, hasMore: false } },
  ],
];

/** A server that has resources and prompts, and no tools. */
async function libraryStage() {
  const home = await createAuthHome();
  const provider = await untilTestEnds(startAuthorizationServer());
  const server = await untilTestEnds(startLibraryServer(provider));
  await home.configure({ api: { url: server.url.href } }, { serve: { login_wait: FOR_EVER } });
  return { home, provider, server };
}

describe.each(REQUESTS)('%s that needs a login', (method, params, result) => {
  it('is refused with the delegation, and works once its address was opened', async () => {
    const { home, provider } = await libraryStage();
    const client = await startClient(home);
    const error = errorOf(await client.request(method, params));
    expect(error).toEqual({
      code: -32000,
      message: expect.stringMatching(/^[^{]*api[^{]*$/),
      data: expect.any(Object),
    });
    // Contract, "Over MCP".
    const delegation = error['data'] as Delegation;
    await expectWhole(delegation, provider.issuer);
    expect(error.message).toContain(delegation.authorize_url);
    await browse(delegation.authorize_url);
    expect(await client.result(method, params)).toEqual(result);
  });

  it('waits for the browser, and is then answered', async () => {
    const { home, provider } = await libraryStage();
    const browser = await startScreenBrowser();
    const client = await startClient(home, { env: browser.env });
    expect(await client.result(method, params)).toEqual(result);
    expect(browser.opened()).toHaveLength(1);
    expect(provider.seen.at('authorize')).toHaveLength(1);
  });
});

it('three methods at once ask the person once', async () => {
  const { home, provider, server } = await libraryStage();
  const { respond, params: asked } = agreeing();
  const client = await startClient(home, { capabilities: OPENS_URLS, respond });
  const all = REQUESTS.map(([method, params]) => client.result(method, params));
  expect(await Promise.all(all)).toEqual(REQUESTS.map(([, , result]) => result));
  expect(asked).toHaveLength(1);
  expect(provider.seen.at('authorize')).toHaveLength(1);
  expect(new Set(server.refused).size).toBeGreaterThan(0);
});
