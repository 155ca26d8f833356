import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond } from '../support/oauth/answers.ts';
import { type AuthHome, createAuthHome } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { listen } from '../support/oauth/http-listener.ts';
import {
  type MisbehavingServer,
  onRefresh,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { startSecretService } from '../support/secret-service.ts';

const LOGIN = 'mcp-master auth login --server=api';

/** Another one than that of the home: 32 bytes, too. */
const OTHER_KEY = 'ff1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1ff';

/** Logs in to a server that issues tokens to a client of its own registry, or to that of `auth_config`. */
async function loggedIn(
  home: AuthHome,
  auth_config: { client_id?: string } = {},
  accessTokenSeconds = 3600,
): Promise<MisbehavingServer> {
  const { client_id } = auth_config;
  const { origin, close } = await listen(() => {});
  await close();
  const redirect_port = Number(new URL(origin).port);
  const redirect_uris = [`http://127.0.0.1:${redirect_port}/oauth/callback`];
  const known = { redirect_uris, token_endpoint_auth_method: 'none' } as const;
  const clients = client_id === undefined ? [] : [{ ...known, client_id }];
  const options = { accessTokenSeconds, clients };
  const server = await untilTestEnds(startMisbehavingAuthorizationServer({}, options));
  const entry = { url: server.url.href, auth_strategy: 'delegate_oauth' };
  await home.configure({ api: { ...entry, auth_config: { ...auth_config, redirect_port } } });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  return server;
}

async function checked(home: AuthHome, env = {}) {
  const args = ['auth', 'status', '--check'];
  const { value, code } = await home.json(args, { env });
  const { stdout, stderr } = await home.run(args, { env });
  return { status: value[0], code, stdout, stderr };
}

describe('auth status --check tells the next step', () => {
  it('of a client that its authorization server has forgotten', async () => {
    const home = await createAuthHome();
    const server = await loggedIn(home, {}, 1);
    server.script({ token: onRefresh(() => respond(401, { error: 'invalid_client' })) });
    const next = `${LOGIN} --force`;
    // Its token has to end first.
    await waitFor(async () => (await checked(home)).status?.['state'] === 'login_required');
    const { status, code, stdout } = await checked(home);
    const last_error = expect.stringMatching(/^REFRESH_FAILED: .*invalid_client/);
    expect(status).toMatchObject({ next, last_error });
    expect(stdout).toContain(`\nNext:\n  ${next}\n`);
    expect(code).toBe(4);
    // It is remembered.
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required', next },
    ]);
  });

  it('of a client that was forgotten before its token has ended', async () => {
    const home = await createAuthHome();
    const server = await loggedIn(home);
    server.script({ token: onRefresh(() => respond(401, { error: 'invalid_client' })) });
    server.expireAccessTokens();
    const { status } = await checked(home);
    expect(status).toMatchObject({ state: 'login_required', next: `${LOGIN} --force` });
  });

  it('of a client of the configuration: to register another one is of no use', async () => {
    const home = await createAuthHome();
    const server = await loggedIn(home, { client_id: 'known' });
    server.script({ token: onRefresh(() => respond(401, { error: 'invalid_client' })) });
    server.expireAccessTokens();
    const { status } = await checked(home);
    const next = expect.stringMatching(/^Check `client_id`/);
    expect(status).toMatchObject({ state: 'error', next });
  });

  it('of a server that can not be reached, below its error', async () => {
    const home = await createAuthHome();
    const server = await loggedIn(home);
    await server.close();
    const { status, stdout, stderr } = await checked(home);
    const next = 'Check that the server is running and that the port is right.';
    expect(status).toMatchObject({ state: 'error', next });
    expect(stdout).toMatch(new RegExp(`\n\napi BACKEND_EXITED: .*\n {2}${next}\n$`));
    // It is told once, and not by the log as well.
    expect(stderr).toBe('');
  });

  it('of an encryption key that is another one than before', async () => {
    const home = await createAuthHome();
    await loggedIn(home);
    const { status, stdout, code } = await checked(home, { OAUTH_ENCRYPTION_KEY: OTHER_KEY });
    expect(status).toMatchObject({
      ...{ state: 'error', last_error: expect.stringMatching(/^ENCRYPTION_KEY_WRONG: /) },
      next: expect.stringContaining('OAUTH_ENCRYPTION_KEY'),
    });
    expect(stdout).toContain(`\n  ${String(status?.['next'])}\n`);
    expect(code).toBe(4);
  });

  it('of a keychain that is locked', async (context) => {
    const keychain = await startSecretService(context);
    const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
    await loggedIn(home);
    await keychain.lock();
    const { status, stdout } = await checked(home);
    expect(status).toMatchObject({ state: 'locked', next: expect.stringMatching(/unlock/i) });
    expect(stdout).toContain(`\n  ${String(status?.['next'])}\n`);
  });
});

it('auth login warns of nothing that it mends', async () => {
  const home = await createAuthHome();
  const server = await loggedIn(home);
  server.expireAccessTokens();
  server.script({ token: onRefresh(() => respond(400, { error: 'invalid_grant' })) });
  const login = startBin(['auth', 'login', '--server=api', '--no-browser'], {
    home: home.path,
    env: home.env,
  });
  await browse(await login.address());
  const { code, stdout, stderr } = await login.ended;
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^http:.*\nLogged in to api: /),
  });
  expect(stderr).not.toMatch(/ warn /);
  expect(stderr).toMatch(/^Log in to api at this address:\n/);
});
