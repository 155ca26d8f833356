import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { silence } from '../support/oauth/answers.ts';
import {
  type AuthHome,
  createAuthHome,
  startBackend,
  startPair,
} from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { listen } from '../support/oauth/http-listener.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import { type RunningBin, startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { requireInstalled } from '../support/system.ts';

const LOGGED_IN_KEYS = ['event', 'expires_at', 'scopes', 'server', 'store', 'tools'];

function startHuman({ path, env }: AuthHome, args: string[], terminal = false): RunningBin {
  return startBin(['auth', 'login', '--no-browser', ...args], { home: path, env, terminal });
}

/** An address of this computer at which nobody listens. */
async function nobodysAddress(): Promise<string> {
  const { origin, close } = await listen(() => {});
  await close();
  return `${origin}/mcp`;
}

describe('auth login with dynamic registration', () => {
  it('prints one event a line, and ends when the server has shown its tools', async () => {
    const home = await createAuthHome();
    const { provider, server, entry } = await startPair();
    await home.configure({ api: entry });

    const { code, events, last, stderr, visit } = await home.logIn(['api']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(events).toEqual([
      { event: 'authorization_url', server: 'api', url: expect.stringContaining(provider.issuer) },
      {
        event: 'logged_in',
        server: 'api',
        store: 'file',
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        scopes: expect.arrayContaining(['mcp:read']),
        tools: 3,
      },
    ]);
    expect(Object.keys(last).sort()).toEqual(LOGGED_IN_KEYS);
    expect(Date.parse(String(last['expires_at']))).toBeGreaterThan(Date.now());
    expect(visit.status).toBe(200);
    expect(visit.text).toContain('api');

    const [registration] = provider.seen.at('register');
    expect(registration?.params).toMatchObject({
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/oauth\/callback$/)],
    });
    const asked = new URL(String(events[0]?.['url'])).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('resource')).toBe(server.url.href);
    expect(provider.seen.grants('authorization_code')[0]?.params).toMatchObject({
      resource: server.url.href,
      redirect_uri: asked.get('redirect_uri'),
    });
    const letIn = server.requests.filter(({ refused }) => refused === undefined);
    expect(letIn.map(({ rpc }) => rpc)).toEqual(
      expect.arrayContaining(['initialize', 'tools/list']),
    );
  });

  it('shows people the address on a line of its own, and at the end store, expiry and tools', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const login = startHuman(home, ['--server=api']);
    const address = await login.address();
    await browse(address);
    const { code, stdout, stderr } = await login.ended;
    const [first, last, ...more] = stdout.split('\n');
    expect([first, ...more]).toEqual([address, '']);
    expect(last).toMatch(
      /^Logged in to api: 3 tools; the login is in an encrypted file; .*expires in (1 hour|59 minutes) and is renewed by itself/,
    );
    expect(code).toBe(0);
    expect(stderr).toContain('Log in to api at this address:\n');
    expect(stderr).toContain('Waiting for the login, 10 minutes at most.\n');
  });

  it('says "already" the second time, and with --force registers anew', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const again = await home.run(['auth', 'login', '--server=api', '--no-browser']);
    expect(again.stdout).toMatch(/^Already logged in to api: 3 tools; .+ encrypted file; .+\.\n$/);
    expect(again.code).toBe(0);
    expect(provider.seen.at('register')).toHaveLength(1);

    const { code, last } = await home.logIn(['api', '--force']);
    expect({ code, event: last['event'] }).toEqual({ code: 0, event: 'logged_in' });
    const used = provider.seen.grants('authorization_code');
    expect(provider.seen.at('register')).toHaveLength(2);
    expect(new Set(used.map(({ params }) => params['client_id'])).size).toBe(2);
  });

  it('goes well twice at the same time', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const ends = await Promise.all([home.logIn(['api']), home.logIn(['api'])]);
    for (const { last } of ends) expect(last).toMatchObject({ event: 'logged_in', tools: 3 });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });

  it('asks for the scopes of --scope, also when there is a login', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const first = await home.logIn(['api']);
    expect(scopesOf(first.events[0])).toEqual(['mcp:read', 'offline_access']);
    const wider = await home.logIn(['api', '--scope', 'mcp:read,mcp:write']);
    expect(scopesOf(wider.events[0])).toEqual(['mcp:read', 'mcp:write', 'offline_access']);
    expect(wider.last['scopes']).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    expect((await home.run(['call', 'api', 'erase'])).stdout).toBe('erased\n');
  });

  it('tries every server with --all: one failure is exit 4, and the others are logged in', async () => {
    const home = await createAuthHome();
    const [{ entry }, { entry: second }] = [await startPair(), await startPair()];
    const open = await startBackend('open');
    const down = { url: await nobodysAddress() };
    await home.configure({ api: entry, down, open: open.entry, second });
    const login = startBin(['auth', 'login', '--all', '--no-browser', '--json'], {
      home: home.path,
      env: home.env,
    });
    for (const server of ['api', 'second']) {
      await login.shows(`{"event":"authorization_url","server":"${server}"`);
      const lines = login.stdout.split('\n').filter((line) => line.includes('authorization_url'));
      await browse(JSON.parse(lines.at(-1) ?? '').url);
    }
    const { code, stdout } = await login.ended;
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event, server }) => [server, event])).toEqual([
      ['api', 'authorization_url'],
      ['api', 'logged_in'],
      ['down', 'error'],
      ['open', 'not_needed'],
      ['second', 'authorization_url'],
      ['second', 'logged_in'],
    ]);
    expect(events[2]).toEqual({
      ...{ event: 'error', server: 'down', code: 'BACKEND_EXITED' },
      ...{ message: expect.stringContaining('connection refused'), hint: expect.any(String) },
    });
    expect(events[3]).toEqual({ event: 'not_needed', server: 'open', tools: 1 });
    expect(code).toBe(4);
    const { value } = await home.json(['auth', 'status']);
    expect(value.map(({ server, state }) => [server, state])).toEqual([
      ['api', 'logged_in'],
      ['down', 'not_needed'],
      ['open', 'not_needed'],
      ['second', 'logged_in'],
    ]);
  });
});

