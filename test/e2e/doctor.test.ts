import { describe, expect, it } from 'vitest';
import { supportProgram, waitFor } from '../support/bin.ts';
import { silence } from '../support/oauth/answers.ts';
import { createAuthHome, startBackend, startPair } from '../support/oauth/auth-home.ts';
import { examine } from '../support/oauth/examine.ts';
import {
  type OAuthRequest,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { recordingBackend } from '../support/recording.ts';

function bad(fault: string): object {
  const args = [supportProgram('misbehaving-backend.mjs'), fault];
  return { command: process.execPath, args, startup_timeout: 1 };
}

function unsigned(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('doctor', () => {
  it('finds nothing wrong where nothing is, and changes nothing that counts', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    const open = await startBackend('open', 'stdio');
    await home.configure({ api: entry, open: open.entry, off: { command: 'no', enabled: false } });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    const { findings, of, code, stderr } = await examine(home);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    for (const finding of findings) {
      expect(Object.keys(finding)).toEqual(['check', 'server', 'level', 'message', 'hint']);
    }
    expect(findings.map(({ check, server }) => [server, check])).toEqual([
      ...[
        [null, 'node'],
        [null, 'configuration'],
        [null, 'state_folder'],
      ],
      ...[
        [null, 'token_store'],
        [null, 'encryption_key'],
      ],
      ...[
        ['api', 'connection'],
        ['api', 'login'],
        ['api', 'record'],
        ['open', 'connection'],
      ],
    ]);
    expect(of('configuration')).toMatchObject([{ message: expect.stringContaining('3 servers') }]);
    expect(of('connection', 'api')).toMatchObject([{ message: expect.stringMatching(/3 tools/) }]);
    expect(of('login', 'api')).toMatchObject([
      {
        message: expect.stringMatching(/encrypted file; its token expires in .* renewed by itself/),
      },
    ]);
    expect(of('record', 'api')).toMatchObject([
      { message: expect.stringMatching(/^last used .*; 0 renewals, 0 refusals \(401\)$/) },
    ]);
    expect(await home.keptFiles()).toEqual(before);

    const people = await home.run(['doctor']);
    expect(people.code).toBe(0);
    expect(people.stdout).toMatch(/^mcp-master\n {2}✔ node /);
    expect(people.stdout).toMatch(
      /\n\napi\n {2}✔ connection .*\n {2}✔ login .*\n {2}✔ record .*\n\nopen\n/,
    );
    expect(people.stdout).toMatch(/\n\nAll is well\.\n$/);
    expect(people.stdout).not.toContain('\u001b');
  });

  it('tells what is wrong, server by server, and what to do', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({
      ...{ api: entry, gone: { command: 'no-such-command-anywhere' }, exits: bad('exits-at-once') },
      ...{ wrong: { url: 12 }, typo: { ...bad('exits-at-once'), argss: [] } },
    });
    const { of, code } = await examine(home);
    expect(code).toBe(1);
    const login = 'Log in: mcp-master auth login --server=api';
    const nobody = expect.stringMatching(/^nobody has logged in .*\(LOGIN_REQUIRED\)$/);
    expect(of('login', 'api')).toMatchObject([{ level: 'error', message: nobody, hint: login }]);
    expect(of('connection', 'api')).toEqual([]);
    expect(of('connection', 'gone')).toMatchObject([
      { level: 'error', message: expect.stringMatching(/not found.*\(COMMAND_NOT_FOUND\)/) },
    ]);
    expect(of('connection', 'exits')).toMatchObject([
      { level: 'error', message: expect.stringMatching(/code 3.*database is locked/s) },
    ]);
    expect(of('configuration', 'wrong')).toMatchObject([
      { level: 'error', message: expect.stringMatching(/config\.json:\d+: url: expected a URL/) },
    ]);
    expect(of('configuration', 'typo')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('argss') },
    ]);
    const { stdout } = await home.run(['doctor']);
    expect(stdout).toMatch(/\n\d errors, \d warnings?\.\n\nNext:\n {2}api: Log in: mcp-master/);
  });

  it('names tools that are left out for their schemas', async () => {
    const home = await createAuthHome();
    const tools = [
      { name: 'good', inputSchema: { type: 'object' } },
      { name: 'crooked', inputSchema: { type: 'string' } },
    ];
    const backend = await recordingBackend(home.path, 'mixed', { tools });
    await home.configure({ mixed: backend.entry });
    const { of, code } = await examine(home);
    expect(of('tools', 'mixed')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/^tool "crooked" is left out: /) },
    ]);
    expect(of('connection', 'mixed')).toMatchObject([
      { message: expect.stringMatching(/: 1 tool$/) },
    ]);
    expect(code).toBe(0);
  });

  it('shows how the authentication went, and what failed', async () => {
    const home = await createAuthHome();
    const { provider, entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    await home.run(['auth', 'refresh', '--server=api']);
    const { of } = await examine(home);
    expect(of('record', 'api')).toMatchObject([
      { level: 'ok', message: expect.stringMatching(/; 1 renewal, 0 refusals \(401\)$/) },
    ]);

    await provider.forgetRefreshTokens();
    await home.run(['auth', 'refresh', '--server=api']);
    // Its token is still good, but it can't be renewed any more.
    const after = await examine(home);
    const last = /1 renewal, 0 refusals \(401\); last error .*: [A-Z_]+: .*invalid_grant/;
    expect(after.of('record', 'api')).toMatchObject([
      { level: 'ok', message: expect.stringMatching(last) },
    ]);

    await provider.expireAccessTokens();
    expect(await home.run(['call', 'api', 'whoami'])).toMatchObject({ code: 4 });
    const broken = await examine(home);
    expect(broken.code).toBe(1);
    expect(broken.of('login', 'api')).toMatchObject([
      { level: 'error', hint: 'Log in: mcp-master auth login --server=api' },
    ]);
    expect(broken.of('record', 'api')).toMatchObject([
      { message: expect.stringMatching(/; 1 renewal, [1-9]\d* refusals? \(401\)/) },
    ]);
    await home.logIn(['api']);
    expect(await examine(home)).toMatchObject({ code: 0 });
  });

  it('warns of a login that ends soon, and that nothing can renew', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair({ refreshTokens: 'never' });
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const { of, code } = await examine(home);
    expect(of('login', 'api')).toMatchObject([
      {
        level: 'warning',
        message: expect.stringMatching(
          /it expires in (1 hour|59 minutes), and nothing can renew it/,
        ),
        hint: 'Log in again then: mcp-master auth login --server=api',
      },
    ]);
    expect(code).toBe(0);
  });

  it('reads when the tokens of the configuration end, and shows none of them', async () => {
    const day = 86_400;
    const now = Math.floor(Date.now() / 1000);
    const OLD = unsigned({ exp: now - 3 * day });
    const SOON = unsigned({ exp: now + 2 * day + 60 });
    const LATER = unsigned({ exp: now + 90 * day });
    const EVER = unsigned({ sub: 'ann' });
    const home = await createAuthHome({ OLD, SOON, LATER, EVER });
    const backend = await startBackend('any');
    const withToken = (name: string) => ({
      ...backend.entry,
      headers: { Authorization: `Bearer \${${name}}` },
    });
    await home.run(['secret', 'set', 'stored'], { input: OLD });
    await home.configure({
      ...{ old: withToken('OLD'), soon: withToken('SOON'), later: withToken('LATER') },
      ...{
        ever: withToken('EVER'),
        opaque: { ...backend.entry, headers: { 'X-Key': 'abcdefgh' } },
      },
      stored: { ...backend.entry, api_key: { header: 'X-Key', key: 'keyring:stored' } },
    });
    const { of, code, stdout, stderr } = await examine(home);
    expect(of('credential', 'old')).toMatchObject([
      { level: 'error', message: expect.stringMatching(/Authorization has expired 3 days ago$/) },
    ]);
    expect(of('credential', 'soon')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/expires in 2 days$/) },
    ]);
    expect(of('credential', 'later')).toMatchObject([{ level: 'ok' }]);
    expect(of('credential', 'ever')).toMatchObject([{ level: 'ok' }]);
    expect(of('credential', 'opaque')).toEqual([]);
    expect(of('credential', 'stored')).toMatchObject([
      { level: 'error', hint: expect.stringContaining('mcp-master secret set stored') },
    ]);
    expect(of('connection', 'old')).toMatchObject([{ level: 'ok' }]);
    expect(code).toBe(1);
    const shown = stdout + stderr + (await home.run(['doctor', '--log-level=debug'])).stdout;
    for (const token of [OLD, SOON, LATER, EVER]) {
      for (const part of token.split('.').slice(1)) expect(shown).not.toContain(part);
    }
  });

  it('warns of addresses that are not encrypted, and names proxies without their passwords', async () => {
    const home = await createAuthHome({ HTTPS_PROXY: 'http://ann:s3cret-word@127.0.0.1:9' });
    await home.configure({ far: { url: 'http://far.invalid/mcp' } });
    const { of, stdout, stderr } = await examine(home);
    expect(of('configuration', 'far')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/without encryption \(INSECURE_URL\)$/) },
    ]);
    expect(of('proxy')).toMatchObject([
      { level: 'ok', message: 'requests to other computers go through HTTPS_PROXY' },
    ]);
    expect(stdout + stderr).not.toMatch(/s3cret-word|ann:/);
  });
});

