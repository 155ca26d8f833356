import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  it,
  onTestFinished,
  type TestContext,
} from 'vitest';
import { BIN, strippedEnv } from '../support/bin.ts';
import { type AuthHome, createAuthHome } from '../support/oauth/auth-home.ts';
import {
  createFaultStage,
  expectFailure,
  type Failure,
  type FaultStage,
  finish,
} from '../support/oauth/fault-stage.ts';
import {
  type MisbehavingServer,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { requireInstalled, skipAloud } from '../support/system.ts';

const execute = promisify(execFile);

let stage: FaultStage;
beforeAll(async () => {
  stage = await createFaultStage();
});
afterAll(() => stage.close());

const OTHER_KEY = 'ab'.repeat(32);
/** What there is needs its own key; whoever has none learns how one is made. */
const MAKE_KEY =
  /^Set OAUTH_ENCRYPTION_KEY to the key that the files were saved with.*`openssl rand -hex 32`/;

describe('the key of the encrypted files', () => {
  const invalid = (message: RegExp): Failure => ({
    ...{ code: 'ENCRYPTION_KEY_INVALID', exit: 5, message, hint: MAKE_KEY },
  });
  it.each<[string, Record<string, string | undefined>, Failure]>([
    [
      'is another one',
      { OAUTH_ENCRYPTION_KEY: OTHER_KEY },
      {
        code: 'ENCRYPTION_KEY_WRONG',
        exit: 5,
        message: /was encrypted with another key than the one that is set/,
        hint: /^Set OAUTH_ENCRYPTION_KEY to the key that it was saved with\. .* log in again/,
      },
    ],
    [
      'is short',
      { OAUTH_ENCRYPTION_KEY: 'only-a-few-characters' },
      invalid(/OAUTH_ENCRYPTION_KEY has 21 characters; 32 are the least/),
    ],
    ['is not set', { OAUTH_ENCRYPTION_KEY: undefined }, invalid(/is not set/)],
    [
      'is in a file that is not there',
      { OAUTH_ENCRYPTION_KEY: undefined, OAUTH_ENCRYPTION_KEY_FILE: 'nowhere.key' },
      invalid(/OAUTH_ENCRYPTION_KEY_FILE can't be read/),
    ],
    [
      'is for another store than the one that is chosen',
      { MCP_MASTER_TOKEN_STORE: 'keychain' },
      { code: 'STORE_MISMATCH', exit: 5, hint: /auth migrate --to keychain/ },
    ],
  ])('%s', async (_, env, failure) => {
    const end = await stage.provoke({}, { env });
    expectFailure(end, failure);
    const shown = await stage.home.json(['auth', 'status'], { env });
    expect(shown.value.map(({ state }) => state)).toEqual(['logged_in', 'logged_in']);
    const listed = await stage.home.json(['list'], { env });
    const { code } = failure;
    expect(listed.value).toMatchObject([{ error: { code } }, { error: { code } }]);
    expect(`${end.stderr}${listed.stderr}${listed.stdout}`).not.toContain('only-a-few');
  });

  it('being wrong, costs neither login', () => stage.expectIntact());
});

/** A home with a login at each of two servers. */
async function twoLogins(): Promise<{ home: AuthHome; faulty: MisbehavingServer }> {
  const home = await createAuthHome();
  const [faulty, other] = await Promise.all([
    untilTestEnds(startMisbehavingAuthorizationServer()),
    untilTestEnds(startMisbehavingAuthorizationServer()),
  ]);
  const entry = ({ url }: MisbehavingServer) => ({
    ...{ url: url.href, auth_strategy: 'delegate_oauth' },
  });
  await home.configure({ faulty: entry(faulty), other: entry(other) });
  const ends = await Promise.all([home.logIn(['faulty']), home.logIn(['other'])]);
  for (const end of ends) expect(end).toMatchObject({ code: 0, last: { event: 'logged_in' } });
  return { home, faulty };
}

/** The one file of `faulty` in a folder of the state. */
async function fileOfFaulty({ path }: AuthHome, folder: 'tokens' | 'logins'): Promise<string> {
  const names = await readdir(join(path, 'state', folder));
  const found = names.filter((name) => name.includes('faulty'));
  expect(found).toHaveLength(1);
  return join(path, 'state', folder, found[0] ?? '');
}

function flipped(text: string): string {
  const at = text.indexOf('"data":"') + 20;
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

describe('a damaged file of tokens', () => {
  it.each<[string, (text: string) => string]>([
    ['is empty', () => ''],
    ['is cut', (text) => text.slice(0, text.length / 2)],
    ['is something else', () => '<html>'],
    ['has one other letter', flipped],
    ['is of a newer version', (text) => text.replace('"version":1', '"version":99')],
  ])('because it %s costs its own login alone, which a new one replaces', async (_, damage) => {
    const { home } = stage;
    const file = await fileOfFaulty(home, 'tokens');
    await writeFile(file, damage(await readFile(file, 'utf8')));
    const before = await home.keptFiles();
    const { code, value } = await home.json(['list']);
    expect(code).toBe(1);
    const error = {
      message: expect.stringContaining(file),
      hint: expect.stringMatching(/log ?in/),
    };
    expect(value).toMatchObject([{ state: 'login_required', error }, { state: 'ready' }]);
    // Beside the files that there were: that a login is needed.
    expect([...(await home.keptFiles())].filter(([name]) => !name.includes('challenges'))).toEqual([
      ...before,
    ]);
    expect((await home.json(['auth', 'status'])).value).toMatchObject([
      { state: 'login_required' },
      { state: 'logged_in' },
    ]);
    expect(await home.logIn(['faulty'])).toMatchObject({ code: 0, last: { event: 'logged_in' } });
    expect((await home.json(['list'])).code).toBe(0);
  });

  it('is of no harm to the others when it is only the record', async () => {
    const { home } = await twoLogins();
    const file = await fileOfFaulty(home, 'logins');
    await writeFile(file, '{"version":1,');
    const status = await home.json(['auth', 'status', '--log-level=warn']);
    expect(status).toMatchObject({ code: 4, value: [{ store: null }, { state: 'logged_in' }] });
    expect(status.stderr).toContain('is damaged');
    // The item is there, and tells again what the record said.
    expect(await home.json(['list'])).toMatchObject({ code: 0 });
    expect(await home.json(['auth', 'status'])).toMatchObject({ code: 0 });
  });
});

/** Where nothing can be written, a login has to fail before anybody is sent to a provider. */
function unwritable(message: RegExp, hint: RegExp): Failure {
  return { code: 'STORE_UNAVAILABLE', exit: 5, message, hint };
}

describe('a disk that is full', () => {
  it('fails the login before the browser, and keeps what there is', async (context) => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    await home.configure({ faulty: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    const state = join(home.path, 'state');
    await mountSmall(state, context);
    expect(await home.logIn(['faulty'])).toMatchObject({ code: 0 });
    const status = await home.json(['auth', 'status']);
    const filler = join(state, 'filler');
    await fill(filler);
    const before = await home.keptFiles();
    const full = unwritable(/the disk is full \(ENOSPC\)/, /^Free some space/);
    expectFailure(await finish(home.startLogin(['faulty', '--force'])), full);
    expect(await home.keptFiles()).toEqual(before);
    expect((await home.json(['auth', 'status'])).value).toEqual(status.value);
    expect(await home.json(['list'])).toMatchObject({ code: 0 });
    await rm(filler);
    expect(await home.logIn(['faulty', '--force'])).toMatchObject({ code: 0 });
  });
});

/** A disk of 128 KB there until the test ends. */
async function mountSmall(folder: string, context: TestContext): Promise<void> {
  requireInstalled(context, 'mount', 'umount');
  await mkdir(folder, { mode: 0o700 });
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=0700', 'tmpfs', folder]);
  } catch (error) {
    skipAloud(context, `no disk can be mounted: ${String(error)}`);
  }
  onTestFinished(async () => void (await execute('umount', [folder])));
}

async function fill(file: string): Promise<void> {
  await expect(writeFile(file, Buffer.alloc(1024 * 1024))).rejects.toMatchObject({
    code: 'ENOSPC',
  });
}

const NOBODY = 65534;

/** `auth login` as a user whom the modes of files bind, who is not root. */
async function asNobody(home: AuthHome, args: string[], context: TestContext) {
  const root = process.getuid?.() === 0;
  if (root) requireInstalled(context, 'setpriv');
  const drop = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const [command = '', ...all] = [...(root ? drop : []), process.execPath, BIN, ...args, '--json'];
  const options = { env: strippedEnv(home.path, home.env), cwd: '/', timeout: 30_000 };
  const ended = await execute(command, all, options).catch((error) => error);
  return { code: Number(ended.code ?? 0), stdout: String(ended.stdout), stderr: ended.stderr };
}

async function giveAway({ path }: AuthHome): Promise<void> {
  if (process.getuid?.() === 0) await execute('chown', ['-R', `${NOBODY}:${NOBODY}`, path]);
}

describe.skipIf(process.platform === 'win32')('a folder that is read-only', () => {
  const LOGIN = ['auth', 'login', '--server=faulty', '--no-browser'];
  const hint = expect.stringMatching(/^Make its folder yours, or set MCP_MASTER_HOME/);
  const message = expect.stringMatching(/can't be written: permission denied \(EACCES\)/);
  const failed = { event: 'error', server: 'faulty', code: 'STORE_UNAVAILABLE', message, hint };

  it('fails the login before the browser, and keeps what there is', async (context) => {
    const { home, faulty } = await twoLogins();
    const folders = ['tokens', 'logins', ''].map((name) => join(home.path, 'state', name));
    const before = await home.keptFiles();
    await giveAway(home);
    for (const folder of folders) await chmod(folder, 0o500);
    onTestFinished(() => chmod(join(home.path, 'state'), 0o700));
    const end = await asNobody(home, [...LOGIN, '--force'], context);
    expect(JSON.parse(end.stdout)).toEqual(failed);
    expect(end.code).toBe(5);
    expect((await asNobody(home, ['list'], context)).code).toBe(0);
    // What a renewal would bring could not be saved: so the refresh token is not spent, either.
    faulty.expireAccessTokens();
    const listed = async () => JSON.parse((await asNobody(home, ['list'], context)).stdout);
    expect(await listed()).toMatchObject([
      { state: 'error', error: { code: 'STORE_UNAVAILABLE', hint } },
      { state: 'ready' },
    ]);
    expect(await home.keptFiles()).toEqual(before);
    expect(faulty.seen.grants('refresh_token')).toEqual([]);
    for (const folder of folders) await chmod(folder, 0o700);
    expect(await listed()).toMatchObject([{ state: 'ready' }, { state: 'ready' }]);
  });

  it('fails the first login, too', async (context) => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    await home.configure({ faulty: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    await giveAway(home);
    await chmod(home.path, 0o500);
    const end = await asNobody(home, LOGIN, context);
    await chmod(home.path, 0o700);
    expect(JSON.parse(end.stdout)).toEqual(failed);
    expect(end.code).toBe(5);
    expect(server.seen.all).toEqual([]);
  });
});
