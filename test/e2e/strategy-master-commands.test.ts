import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { browse } from '../support/oauth/browse.ts';
import { examine } from '../support/oauth/examine.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import {
  createMasterStage,
  MASTER_LOGIN,
  type MasterStage,
  newestToken,
  statusOf,
} from '../support/oauth/strategy-stage.ts';
import { startWitness } from '../support/oauth/strategy-witness.ts';

const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

const UNKNOWN = {
  ...{ store: null, expires_at: null, has_refresh_token: null, scopes: null, issuer: null },
  ...{ last_used: null, last_error: null },
};

/** One server of the master's token, configured; members of `block` are laid over the root block. */
async function configureOne(stage: MasterStage, block: object = {}) {
  const one = await stage.startServer();
  const entry = { url: one.url, auth_strategy: 'master_oauth' };
  await stage.home.configure({ one: entry }, { master_oauth: { ...stage.block, ...block } });
  return one;
}

describe('auth login --server=master', () => {
  it('logs in without any server to prove it at', async () => {
    const stage = await createMasterStage();
    const one = await configureOne(stage);
    const { code, events, last, stderr, visit } = await stage.home.logIn(['master']);
    expect(code).toBe(0);
    expect(events).toEqual([
      { event: 'authorization_url', server: 'master', url: expect.any(String) },
      {
        ...{ event: 'logged_in', server: 'master', store: 'file', tools: null },
        expires_at: expect.stringMatching(ISO),
        scopes: expect.arrayContaining(['mcp:read']),
      },
    ]);
    const asked = new URL(String(visit.visited[0])).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.has('resource')).toBe(false);
    const [exchange] = stage.provider.seen.grants('authorization_code');
    expect(exchange?.params).not.toHaveProperty('resource');
    expect(one.heard).toEqual([]);
    expect(`${JSON.stringify(last)}${stderr}${visit.text}`).not.toContain(newestToken(stage.relay));
  });

  it('asks for what the root block says: resource, audience, scopes', async () => {
    const stage = await createMasterStage();
    const one = await stage.startServer();
    const block = { ...stage.block, resource: one.url, audience: 'everybody', scopes: 'mcp:write' };
    const entry = { url: one.url, auth_strategy: 'master_oauth' };
    await stage.home.configure({ one: entry }, { master_oauth: block });
    const { code, visit } = await stage.home.logIn(['master']);
    expect(code).toBe(0);
    const asked = new URL(String(visit.visited[0])).searchParams;
    expect(asked.get('resource')).toBe(one.url);
    expect(asked.get('audience')).toBe('everybody');
    expect(asked.get('scope')?.split(' ')).toContain('mcp:write');
    expect(await stage.provider.check(newestToken(stage.relay))).toMatchObject({
      ...{ audience: one.url, subject: 'alice' },
    });
  });

  it('shows people the address on a line of its own, and at the end where the login is', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const { path: home, env } = stage.home;
    const login = startBin(['auth', 'login', '--server=master', '--no-browser'], { home, env });
    const address = await login.address();
    await browse(address);
    const { code, stdout, stderr } = await login.ended;
    const [first, last, ...more] = stdout.split('\n');
    expect([first, ...more]).toEqual([address, '']);
    expect(last).toMatch(/^Logged in .*master.*encrypted file.*expires in (1 hour|59 minutes)/);
    expect(last).not.toMatch(/\d+ tools?|null/);
    expect(stderr).toMatch(/^Log in to .*master.* at this address:$/m);
    expect(code).toBe(0);
  });

  it('says so when there is a login already, and makes another one with --force', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const first = await stage.logIn();
    const again = await stage.home.run(['auth', 'login', '--server=master', '--no-browser']);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Already .*master/) });
    expect(newestToken(stage.relay)).toBe(first);
    expect(await stage.home.logIn(['master', '--force'])).toMatchObject({ code: 0 });
    expect(newestToken(stage.relay)).not.toBe(first);
    expect(stage.provider.seen.at('register')).toHaveLength(2);
  });

  it('without a root block is a mistake of the configuration, and says what to write', async () => {
    const stage = await createMasterStage();
    const one = await stage.startServer();
    await stage.home.configure({ one: { url: one.url, auth_strategy: 'master_oauth' } });
    const { code, stdout, stderr } = await stage.home.run(['auth', 'login', '--server=master']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/\(CONFIG_INVALID\)[\s\S]*master_oauth:/);
    const events = await stage.home.startLogin(['master']).ended;
    expect(events.code).toBe(2);
    expect(JSON.parse(events.stdout)).toMatchObject({
      ...{ event: 'error', server: 'master', code: 'CONFIG_INVALID' },
      hint: expect.stringContaining('master_oauth:'),
    });
  });

  it('is for its profile alone', async () => {
    const stage = await createMasterStage();
    const one = await stage.startServer();
    const entry = { url: one.url, auth_strategy: 'master_oauth' };
    const block = { master_oauth: stage.block };
    const config = `--config=${await stage.home.configure({ one: entry }, block)}`;
    expect(await stage.home.logIn(['master', config, '--profile=work'])).toMatchObject({ code: 0 });
    const command = ['call', 'one', 'whoami', config];
    const other = await stage.home.run([...command, '--profile=home']);
    expect(other).toMatchObject({ code: 4, stderr: expect.stringContaining('--profile=home') });
    expect(other.stderr).toContain(MASTER_LOGIN);
    expect(one.tokens()).toEqual([]);
    expect(await stage.home.run([...command, '--profile=work'])).toMatchObject({ code: 0 });
    expect(one.tokens()).toEqual([newestToken(stage.relay)]);
  });

  it('that the person denies leaves nothing behind', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const { code, last } = await stage.home.logIn(['master'], { deny: true });
    expect({ code, error: last['code'] }).toEqual({ code: 4, error: 'ACCESS_DENIED' });
    const row = await statusOf(stage.home, 'master');
    expect(row).toMatchObject({ state: 'login_required', store: null, next: MASTER_LOGIN });
  });
});