describe('doctor, of one server', () => {
  it('leaves the others alone', async () => {
    const home = await createAuthHome();
    const open = await startBackend('open');
    await home.configure({
      ...{ open: open.entry, gone: { command: 'no-such-command-anywhere' } },
      ...{ wrong: { url: 12 }, off: { command: 'never-started', enabled: false } },
    });
    const one = await examine(home, ['--server=open']);
    expect(one.code).toBe(0);
    const said =
      /no problem with "open", or with what all servers share; not shown: \d+ problems? of/;
    expect(one.of('configuration')).toMatchObject([{ message: expect.stringMatching(said) }]);
    expect(new Set(one.findings.map(({ server }) => server))).toEqual(new Set([null, 'open']));
    const wrong = await examine(home, ['--server=wrong']);
    expect(wrong.code).toBe(1);
    expect(wrong.findings.filter(({ server }) => server !== null)).toMatchObject([
      { check: 'configuration', server: 'wrong', level: 'error' },
    ]);
    const off = await examine(home, ['--server=off']);
    expect(off.of('connection', 'off')).toMatchObject([{ level: 'ok', message: 'it is disabled' }]);
    const nobody = await home.run(['doctor', '--server=opeen']);
    expect(nobody).toMatchObject({ code: 2, stdout: '' });
    expect(nobody.stderr).toMatch(/Did you mean "open"/);
  });
});

