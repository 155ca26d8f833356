import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { type AuthHome, createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import type { AuthorizationServerOptions } from '../support/oauth/authorization-server.ts';
import { browse } from '../support/oauth/browse.ts';
import { logInByDevice } from '../support/oauth/device-login.ts';
import { type RunningBin, startBin } from '../support/oauth/running-bin.ts';
import { DEVICE_GRANT } from '../support/oauth/seen-requests.ts';
import { requireInstalled } from '../support/system.ts';

const CODE = /^ *([A-Z]{4}-[A-Z]{4})\r?$/m;

/** A home with a server that is logged in to by device code. */
async function stage(options: AuthorizationServerOptions = {}, auth_config: object = {}) {
  const home = await createAuthHome();
  const pair = await startPair(options);
  await home.configure({
    api: { ...pair.entry, auth_config: { grant: 'device_code', ...auth_config } },
  });
  return { home, ...pair };
}

function startHuman({ path, env }: AuthHome, args: string[] = [], terminal = false): RunningBin {
  const all = ['auth', 'login', '--server=api', '--no-browser', ...args];
  return startBin(all, { home: path, env, terminal });
}

describe('a login by device code', () => {
  it('prints one event a line, and ends when the server has shown its tools', async () => {
    const { home, provider, server } = await stage();
    const { code, stderr, events, last } = await logInByDevice(home, ['api']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { user_code: userCode } = events[0] ?? {};
    expect(events[0]).toEqual({
      ...{ event: 'device_code', server: 'api', url: `${provider.origin}/device` },
      url_complete: `${provider.origin}/device?user_code=${userCode}`,
      user_code: expect.stringMatching(CODE),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(Object.keys(events[0] ?? {})).toEqual([
      ...['event', 'server', 'url', 'url_complete', 'user_code', 'expires_at'],
    ]);
    expect(last).toMatchObject({ event: 'logged_in', store: 'file', tools: 3 });
    expect(events).toHaveLength(2);
    expect(provider.seen.at('device')).toMatchObject([
      { status: 200, params: { resource: server.url.href, scope: 'mcp:read offline_access' } },
    ]);
    const { value: status } = await home.json(['auth', 'status']);
    expect(status).toMatchObject([{ state: 'logged_in', has_refresh_token: true }]);
  });

  it('is renewed by itself, in serve and in commands', async () => {
    const { home, provider } = await stage({ accessTokenSeconds: 4, refreshTokens: 'always' });
    const { last } = await logInByDevice(home, ['api']);
    const client = await home.serve();
    const end = Date.parse(String(last['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });
    expect(await client.callTool('api__whoami')).toMatchObject({
      content: [{ text: expect.stringContaining('"subject":"alice"') }],
    });
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready', tools: 3 }]);
    expect(provider.seen.grants('refresh_token')[0]).toMatchObject({ status: 200 });
    expect(provider.seen.reused).toEqual([]);
    expect(provider.seen.at('device')).toHaveLength(1);
  });

  it('shows people address and code on lines of their own, and takes the typed code', async () => {
    const { home, provider } = await stage();
    const login = startHuman(home);
    const address = await login.address();
    await waitFor(() => CODE.test(login.stdout), { what: 'the code' });
    const [, userCode = ''] = CODE.exec(login.stdout) ?? [];
    await browse(address, { userCode });
    const { code, stdout, stderr } = await login.ended;
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `${provider.origin}/device`,
      userCode,
      `${provider.origin}/device?user_code=${userCode}`,
      expect.stringMatching(/^Logged in to api: 3 tools; .* is renewed by itself\.$/),
      '',
    ]);
    const said = stderr.split('\n').filter((line) => line !== '');
    expect(said).toEqual([
      'Log in to api at this address:',
      'and enter this code there:',
      'Or open this address, which has the code in it:',
      'Open it in a browser on any device. Check that it shows the same code.',
      'Waiting for the confirmation, 10 minutes at most.',
    ]);
  });

  it('shows no more than it must with --quiet', async () => {
    const { home } = await stage();
    const login = startHuman(home, ['--quiet', '--timeout=2']);
    const { code, stdout, stderr } = await login.ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(CODE);
    expect(stderr).not.toContain('Waiting');
    expect(stderr).toContain('(LOGIN_TIMEOUT)');
  });

  it('opens the address that has the code', async () => {
    const { home, provider } = await stage();
    const bin = join(home.path, 'bin');
    const opened = join(home.path, 'opened');
    await mkdir(bin);
    await writeFile(join(bin, 'browser'), `#!/bin/sh\nprintf '%s\\n' "$@" >> '${opened}'\n`);
    await chmod(join(bin, 'browser'), 0o755);
    const env = { ...home.env, BROWSER: join(bin, 'browser'), HEADLESS: undefined };
    const login = startBin(['auth', 'login', '--server=api'], { home: home.path, env });
    await waitFor(() => login.stderr.includes('A browser was opened.'), { what: 'the browser' });
    const address = (await readFile(opened, 'utf8')).trim();
    expect(address).toMatch(
      new RegExp(`^${provider.origin}/device\\?user_code=[A-Z]{4}-[A-Z]{4}$`),
    );
    await browse(address);
    expect(await login.ended).toMatchObject({ code: 0 });
  });

  it('counts down on a terminal, and cleans up behind itself', async (context) => {
    requireInstalled(context, 'script');
    const { home } = await stage();
    const login = startHuman(home, ['--timeout=45'], true);
    await login.shows('Waiting, 45 seconds left');
    await login.shows('Waiting, 44 seconds left');
    const [address = ''] = /http\S+user_code=\S+/.exec(login.stdout) ?? [];
    await browse(address);
    const { code, stdout } = await login.ended;
    expect(code).toBe(0);
    // The code stands out.
    expect(stdout).toMatch(/\n {4}\S*[A-Z]{4}-[A-Z]{4}\S*\r\n/);
    expect(stdout).toContain('\r\u001b[KLogged in to api: 3 tools;');
  });

  it.each([true, false])('ends on Ctrl-C and stores nothing (terminal: %s)', async (terminal) => {
    const { home, provider } = await stage();
    const login = startHuman(home, [], terminal);
    await login.address();
    if (terminal) {
      await login.shows('Waiting, ');
      login.type('\u0003');
    } else login.signal('SIGINT');
    const { code, stdout, stderr } = await login.ended;
    expect(code).toBe(130);
    expect(stdout + stderr).toContain('(INTERRUPTED)');
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required' },
    ]);
    expect(provider.seen.grants(DEVICE_GRANT).filter(({ status }) => status === 200)).toEqual([]);
  });

  it('ends when the person says no', async () => {
    const { home } = await stage();
    const { code, last } = await logInByDevice(home, ['api'], { deny: true });
    expect(code).toBe(4);
    expect(last).toMatchObject({
      ...{ event: 'error', code: 'ACCESS_DENIED' },
      hint: expect.stringMatching(/^Log in again and allow the access/),
    });
  });

  it('ends when the code is over, without asking for ever', async () => {
    const { home } = await stage({ deviceCodeSeconds: 3 });
    const login = home.startLogin(['api']);
    expect(await login.ended).toMatchObject({ code: 4 });
    expect(login.events.at(-1)).toMatchObject({
      ...{ event: 'error', code: 'LOGIN_TIMEOUT' },
      // The server says so, or our clock.
      message: expect.stringMatching(/expired_token|^the code has expired before anybody/),
      hint: 'Start the login again, and enter the new code before it expires.',
    });
  });

  it('leaves the login of before alone until it has succeeded', async () => {
    const { home } = await stage();
    await logInByDevice(home, ['api']);
    const before = await home.keptFiles();
    expect(await logInByDevice(home, ['api', '--force'], { deny: true })).toMatchObject({
      code: 4,
    });
    const login = home.startLogin(['api', '--force', '--timeout=2']);
    expect(await login.ended).toMatchObject({ code: 4 });
    expect(await home.keptFiles()).toEqual(before);
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });

  it('asks for the scopes of --scope', async () => {
    const { home, provider } = await stage();
    const { last } = await logInByDevice(home, ['api', '--scope=mcp:read mcp:write']);
    expect(last).toMatchObject({ scopes: ['mcp:read', 'mcp:write'] });
    expect(provider.seen.at('device')[0]?.params).toMatchObject({
      scope: 'mcp:read mcp:write offline_access',
    });
  });

  it('needs no metadata where the endpoints are given', async () => {
    const home = await createAuthHome();
    const client = {
      ...{ client_id: 'tv', redirect_uris: [], token_endpoint_auth_method: 'none' as const },
      grant_types: [DEVICE_GRANT, 'refresh_token'],
    };
    const { provider, entry } = await startPair({ clients: [client], registration: false });
    const auth_config = {
      ...{ grant: 'device_code', client_id: 'tv' },
      device_authorization_endpoint: `${provider.origin}/device/auth`,
      token_endpoint: `${provider.origin}/token`,
    };
    await home.configure({ api: { ...entry, auth_config } });
    expect(await home.run(['config', 'check'])).toMatchObject({ code: 0 });
    const { code, last } = await logInByDevice(home, ['api']);
    expect({ code, last }).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
    expect(provider.seen.at('metadata')).toEqual([]);
  });

  it('is what a call in serve asks for', async () => {
    const { home } = await stage();
    const client = await home.serve();
    const early = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
    expect(JSON.stringify(early)).toContain('mcp-master auth login --server=api');
    await logInByDevice(home, ['api']);
    const called = await waitFor(
      async () => {
        const answer = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
        return answer.error === undefined ? answer.result : undefined;
      },
      { what: 'the new login' },
    );
    expect(JSON.stringify(called)).toContain('alice');
  });
});