describe('auth login --all', () => {
  /** What it prints; the person agrees to each login that is asked for. */
  async function loginAll({ home }: MasterStage, env: Record<string, string> = {}) {
    const args = ['auth', 'login', '--all', '--no-browser', '--json'];
    const login = startBin(args, { home: home.path, env: { ...home.env, ...env } });
    const events = () =>
      login.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const visited = new Set<string>();
    let code: number | null | undefined;
    void login.ended.then((end) => {
      code = end.code;
    });
    await waitFor(
      async () => {
        for (const { url } of events()) {
          if (url === undefined || visited.has(url)) continue;
          visited.add(url);
          await browse(url);
        }
        return code !== undefined;
      },
      { deadline: 40_000, what: 'the end of all logins' },
    );
    return { code, events: events() };
  }

  it.each([
    ['of the strategy master_oauth', { auth_strategy: 'master_oauth' }],
    [
      'that it may be passed on to',
      {
        auth_strategy: 'proxy_oauth',
        auth_config: { allow_passthrough: true, token_source: 'env:PROXY_TOKEN' },
      },
    ],
  ])('includes the master where there is a server %s', async (_, how) => {
    const stage = await createMasterStage();
    const one = await stage.startServer();
    const env = { PROXY_TOKEN: await stage.issue() };
    await stage.home.configure({ one: { url: one.url, ...how } }, { master_oauth: stage.block });
    const { events } = await loginAll(stage, env);
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'logged_in', server: 'master', tools: null }),
    );
    expect(stage.relay.exchanges).toHaveLength(1);
  });

  it('leaves the master out where nobody can use its login', async () => {
    const stage = await createMasterStage();
    const open = await startWitness();
    const off = { url: open.url, auth_strategy: 'master_oauth', enabled: false };
    const servers = { open: { url: open.url, auth_strategy: 'bypass_auth' }, off };
    await stage.home.configure(servers, { master_oauth: stage.block });
    expect(await loginAll(stage)).toEqual({ code: 0, events: [] });
  });

  it('leaves the master out where MCP_MASTER_TOKEN is set', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const env = { MCP_MASTER_TOKEN: await stage.issue() };
    const { code, events } = await loginAll(stage, env);
    expect(code).toBe(0);
    expect(events.filter(({ server }) => server === 'master')).toEqual([]);
    expect(stage.relay.exchanges).toEqual([]);
  });
});

describe('auth status', () => {
  it('has a row of the master, and a server shows where that login stands', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const before = await stage.home.json(['auth', 'status']);
    const required = { strategy: 'master_oauth', state: 'login_required', next: MASTER_LOGIN };
    expect(before).toMatchObject({ code: 4 });
    expect(before.value[0]).toEqual({ server: 'master', ...UNKNOWN, ...required });
    expect(before.value[1]).toMatchObject({ server: 'one', ...required });
    expect(before.value).toHaveLength(2);
    const { stdout } = await stage.home.run(['auth', 'status']);
    expect(stdout).toMatch(/^master +master_oauth +login required/m);
    expect(stdout).toMatch(/^one +master_oauth +login required/m);
    // One login, one command.
    expect(stdout.split(MASTER_LOGIN)).toHaveLength(2);

    await stage.logIn();
    const after = await stage.home.json(['auth', 'status']);
    expect(after.code).toBe(0);
    expect(after.value[0]).toMatchObject({
      ...{ server: 'master', strategy: 'master_oauth', state: 'logged_in', store: 'file' },
      ...{ expires_at: expect.stringMatching(ISO), has_refresh_token: true },
      ...{ scopes: expect.arrayContaining(['mcp:read']), issuer: stage.provider.issuer },
      ...{ last_error: null, next: null },
    });
    expect(after.value[1]).toMatchObject({ server: 'one', state: 'logged_in', next: null });
    expect((await stage.home.run(['auth', 'status'])).stdout).toMatch(
      /^master +master_oauth +logged in +file +in /m,
    );
    const { value } = await stage.home.json(['auth', 'status', '--server=master']);
    expect(value.map(({ server }) => server)).toEqual(['master']);
    const checked = await stage.home.json(['auth', 'status', '--check']);
    expect(checked.value.map(({ state }) => state)).toEqual(['logged_in', 'logged_in']);
  });

  it.each(['with', 'without'])(
    'says that MCP_MASTER_TOKEN is set, %s a root block',
    async (which) => {
      const stage = await createMasterStage();
      const one = await configureOne(stage);
      const entry = { url: one.url, auth_strategy: 'master_oauth' };
      if (which === 'without') await stage.home.configure({ one: entry });
      const env = { MCP_MASTER_TOKEN: await stage.issue() };
      const { value, code } = await stage.home.json(['auth', 'status'], { env });
      expect(code).toBe(0);
      expect(value[0]).toMatchObject({
        ...{ server: 'master', strategy: 'master_oauth', state: 'logged_in', store: 'env' },
        ...{ next: null, issuer: null, expires_at: null },
      });
      expect(value[1]).toMatchObject({ server: 'one', state: 'logged_in', next: null });
      const checked = await stage.home.json(['auth', 'status', '--check'], { env });
      expect(checked.code).toBe(0);
      expect(checked.value).toMatchObject([
        { server: 'master', state: 'logged_in', store: 'env' },
        { server: 'one', state: 'logged_in' },
      ]);
      const { stdout } = await stage.home.run(['auth', 'status'], { env });
      expect(stdout).toMatch(/^master +master_oauth +logged in +env/m);
      expect(stdout).not.toContain(env.MCP_MASTER_TOKEN);
    },
  );

  it('has no row of the master where nothing is said of it', async () => {
    const stage = await createMasterStage();
    await stage.home.configure({ local: { command: 'node' } });
    const { value } = await stage.home.json(['auth', 'status']);
    expect(value.map(({ server }) => server)).toEqual(['local']);
  });
});