/** A server over HTTP that never answers one method. */
async function startDeafTo(method: string) {
  const protection = { guard: 'calls', metadata: 'none' } as const;
  const script = {
    mcp: ({ params }: OAuthRequest) => (params['method'] === method ? silence() : undefined),
  };
  const server = await untilTestEnds(startMisbehavingAuthorizationServer(script, { protection }));
  const entry = { url: server.url.href, auth_strategy: 'bypass_auth' };
  return { entry, isWaiting: () => server.seen.at('mcp').length > 0 };
}

describe('doctor, of servers that hang', () => {
  it('is done soon after the time that each has to start', async () => {
    const home = await createAuthHome();
    const open = await startBackend('open', 'stdio');
    const [starts, lists] = [await startDeafTo('initialize'), await startDeafTo('tools/list')];
    await home.configure({
      ...{ hung: bad('never-answers'), starts: { ...starts.entry, startup_timeout: 2 } },
      ...{ lists: { ...lists.entry, startup_timeout: 2 }, open: open.entry },
    });
    const started = performance.now();
    const { of, code } = await examine(home);
    // The time-out of a request alone is a minute.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(code).toBe(1);
    const notReady = /^the server was not ready within (1|2) s.*\(BACKEND_TIMEOUT\)$/;
    for (const name of ['hung', 'starts']) {
      expect(of('connection', name)).toMatchObject([
        { level: 'error', message: expect.stringMatching(notReady) },
      ]);
    }
    expect(of('connection', 'lists')).toMatchObject([
      { message: 'it did not connect and list its tools within 2 s (BACKEND_TIMEOUT)' },
    ]);
    expect(of('connection', 'open')).toMatchObject([{ level: 'ok' }]);
  });

  it('ends on Ctrl-C', async () => {
    const home = await createAuthHome();
    const { entry, isWaiting } = await startDeafTo('initialize');
    await home.configure({ hung: { ...entry, startup_timeout: 60 }, silent: bad('never-answers') });
    const run = startBin(['doctor'], { home: home.path, env: home.env });
    await waitFor(isWaiting, { deadline: 30_000, what: 'the first request' });
    run.signal('SIGINT');
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toContain('(INTERRUPTED)');
  });
});