describe('auth login that does not end well', () => {
  it('gives up after --timeout', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const login = home.startLogin(['api', '--timeout=1']);
    const { code } = await login.ended;
    expect(login.events.at(-1)).toEqual({
      ...{ event: 'error', server: 'api', code: 'LOGIN_TIMEOUT' },
      ...{ message: expect.stringContaining('1 s'), hint: expect.stringContaining('again') },
    });
    expect(code).toBe(4);
  });

  it('changes nothing on Ctrl-C, which is exit 130', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    const login = home.startLogin(['api', '--force']);
    await login.authorizationUrl();
    login.interrupt();
    const { code, stderr } = await login.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(login.events.slice(1)).toMatchObject([{ event: 'error', code: 'INTERRUPTED' }]);
    expect(await home.keptFiles()).toEqual(before);
  });

  it('changes nothing on Ctrl-C while the code is being redeemed, and the page says so', async () => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    server.script({ token: silence });
    const login = home.startLogin(['api', '--force']);
    const visit = browse(await login.authorizationUrl());
    await waitFor(() => server.seen.at('token').length > 1, { what: 'the token request' });
    login.interrupt();
    expect(await login.ended).toMatchObject({ code: 130 });
    expect((await visit).text).toContain('INTERRUPTED');
    expect(await home.keptFiles()).toEqual(before);
  });

  it('keeps a login that Ctrl-C has left unproved, and says so', async () => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    const asked: unknown[] = [];
    server.script({
      mcp: ({ headers: { authorization } }) => {
        if (authorization === undefined) return undefined;
        asked.push(authorization);
        return silence();
      },
    });
    const login = home.startLogin(['api']);
    await browse(await login.authorizationUrl());
    await waitFor(() => asked.length > 0, { what: 'the proof of the login' });
    login.interrupt();
    expect(await login.ended).toMatchObject({ code: 130 });
    expect(login.events.at(-1)).toMatchObject({
      ...{ event: 'error', code: 'INTERRUPTED' },
      message: expect.stringContaining('the login worked and is stored'),
    });
    server.script({});
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });

  it.each([
    [['--server=nobody'], 'UNKNOWN_SERVER'],
    [[], 'CONFIG_INVALID'],
    [['--server=api', '--all'], 'CONFIG_INVALID'],
    [['--server=local'], 'CONFIG_INVALID'],
    [['--server=fixed'], 'CONFIG_INVALID'],
    [['--server=clear'], 'INSECURE_URL'],
  ])('refuses %j', async (args, named) => {
    const home = await createAuthHome();
    await home.configure({
      api: { url: 'https://api.example/mcp', auth_strategy: 'delegate_oauth' },
      local: { command: 'node' },
      clear: { url: 'http://clear.example/mcp', auth_strategy: 'delegate_oauth' },
      fixed: { url: 'https://fixed.example/mcp', headers: { Authorization: 'Bearer x' } },
    });
    const { code, stdout, stderr } = await home.run(['auth', 'login', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`(${named})`);
  });
});

describe('auth login on a terminal', () => {
  it('takes a pasted address, and tells of a wrong one without giving up', async (context) => {
    requireInstalled(context, 'script');
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const login = startHuman(home, ['--server=api'], true);
    const { url } = await browse(await login.address(), { stopBeforeCallback: true });
    await login.shows('paste the address');
    await login.shows('Waiting for the login, ');
    const wrong = new URL(url);
    wrong.searchParams.set('state', 'that-of-another-login');
    login.type(`${wrong}\r`);
    await login.shows('that address does not belong to this login');
    login.type('nonsense\r');
    login.type(`${url}\r`);
    const { code, stdout } = await login.ended;
    expect(stdout).toContain('Logged in to api: 3 tools;');
    expect(code).toBe(0);
  });

  it('ends on Ctrl-C', async (context) => {
    requireInstalled(context, 'script');
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const login = startHuman(home, ['--server=api'], true);
    await login.shows('Waiting for the login, ');
    login.type('\u0003');
    const { code, stdout } = await login.ended;
    expect(stdout).toContain('INTERRUPTED');
    expect(code).toBe(130);
  });
});

function scopesOf(event: Record<string, unknown> | undefined): string[] {
  const scope = new URL(String(event?.['url'])).searchParams.get('scope') ?? '';
  return scope.split(' ').sort();
}
