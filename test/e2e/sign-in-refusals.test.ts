import { describe, expect, it } from 'vitest';
import { changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { logInByDevice } from '../support/oauth/device-login.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { denies, nobody, startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  delegationOf,
  identityOf,
  OPENS_URLS,
  type SignInClientOptions,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { FOR_EVER, signInStage, whoami } from '../support/oauth/sign-in-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const COMMAND = 'mcp-master auth login --server=api';

/** A server that does what the script says, whose tools anybody may list, and somebody who agrees to all. */
async function start(script: Script, options: SignInClientOptions = {}) {
  const server = await untilTestEnds(
    startMisbehavingAuthorizationServer(script, { protection: { guard: 'calls' } }),
  );
  const home = await createAuthHome();
  await home.configure({ api: { url: server.url.href } }, { serve: { login_wait: FOR_EVER } });
  const browser = await startScreenBrowser();
  const env = { ...browser.env, ...options.env };
  const client = await startClient(home, { ...options, env });
  return { home, server, browser, client };
}

describe('a server that refuses the token of a login that was just made', () => {
  const refuses: Script['mcp'] = ({ params }) =>
    params['method'] === 'tools/call'
      ? respond(401, '', { 'www-authenticate': 'Bearer error="invalid_token"' })
      : undefined;

  it.each(['the browser', 'the client'])('is logged in to once, by %s', async (by) => {
    const { respond: answer, params: asked } = agreeing();
    const capabilities = by === 'the client' ? OPENS_URLS : {};
    const { server, browser, client } = await start(
      { mcp: refuses },
      { capabilities, respond: answer },
    );
    await client.listTools();
    const call = async () =>
      JSON.stringify(await client.request('tools/call', { name: 'api__whoami', arguments: {} }));
    const first = await call();
    expect(first).toContain('UNAUTHORIZED');
    expect(first).toContain('the login worked, but its token is refused');
    for (let calls = 0; calls < 3; calls += 1) {
      expect(await call()).toMatch(/UNAUTHORIZED|oauth_delegation/);
    }
    expect(browser.opened().length + asked.length).toBe(1);
    expect(server.seen.at('authorize')).toHaveLength(1);
    expect(server.seen.grants('authorization_code')).toHaveLength(1);
  });

  it('keeps nobody from the next login once it takes tokens', async () => {
    const { home, server, client } = await start({ mcp: refuses });
    expect(JSON.stringify(await client.request('tools/call', { name: 'api__whoami' }))).toContain(
      'UNAUTHORIZED',
    );
    server.script({});
    expect(await home.logIn(['api', '--force'])).toMatchObject({ code: 0 });
    expect(identityOf(await whoami(client))).toMatchObject({ subject: 'alice' });
  });
});

describe('a person who says no to the provider', () => {
  it('is not asked again, until a login by hand has worked', async () => {
    let person = denies;
    const stage = await signInStage({ person: (url) => person(url) });
    const client = await stage.start();
    const denied = await whoami(client);
    expect(textOf(denied)).toMatch(/denied/i);
    const first = delegationOf(denied);
    const second = delegationOf(await whoami(client));
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.browser.opened()).not.toContain(first.authorize_url);
    expect(stage.authorizations()).toBe(1);
    // The attempt that failed is over; this one waits.
    expect(second.authorize_url).toBe(first.authorize_url);
    await browse(second.authorize_url);
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    await stage.endLogins();
    person = browse;
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(stage.browser.opened()).toHaveLength(2);
  });
});

/** Makes a program wait two seconds where it would wait ten minutes. */
const HURRIED = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    'const wait = setTimeout; globalThis.setTimeout = (work, ms, ...more) => wait(work, ms === 600_000 ? 2000 : ms, ...more);',
  )}`,
};

it('a login that nobody makes ends the waiting after ten minutes, and nobody is asked again', async () => {
  const stage = await signInStage({ person: nobody });
  const client = await stage.start({ env: HURRIED });
  const late = await whoami(client);
  expect(textOf(late)).toMatch(/nobody (finished|came back)/);
  const [dead = ''] = stage.browser.opened();
  expect(delegationOf(late).authorize_url).not.toBe(dead);
  expect(delegationOf(await whoami(client)).authorize_url).not.toBe(dead);
  expect(stage.browser.opened()).toHaveLength(1);
  expect(stage.authorizations()).toBe(0);
});

it('a device code that nobody enters ends the waiting, and is not shown again by itself', async () => {
  const auth = { auth_strategy: 'delegate_oauth', auth_config: { grant: 'device_code' } };
  const provider = { deviceCodeSeconds: 6 };
  const {
    home,
    browser,
    start: begin,
  } = await signInStage({ provider, entry: auth, person: nobody });
  await logInByDevice(home, ['api']);
  const client = await begin();
  await client.listTools();
  await home.run(['auth', 'logout', '--server=api']);
  const late = await whoami(client);
  expect(textOf(late)).toMatch(/nobody|expired|ended/);
  const first = delegationOf(late);
  const second = delegationOf(await whoami(client));
  expect(browser.opened()).toHaveLength(1);
  expect(browser.opened()).not.toContain(first.authorize_url);
  expect(second.authorize_url).toContain('user_code=');
});

describe('a login that can not even begin', () => {
  const NOT_FOUND: Script['metadata'] = () => respond(404);

  it.each<[string, Script]>([
    ['DISCOVERY_FAILED', { metadata: NOT_FOUND, openid: NOT_FOUND }],
    ['REGISTRATION_FAILED', { register: () => respond(400, { error: 'invalid_client_metadata' }) }],
    [
      'PKCE_UNSUPPORTED',
      { metadata: (_, right) => changed(right(), { code_challenge_methods_supported: ['plain'] }) },
    ],
  ])(
    'is told with its reason (%s), opens nothing, and begins when it can',
    async (code, script) => {
      const { server, browser, client } = await start(script);
      expectNotBegun(await whoami(client), code);
      expect(browser.opened()).toEqual([]);
      server.script({});
      expect(identityOf(await whoami(client))).toMatchObject({ subject: 'alice' });
      expect(browser.opened()).toHaveLength(1);
    },
  );

  it('is told where nothing can be stored', async () => {
    const { server, browser, client } = await start(
      {},
      { env: { OAUTH_ENCRYPTION_KEY: undefined } },
    );
    expectNotBegun(await whoami(client), 'KEYCHAIN_UNAVAILABLE');
    expect(browser.opened()).toEqual([]);
    expect(server.seen.at('register')).toEqual([]);
    expect(await client.result('ping')).toEqual({});
  });
});

it('a code that the provider does not take is told, and the next login can be had', async () => {
  const { server, browser, client } = await start({
    token: () => respond(400, { error: 'invalid_grant' }),
  });
  const failed = await whoami(client);
  expect(textOf(failed)).toContain('invalid_grant');
  expect(browser.opened()).toHaveLength(1);
  expect(server.seen.at('token')).toHaveLength(1);
  server.script({});
  await browse(delegationOf(failed).authorize_url);
  expect(identityOf(await whoami(client))).toMatchObject({ subject: 'alice' });
});

/** Nobody can log in now: the answer says why and how, in words. */
function expectNotBegun(result: Record<string, unknown>, code: string): void {
  expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] });
  const said = JSON.stringify(result);
  expect(said).toContain(code);
  expect(said).toContain(COMMAND);
}
