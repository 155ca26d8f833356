import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { late, respond } from '../support/oauth/answers.ts';
import {
  type AuthHome,
  createAuthHome,
  startBackend,
  startPair,
} from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { listen } from '../support/oauth/http-listener.ts';
import {
  type MisbehavingOptions,
  type MisbehavingServer,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { type RunningBin, startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { startSecretService } from '../support/secret-service.ts';
import { requireInstalled } from '../support/system.ts';

const STATUS_KEYS = [
  ...['server', 'strategy', 'state', 'store', 'expires_at', 'has_refresh_token', 'scopes'],
  ...['issuer', 'last_used', 'last_error', 'next'],
];

function entryOf({ url }: MisbehavingServer): { url: string; auth_strategy: string } {
  return { url: url.href, auth_strategy: 'delegate_oauth' };
}

function start(script?: Script, options?: MisbehavingOptions): Promise<MisbehavingServer> {
  return untilTestEnds(startMisbehavingAuthorizationServer(script, options));
}

/** A client that is registered by hand, and what the configuration says of it. */
async function registerByHand(id: string) {
  const { origin, close } = await listen(() => {});
  await close();
  const port = Number(new URL(origin).port);
  const redirect_uris = [`http://127.0.0.1:${port}/oauth/callback`];
  const known = { client_id: id, redirect_uris, token_endpoint_auth_method: 'none' } as const;
  return { clients: [known], redirect_port: port };
}

/** How the configuration names a variable inside a text. */
function variable(name: string): string {
  return `\${${name}}`;
}

function paramsOf(address: unknown): Record<string, string> {
  return Object.fromEntries(new URL(String(address)).searchParams);
}

describe('the address that a person opens', () => {
  it('is printed whole, also where its parts come from variables', async () => {
    const CID = 'the-client-of-the-team';
    const AUDIENCE = 'urn:the-audience-of-the-team';
    const home = await createAuthHome({ CID, AUDIENCE });
    const { clients, redirect_port } = await registerByHand(CID);
    const provider = await start({}, { clients });
    const extra_params = { audience: 'env:AUDIENCE' };
    const auth_config = { client_id: variable('CID'), redirect_port, extra_params };
    await home.configure({ api: { ...entryOf(provider), auth_config } });
    const login = home.startLogin(['api']);
    const address = await login.authorizationUrl();
    expect(paramsOf(address)).toMatchObject({ client_id: CID, audience: AUDIENCE });
    await browse(address);
    expect(await login.ended).toMatchObject({ code: 0 });
    expect(provider.seen.at('authorize')).toMatchObject([
      { params: { client_id: CID, audience: AUDIENCE } },
    ]);
  });

  it("has nothing of the query of the server's own address", async () => {
    const KEY = 'the-key-in-the-address';
    const home = await createAuthHome({ KEY });
    const protection = { metadata: 'none', challenge: 'scope' } as const;
    const provider = await start({}, { protection });
    const { url, auth_strategy } = entryOf(provider);
    await home.configure({ api: { url: `${url}?api_key=${variable('KEY')}`, auth_strategy } });
    const { code, events, last } = await home.logIn(['api']);
    expect({ code, last }).toMatchObject({ code: 0, last: { event: 'logged_in' } });
    expect(paramsOf(events[0]?.['url'])).toMatchObject({ resource: url });
    const seen = provider.seen.all.filter(({ endpoint }) => endpoint !== 'resourceMetadata');
    expect(seen.map(({ endpoint }) => endpoint)).toContain('token');
    expect(JSON.stringify([events, seen])).not.toContain(KEY);
    // The server itself gets it with every request.
    const letIn = provider.resource.requests.filter(({ refused }) => refused === undefined);
    expect(new Set(letIn.map(({ path }) => path))).toEqual(new Set([`/mcp?api_key=${KEY}`]));
  });
});

describe('endpoints of the configuration, at a provider that names its issuer', () => {
  /** Its issuer has a path, so that nobody can guess it from the endpoints. */
  async function logInWith(more: (issuer: string) => object) {
    const home = await createAuthHome();
    const { clients, redirect_port } = await registerByHand('known');
    const nothing = () => respond(404);
    const script = { metadata: nothing, openid: nothing };
    const provider = await start(script, { clients, path: '/tenant' });
    const { issuer } = provider;
    const endpoints = {
      ...{ authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` },
    };
    const client = { client_id: 'known', redirect_port, scopes: 'mcp:read' };
    const auth_config = { ...client, ...endpoints, ...more(issuer) };
    await home.configure({ api: { ...entryOf(provider), auth_config } });
    return { ...(await home.logIn(['api'])), provider };
  }

  it.each<[string, (issuer: string) => object]>([
    ['no issuer', () => ({})],
    ['the right issuer', (issuer) => ({ issuer })],
  ])('are enough with %s', async (_, more) => {
    const { code, last, visit } = await logInWith(more);
    expect({ code, last }).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
    // It did name its issuer.
    expect(visit.visited.join()).toMatch(/[?&]iss=[^&]*tenant/);
  });

  it('are refused with a wrong issuer', async () => {
    const { code, last, provider } = await logInWith((issuer) => ({ issuer: `${issuer}-2` }));
    expect({ code, last }).toMatchObject({
      ...{ code: 4, last: { event: 'error', code: 'ISSUER_MISMATCH' } },
    });
    expect(provider.seen.at('token')).toEqual([]);
  });
});

it('--timeout is the time of the person, not of the exchange', async () => {
  const home = await createAuthHome();
  const provider = await start({ token: (_, right) => late(right(), 5500) });
  await home.configure({ api: entryOf(provider) });
  const { code, last, visit } = await home.logIn(['api', '--timeout=5']);
  expect({ code, last }).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
  expect(visit).toMatchObject({ status: 200, text: expect.stringContaining('Logged in to api') });
  expect(visit.url.pathname).toBe('/oauth/success');
});

describe('auth status --check', () => {
  it('tells what each server says to its login', async () => {
    const home = await createAuthHome();
    const [good, refused, down] = [await start(), await start(), await start()];
    const open = await startBackend('open');
    await home.configure({
      ...{ good: entryOf(good), refused: entryOf(refused), down: entryOf(down) },
      ...{ open: open.entry, local: { command: 'no-such-command' } },
    });
    await Promise.all(['good', 'refused', 'down'].map((name) => home.logIn([name])));
    refused.expireAccessTokens();
    refused.script({ token: () => respond(400, { error: 'invalid_grant' }) });
    await down.close();
    // Nobody has asked the servers yet.
    const remembered = await home.json(['auth', 'status']);
    expect(remembered.value.map(({ state }) => state)).toEqual([
      ...['logged_in', 'logged_in', 'logged_in', 'not_needed', 'not_needed'],
    ]);
    expect(remembered.code).toBe(0);

    const { value, code } = await home.json(['auth', 'status', '--check']);
    const next = 'mcp-master auth login --server=refused';
    const address = expect.stringContaining(new URL(down.origin).host);
    expect(value).toMatchObject([
      { server: 'good', state: 'logged_in', last_error: null, next: null },
      {
        server: 'refused',
        state: 'login_required',
        last_error: expect.stringMatching(/^LOGIN_REQUIRED: /),
        next,
      },
      {
        server: 'down',
        state: 'error',
        last_error: address,
        next: 'Check that the server is running and that the port is right.',
      },
      { server: 'open', state: 'not_needed', store: null, next: null },
      { server: 'local', state: 'not_needed', store: null, next: null },
    ]);
    for (const status of value) expect(Object.keys(status)).toEqual(STATUS_KEYS);
    expect(value.slice(0, 3).map(({ store }) => store)).toEqual(['file', 'file', 'file']);
    expect(code).toBe(4);
    expect(await checkOf(home, 'good')).toEqual({ code: 0, state: 'logged_in' });
    expect(await checkOf(home, 'open')).toEqual({ code: 0, state: 'not_needed' });
    expect(await checkOf(home, 'refused')).toEqual({ code: 4, state: 'login_required' });
    expect(await checkOf(home, 'down')).toEqual({ code: 4, state: 'error' });
    const { stdout } = await home.run(['auth', 'status', '--check', '--server=refused']);
    expect(stdout).toContain(`\nNext:\n  ${next}\n`);
  });

  it('knows a locked keychain, which is not asked without --check', async (context) => {
    const keychain = await startSecretService(context);
    const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
    const provider = await start();
    await home.configure({ api: entryOf(provider) });
    expect(await home.logIn(['api'])).toMatchObject({ last: { store: 'keychain' } });
    await keychain.lock();
    expect((await home.json(['auth', 'status'])).value).toMatchObject([{ state: 'logged_in' }]);
    expect(keychain.dismissals()).toBe(0);
    const { value, code } = await home.json(['auth', 'status', '--check']);
    expect(value).toMatchObject([{ state: 'locked', store: 'keychain' }]);
    expect(value[0]?.['last_error']).toMatch(/locked/);
    expect(code).toBe(4);
    const { stdout } = await home.run(['auth', 'status', '--check']);
    expect(stdout).toMatch(/^api +delegate_oauth +locked /m);
  });
});

async function checkOf(home: AuthHome, server: string) {
  const { value, code } = await home.json(['auth', 'status', '--check', `--server=${server}`]);
  return { code, state: value[0]?.['state'] };
}

describe('auth login --json', () => {
  it('prints an event also for a server that there is not', async () => {
    const home = await createAuthHome();
    await home.configure({ api: { url: 'https://api.example/mcp' } });
    const login = home.startLogin(['nobody']);
    expect(await login.ended).toMatchObject({ code: 2 });
    const said = { message: expect.stringContaining('nobody'), hint: expect.any(String) };
    expect(login.events).toEqual([
      { event: 'error', server: 'nobody', code: 'UNKNOWN_SERVER', ...said },
    ]);
  });

  it('keeps a login whose server is down', async () => {
    const home = await createAuthHome();
    const { provider, server, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const before = await home.json(['auth', 'status']);
    await server.close();
    const login = home.startLogin(['api']);
    expect(await login.ended).toMatchObject({ code: 1 });
    const hint = expect.any(String);
    const error = { event: 'error', server: 'api', code: 'BACKEND_EXITED', hint };
    expect(login.events).toMatchObject([error]);
    expect(provider.seen.at('authorize')).toHaveLength(1);
    const after = await home.json(['auth', 'status']);
    expect(after).toMatchObject({ code: 0, value: [{ state: 'logged_in', store: 'file' }] });
    // It was sent to nobody, but it was about to be.
    const last_used = expect.any(String);
    expect(after.value).toEqual([{ ...before.value[0], last_used }]);
    expect([...(await home.files()).keys()].join()).toMatch(/tokens\/api-/);
  });
});

it('Ctrl-D ends the prompt, and the browser still ends the login', async (context) => {
  requireInstalled(context, 'script');
  const home = await createAuthHome();
  const { entry } = await startPair();
  await home.configure({ api: entry });
  const args = ['auth', 'login', '--server=api', '--no-browser'];
  const login = startBin(args, { home: home.path, env: home.env, terminal: true });
  const address = await login.address();
  await login.shows('Waiting for the login, ');
  login.type('\u0004');
  await untilQuiet(login);
  expect(await browse(address)).toMatchObject({ status: 200 });
  const { code, stdout } = await login.ended;
  expect(stdout).toContain('Logged in to api: 3 tools;');
  expect(stdout).not.toMatch(/ERR_USE_AFTER_CLOSE|INTERNAL/);
  expect(code).toBe(0);
});

/** Waits until the countdown, which prints something each second, is over. */
async function untilQuiet(login: RunningBin): Promise<void> {
  let printed = { text: '', at: performance.now() };
  const isQuiet = () => {
    if (login.stdout !== printed.text) printed = { text: login.stdout, at: performance.now() };
    return performance.now() - printed.at > 2200;
  };
  await waitFor(isQuiet, { what: 'the end of the countdown' });
}