describe('auth refresh and auth logout', () => {
  it.each([['--server=master'], ['--all']])('renew it now, with %s', async (flag) => {
    const stage = await createMasterStage();
    const one = await configureOne(stage);
    const first = await stage.logIn();
    const { value, code, stderr } = await stage.home.json(['auth', 'refresh', flag]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(value).toMatchObject([{ server: 'master', state: 'logged_in', last_error: null }]);
    const second = newestToken(stage.relay);
    expect(second).not.toBe(first);
    expect(stage.relay.refreshes()).toHaveLength(1);
    expect(await stage.home.run(['call', 'one', 'whoami'])).toMatchObject({ code: 0 });
    expect(one.tokens()).toEqual([second]);
    const { stdout } = await stage.home.run(['auth', 'refresh', flag]);
    expect(stdout).toMatch(/^master +master_oauth +logged in/m);
    expect(stage.provider.seen.reused).toEqual([]);
  });

  it('say what to do where there is no login', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const { value, code, stderr } = await stage.home.json(['auth', 'refresh', '--server=master']);
    expect(code).toBe(4);
    expect(stderr).toContain(MASTER_LOGIN);
    expect(value).toMatchObject([{ server: 'master', state: 'login_required' }]);
    const logout = await stage.home.json(['auth', 'logout', '--server=master']);
    expect(logout).toMatchObject({ code: 0 });
    expect(logout.value).toEqual([{ server: 'master', removed: false, revoked: false }]);
  });

  it.each([['--server=master'], ['--all']])(
    'end it here and at its server, with %s',
    async (flag) => {
      const stage = await createMasterStage();
      await configureOne(stage);
      const token = await stage.logIn();
      const { value, code } = await stage.home.json(['auth', 'logout', flag]);
      expect(code).toBe(0);
      expect(value).toEqual([{ server: 'master', removed: true, revoked: true }]);
      expect(await stage.provider.check(token)).toBeUndefined();
      expect([...(await stage.home.files()).keys()].join()).not.toMatch(/(logins|tokens)\/master-/);
      const row = await statusOf(stage.home, 'master');
      expect(row).toMatchObject({ state: 'login_required', next: MASTER_LOGIN });
    },
  );

  it('reach it also when the root block is gone', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const token = await stage.logIn();
    await stage.home.configure({});
    const { value } = await stage.home.json(['auth', 'logout', '--server=master']);
    expect(value).toEqual([{ server: 'master', removed: true, revoked: true }]);
    expect(await stage.provider.check(token)).toBeUndefined();
  });
});

describe('doctor', () => {
  it('looks at servers of the master, whatever its login', async () => {
    const stage = await createMasterStage();
    await configureOne(stage);
    const without = await examine(stage.home);
    expect(without.code).toBe(1);
    expect(JSON.stringify(without.findings)).toContain(MASTER_LOGIN);
    expect(without.stdout).not.toContain('INTERNAL');

    const env = { MCP_MASTER_TOKEN: await stage.issue() };
    const token = await stage.logIn();
    for (const surroundings of [{}, env]) {
      const { findings, code, stdout, stderr } = await examine(stage.home, [], surroundings);
      expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
      expect(code).toBe(0);
      for (const secret of [token, env.MCP_MASTER_TOKEN]) {
        expect(`${stdout}${stderr}`).not.toContain(secret);
      }
    }
    expect(await stage.home.run(['doctor', '--server=one'])).toMatchObject({ code: 0 });
  });
});
