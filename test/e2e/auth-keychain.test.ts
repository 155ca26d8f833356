import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, type TestContext } from 'vitest';
import { BIN } from '../support/bin.ts';
import {
  type AuthHome,
  createAuthHome,
  ENCRYPTION_KEY,
  type ProtectedPair,
  startBackend,
  startPair,
} from '../support/oauth/auth-home.ts';
import { processTree } from '../support/process-tree.ts';
import { type SecretService, startSecretService } from '../support/secret-service.ts';
import { requireInstalled, skipAloud } from '../support/system.ts';

const SECRET = 'the-value-of-the-users-secret';

/** A user with a keychain, without a key for files, and with a server to log in to. */
async function createKeychainHome(
  context: TestContext,
): Promise<{ home: AuthHome; keychain: SecretService; pair: ProtectedPair }> {
  const keychain = await startSecretService(context);
  const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
  const pair = await startPair();
  await home.configure({ api: pair.entry });
  return { home, keychain, pair };
}

/** The account of the login of `api`; fails unless it is the one item there is. */
async function onlyAccount(keychain: SecretService): Promise<string> {
  const accounts = await keychain.accounts();
  expect(accounts).toEqual([expect.stringMatching(/^api:[0-9a-f]{12}$/)]);
  return accounts[0] ?? '';
}

describe('a login in the Secret Service', () => {
  it('is one item, which other programs can show, and is in no file', async (context) => {
    const { home, keychain, pair } = await createKeychainHome(context);
    const { last } = await home.logIn(['api']);
    expect(last).toMatchObject({ event: 'logged_in', store: 'keychain', tools: 3 });
    const account = await onlyAccount(keychain);
    const item = JSON.parse((await keychain.lookup(account)) ?? '');
    const { accessToken, refreshToken } = item.tokens;
    expect(pair.server.authorizations()).toEqual([`Bearer ${accessToken}`]);
    expect(refreshToken).toEqual(expect.any(String));

    const client = await home.serve({ args: ['--log-level=debug'] });
    const { content } = await client.callTool('api__whoami');
    expect(JSON.stringify(content)).toContain(pair.server.url.href);
    const processes = await processTree(client.pid);
    for (const secret of [accessToken, refreshToken]) {
      for (const { cmdline, environ } of processes) {
        expect(cmdline).not.toContain(secret);
        expect(environ).not.toContain(secret);
      }
      for (const text of (await home.files()).values()) expect(text).not.toContain(secret);
      expect(client.stderr).not.toContain(secret);
    }

    await home.run(['auth', 'logout', '--server=api']);
    expect(await keychain.accounts()).toEqual([]);
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required', store: null },
    ]);
  });

  it('is replaced in place by a second login, and each server has its own', async (context) => {
    const { home, keychain, pair } = await createKeychainHome(context);
    const other = await startPair();
    await home.configure({ api: pair.entry, other: other.entry });
    await home.logIn(['api']);
    await home.logIn(['other']);
    await home.logIn(['api', '--force']);
    const accounts = await keychain.accounts();
    expect(accounts.map((account) => account.replace(/:.*/, ''))).toEqual(['api', 'other']);
    expect((await home.json(['list'])).value.map(({ state }) => state)).toEqual(['ready', 'ready']);
  });

  it('is found from the environment that a desktop client leaves', async (context) => {
    requireInstalled(context, 'unshare', 'mount');
    const { home, keychain } = await createKeychainHome(context);
    await home.logIn(['api']);
    const { HOME, PATH, XDG_RUNTIME_DIR = '' } = keychain.env;
    // The bus gets its usual place, /run/user/UID, in a file system that this process alone sees.
    const folder = `/run/user/${process.getuid?.()}`;
    const script = `mount -t tmpfs none /run && mkdir -p ${folder} && mount --bind "$1" ${folder}
      shift; exec "$@"`;
    const left = { LOGNAME: 'user', USER: 'user', SHELL: '/bin/sh', TERM: 'dumb' };
    const env = { HOME, PATH, MCP_MASTER_HOME: home.path, ...left };
    const run = (command: string[]) => {
      const args = ['-m', 'sh', '-ec', script, 'sh', XDG_RUNTIME_DIR, ...command];
      return promisify(execFile)('unshare', args, { cwd: home.path, env });
    };
    await run(['true']).catch(() => skipAloud(context, 'file systems may not be mounted here'));
    const { stdout } = await run([process.execPath, BIN, 'call', 'api', 'whoami']);
    expect(JSON.parse(stdout)).toMatchObject({ subject: 'alice' });
  });
});

