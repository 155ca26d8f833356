import { describe, expect, it } from 'vitest';
import type { LoginStatus } from '../../src/app/login-status.ts';
import { waitFor } from '../support/bin.ts';
import { type Answer, respond } from '../support/oauth/answers.ts';
import { type AuthHome, createAuthHome } from '../support/oauth/auth-home.ts';
import { examine } from '../support/oauth/examine.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import type { KnownClient } from '../support/oauth/provider-configuration.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const ROBOT: KnownClient = {
  ...{ client_id: 'robot', client_secret: 'the-secret-of-the-robot', redirect_uris: [] },
  token_endpoint_auth_method: 'client_secret_basic',
};

const AUTH_CONFIG = {
  ...{ grant: 'client_credentials', client_id: 'robot', client_secret: 'env:ROBOT_SECRET' },
};

/** A server, and a home in which it is called `api`: reached by a robot, or by a person who has logged in. */
async function start(who: 'robot' | 'person', script: Script = {}) {
  const server = await untilTestEnds(
    startMisbehavingAuthorizationServer(script, { clients: who === 'robot' ? [ROBOT] : [] }),
  );
  const home = await createAuthHome({ ROBOT_SECRET: ROBOT.client_secret });
  const url = server.url.href;
  await home.configure({ api: who === 'robot' ? { url, auth_config: AUTH_CONFIG } : { url } });
  if (who === 'person') expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  return { home, server };
}

/** The first calls of tools are answered so, and nothing else is. */
function callsAnswered(answer: Answer, times: number): NonNullable<Script['mcp']> {
  let left = times;
  return ({ params }) => {
    if (params['method'] !== 'tools/call') return undefined;
    left -= 1;
    return left >= 0 ? answer : undefined;
  };
}

const WIDER = respond(403, '', {
  'www-authenticate': 'Bearer error="insufficient_scope", scope="mcp:write"',
});

async function statusOf(home: AuthHome, ...flags: string[]) {
  const { value, code } = await home.json<LoginStatus[]>(['auth', 'status', ...flags]);
  const [status] = value;
  if (status === undefined) throw new Error('no server is configured');
  return { ...status, code };
}

/** A `serve` in which a call has failed, and then one has worked. */
async function serveOver(home: AuthHome) {
  const client = await home.serve();
  await client.listTools();
  const call = () => client.request('tools/call', { name: 'api__whoami', arguments: {} });
  const { error, result } = await call();
  // Where a person could log in, the answer says so as the result of the tool.
  expect(error !== undefined || result?.['isError'] === true).toBe(true);
  await waitFor(async () => (await statusOf(home)).last_error !== null, { what: 'the record' });
  const again = (await call()).result;
  expect(again).toBeDefined();
  expect(again).not.toHaveProperty('isError', true);
  return client;
}

describe('a call that was refused once', () => {
  it.each(['robot', 'person'] as const)('with 403 needs no login of a %s', async (who) => {
    const { home } = await start(who, { mcp: callsAnswered(respond(403, 'not you'), 1) });
    await serveOver(home);
    expect(await statusOf(home)).toMatchObject({ state: 'logged_in', code: 0 });
    await waitFor(async () => (await statusOf(home)).last_error === null, { what: 'its end' });
  });

  it.each(['robot', 'person'] as const)('with 401 needs none, once one works: %s', async (who) => {
    // The second is that to the renewed token.
    const { home } = await start(who, { mcp: callsAnswered(respond(401, ''), 2) });
    await serveOver(home);
    await waitFor(async () => (await statusOf(home)).state === 'logged_in', {
      what: 'the end of the refusal',
    });
    const well = async () => (await statusOf(home)).last_error === null;
    await waitFor(well, { what: 'the end of the error' });
    expect(await statusOf(home)).toMatchObject({ state: 'logged_in', code: 0 });
  });
});

describe('a client that logs in as itself', () => {
  it('needs no login after a logout', async () => {
    const { home } = await start('robot');
    const client = await home.serve();
    await client.callTool('api__whoami');
    expect(await home.run(['auth', 'logout', '--server=api'])).toMatchObject({ code: 0 });
    expect(await statusOf(home)).toMatchObject({ state: 'not_needed', code: 0 });
    await client.callTool('api__whoami');
    expect(await statusOf(home)).toMatchObject({ state: 'logged_in', code: 0 });
  });

  it('is checked for the first time, and shown as it is then', async () => {
    const { home, server } = await start('robot');
    expect(await statusOf(home, '--check')).toMatchObject({
      ...{ state: 'logged_in', store: 'file', issuer: server.issuer, scopes: ['mcp:read'] },
      ...{ expires_at: expect.stringMatching(/^\d{4}-/), last_used: expect.any(String), code: 0 },
    });
  });

  it('is nothing that doctor warns of', async () => {
    const { home } = await start('robot');
    const { of, code } = await examine(home);
    expect(of('login', 'api')).toMatchObject([
      { level: 'ok', message: expect.stringContaining('and is renewed by itself') },
    ]);
    expect(code).toBe(0);
  });
});

describe('auth status --check', () => {
  it('does not hide that a call demands more scopes', async () => {
    const { home } = await start('person', { mcp: callsAnswered(WIDER, 1) });
    await home.run(['call', 'api', 'whoami']);
    const next = 'mcp-master auth login --server=api';
    expect(await statusOf(home)).toMatchObject({ state: 'login_required', next, code: 4 });
    expect(await statusOf(home, '--check')).toMatchObject({
      ...{ state: 'login_required', next, code: 4 },
    });
    const { of } = await examine(home);
    expect(of('login', 'api')).toMatchObject([
      { level: 'warning', message: 'it has asked for another login, with more scopes' },
    ]);
  });

  it.each([
    [401, 'Check the header or the API key of its entry'],
    [403, 'check the credential'],
  ])('asks servers with a credential of their own, too: %d', async (status, hint) => {
    const { home, server } = await start('robot');
    const headers = { Authorization: 'Bearer of-no-use' };
    await home.configure({ api: { url: server.url.href, headers } });
    expect(await statusOf(home)).toMatchObject({ state: 'not_needed', code: 0 });
    server.script({ mcp: () => respond(status, '') });
    const { state, last_error, next, code } = await statusOf(home, '--check');
    expect({ state, code }).toEqual({ state: 'error', code: 4 });
    expect(next).toContain(hint);
    expect(last_error).toMatch(new RegExp(`^UNAUTHORIZED: .* answered ${status}`));
  });
});

describe('auth login --all', () => {
  it('makes no login that is of no use, and says why', async () => {
    const { home, server } = await start('person', { mcp: callsAnswered(WIDER, 9) });
    await home.run(['call', 'api', 'whoami']);
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    await home.run(['call', 'api', 'whoami']);
    expect(await statusOf(home, '--check')).toMatchObject({ state: 'logged_in' });
    const { stdout, stderr, code } = await home.run(['auth', 'login', '--all', '--no-browser']);
    expect(code).toBe(0);
    expect(stdout).toContain('Already logged in to api');
    expect(stderr).toContain('demands scopes that the login has: another login is of no use');
    expect(server.seen.all.filter(({ endpoint }) => endpoint === 'authorize')).toHaveLength(2);
  });
});
