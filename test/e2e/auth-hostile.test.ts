import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runBin, strippedEnv } from '../support/bin.ts';
import { changed } from '../support/oauth/answers.ts';
import { type AuthHome, createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

/** The only file of a folder of the state. */
async function onlyFile({ path }: AuthHome, folder: 'tokens' | 'logins'): Promise<string> {
  const [name = '', ...more] = await readdir(join(path, 'state', folder));
  expect(more).toEqual([]);
  return join(path, 'state', folder, name);
}

async function loggedIn() {
  const home = await createAuthHome();
  const pair = await startPair();
  await home.configure({ api: { url: pair.server.url } });
  await home.logIn(['api']);
  return { home, ...pair };
}

describe('a login whose record is damaged', () => {
  it('is not taken for one that nobody needs, and can be logged out of', async () => {
    const { home, provider } = await loggedIn();
    await writeFile(await onlyFile(home, 'logins'), '');
    const status = await home.json(['auth', 'status']);
    expect(status).toMatchObject({ code: 4, value: [{ state: 'login_required' }] });
    expect(status.stderr).toContain('is damaged');
    const { value } = await home.json(['auth', 'logout', '--all']);
    expect(value).toEqual([{ server: 'api', removed: true, revoked: true }]);
    expect(provider.seen.at('revoke').length).toBeGreaterThan(0);
    expect(await readdir(join(home.path, 'state', 'tokens'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    'hangs nothing as a pipe that nobody writes to',
    async () => {
      const { home } = await loggedIn();
      for (const [folder, state] of [
        // The tokens are there, and of use.
        ['logins', 'ready'],
        ['tokens', 'login_required'],
      ] as const) {
        const file = await onlyFile(home, folder);
        await rm(file);
        await promisify(execFile)('mkfifo', [file]);
        expect((await home.json(['auth', 'status'])).value).toHaveLength(1);
        expect((await home.json(['list'])).value).toMatchObject([{ state }]);
        await home.logIn(['api', '--force']);
      }
    },
  );
});

describe('encrypted files', () => {
  it.each([
    ['another key', 'f'.repeat(64)],
    ['no key', undefined],
  ])('can be deleted with %s, and that nothing was revoked is said', async (_, key) => {
    const { home } = await loggedIn();
    const env = { OAUTH_ENCRYPTION_KEY: key };
    const { code, value, stderr } = await home.json(['auth', 'logout', '--server=api'], { env });
    expect({ code, value }).toEqual({
      code: 0,
      value: [{ server: 'api', removed: true, revoked: false }],
    });
    expect(stderr).toContain('were not revoked');
    expect(await readdir(join(home.path, 'state', 'tokens'))).toEqual([]);
  });
});

describe('what the program says', () => {
  it('names the place of a key that can not be read, which is no secret', async () => {
    const home = await createAuthHome({ OAUTH_ENCRYPTION_KEY: undefined });
    const place = join(home.path, 'no-such.key');
    await writeFile(join(home.path, '.env'), `OAUTH_ENCRYPTION_KEY_FILE=${place}\n`, {
      mode: 0o600,
    });
    const { stderr } = await home.run(['secret', 'set', 'a'], { input: 'b' });
    expect(stderr).toContain(place);
  });

  it('has no word masked in a sentence about a secret that is missing', async () => {
    const home = await createAuthHome();
    const auth_config = { client_id: 'abc', client_secret: 'env:NOT_SET_ANYWHERE' };
    await home.configure({ api: { url: 'https://api.example/mcp', auth_config } });
    const { stderr } = await home.run(['auth', 'login', '--server=api']);
    expect(stderr).toContain('the variable NOT_SET_ANYWHERE is not set');
  });

  it('shows neither a megabyte of scopes nor their turned letters', async () => {
    const home = await createAuthHome();
    const scope = `\u202eevil ${'x'.repeat(100_000)}`;
    const server = await untilTestEnds(
      startMisbehavingAuthorizationServer({ token: (_, right) => changed(right(), { scope }) }),
    );
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    await home.logIn(['api']);
    const { stdout } = await home.run(['auth', 'status']);
    expect(stdout.length).toBeLessThan(1000);
    expect(stdout).not.toContain('\u202e');
  });
});

describe('flags and values', () => {
  it.each([
    [['auth', 'login', '--server=a', '--server=b'], /given twice/],
    [['auth', 'login', '--server=a', '--scope', ' '], /Expected scopes/],
    [['auth', 'login', '--server=a', '--timeout', '1.5'], /whole seconds/],
    [['auth', 'login', '--server=a', '--timeout', '0'], /whole seconds/],
  ])('refuses %j', async (args, message) => {
    expect(await runBin(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  it('does not change the bytes of a secret in silence', async () => {
    const home = await createAuthHome();
    const script = `printf 'caf\\351' | "${process.execPath}" bin/mcp-master.js secret set bin`;
    const options = { env: strippedEnv(home.path, home.env), cwd: process.cwd() };
    const ended = promisify(execFile)('sh', ['-c', script], options);
    await expect(ended).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/not UTF-8/),
    });
    expect((await home.json(['secret', 'list'])).value).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  it('never leaves half a login behind', async () => {
    const { home } = await loggedIn();
    const entry = async () => JSON.parse((await home.run(['auth', 'status', '--json'])).stdout);
    for (const delay of [0, 2, 4, 8, 16]) {
      const login = home.startLogin(['api', '--force']);
      const visit = browse(await login.authorizationUrl(), {}).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100 + delay));
      login.interrupt();
      await login.ended;
      await visit;
      expect(await entry()).toMatchObject([{ state: 'logged_in' }]);
      expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
      expect(await readdir(join(home.path, 'state', 'logins'))).toHaveLength(1);
      expect(await readdir(join(home.path, 'state', 'tokens'))).toHaveLength(1);
    }
  });
});