describe('auth migrate', () => {
  it('moves a login and a secret into encrypted files, and back', async (context) => {
    const { home, keychain, pair } = await createKeychainHome(context);
    const backend = await startBackend('keyed');
    const keyed = { ...backend.entry, headers: { 'X-Key': 'keyring:acme' } };
    await home.configure({ api: pair.entry, keyed });
    await home.run(['secret', 'set', 'acme'], { input: SECRET });
    await home.logIn(['api']);
    const before = await keychain.accounts();
    expect(before).toHaveLength(2);
    const key = { OAUTH_ENCRYPTION_KEY: ENCRYPTION_KEY };
    const expectAllIn = async (store: string, env = {}) => {
      const { value: listed } = await home.json(['list'], { env });
      expect(listed.map(({ state }) => state)).toEqual(['ready', 'ready']);
      const { value: status } = await home.json(['auth', 'status', '--server=api'], { env });
      expect(status).toMatchObject([{ state: 'logged_in', store }]);
      const secrets = await home.run(['secret', 'list'], { env });
      expect(secrets.stdout).toMatch(new RegExp(`^acme +${store} `, 'm'));
    };

    // Without a key there is nowhere to move to, and everything stays.
    const keyless = await home.run(['auth', 'migrate', '--to', 'file']);
    expect(keyless).toMatchObject({ code: 5, stdout: '' });
    expect(await keychain.accounts()).toEqual(before);

    const there = await home.json(['auth', 'migrate', '--to', 'file'], { env: key });
    expect(there).toMatchObject({ code: 0, value: { moved: 2 } });
    expect(await keychain.accounts()).toEqual([]);
    await expectAllIn('file', key);
    for (const text of (await home.files()).values()) expect(text).not.toContain(SECRET);

    const again = await home.json(['auth', 'migrate', '--to', 'file'], { env: key });
    expect(again.value).toEqual({ moved: 0 });

    const back = await home.json(['auth', 'migrate', '--to', 'keychain'], { env: key });
    expect(back).toMatchObject({ code: 0, value: { moved: 2 } });
    expect(await keychain.accounts()).toEqual(before);
    await expectAllIn('keychain');
    const item = before.find((account) => account.startsWith('secret/acme')) ?? '';
    expect(await keychain.lookup(item)).toBe(SECRET);
    expect(pair.provider.seen.at('register')).toHaveLength(1);
  });
});

describe('a choice of the store that differs from where the logins are', () => {
  it('is refused with the command that moves them', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const before = await home.keptFiles();
    const env = { MCP_MASTER_TOKEN_STORE: 'keychain' };
    for (const args of [
      ['call', 'api', 'whoami'],
      ['secret', 'set', 'acme'],
      ['auth', 'logout', '--all'],
    ]) {
      const { code, stdout, stderr } = await home.run(args, { env, input: SECRET });
      expect({ args, code, stdout }).toEqual({ args, code: 5, stdout: '' });
      expect(stderr).toMatch(/STORE_MISMATCH[\s\S]*mcp-master auth migrate --to keychain/);
    }
    const { last, code } = await endOf(home, env);
    expect({ last, code }).toMatchObject({
      ...{ code: 5, last: { event: 'error', code: 'STORE_MISMATCH' } },
    });
    expect(await home.keptFiles()).toEqual(before);
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });
});

async function endOf(home: AuthHome, env: Record<string, string>) {
  const login = home.startLogin(['api', '--force'], env);
  const { code } = await login.ended;
  return { code, last: login.events.at(-1) };
}
