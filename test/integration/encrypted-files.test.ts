import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { createEncryptedFiles } from '../../src/platform/encrypted-files.ts';
import { createTempFolder } from '../support/bin.ts';
import { buildProgram } from '../support/build-program.ts';
import { memoryLog } from '../support/memory-log.ts';
import type { FileStoreTask } from '../support/programs/file-store-user.ts';
import { runProgram } from '../support/run-program.ts';
import { requireInstalled, skipAloud } from '../support/system.ts';

const KEY = randomBytes(32).toString('hex');
const PASSPHRASE = 'a long passphrase, easy to remember';
const run = promisify(execFile);

/** The store of a folder that goes with the test. */
async function openStore(env: Record<string, string> = { OAUTH_ENCRYPTION_KEY: KEY }) {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const folder = temp.path;
  const reopen = (other = env) => {
    const { log, lines } = memoryLog();
    return { ...{ store: createEncryptedFiles({ folder, env: other, log }) }, lines };
  };
  const files = async () => {
    const names = await readdir(join(folder, 'tokens'));
    return names.sort().map((name) => join(folder, 'tokens', name));
  };
  return { folder, ...reopen(), reopen, files };
}

async function onlyFile(files: () => Promise<string[]>): Promise<string> {
  const [file, ...more] = await files();
  expect(more).toEqual([]);
  return file ?? expect.fail('no file');
}

describe('createEncryptedFiles', () => {
  it.each([
    ['a random key in hex', KEY],
    ['one in base64', randomBytes(32).toString('base64')],
    ['one in base64url', randomBytes(48).toString('base64url')],
    ['a passphrase', PASSPHRASE],
  ])('gives back under %s what it was given, also after a restart', async (_, key) => {
    const { store, reopen } = await openStore({ OAUTH_ENCRYPTION_KEY: key });
    const value = `${'Grüße, 世界 🔑\u2028'.repeat(1000)}"`;
    await store.write('alpha', value);
    await store.write('beta', '');
    const expected = new Map([
      ['alpha', value],
      ['beta', ''],
    ]);
    expect(await store.read(['alpha', 'beta', 'gamma'])).toEqual(expected);
    expect(await reopen().store.read(['alpha', 'beta'])).toEqual(expected);
  });

  it('keeps nothing readable: neither value nor key, for nobody else', async () => {
    const { folder, store, files } = await openStore();
    await store.write('alpha', 'a value to look for');
    expect((await stat(join(folder, 'tokens'))).mode & 0o777).toBe(0o700);
    const file = await onlyFile(files);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    const forms = ['a value to look for', KEY].flatMap((secret) => [
      ...[secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')],
    ]);
    for (const form of forms) expect(text).not.toContain(form);
    expect(JSON.parse(text)).toMatchObject({ version: 1, cipher: 'aes-256-gcm' });
  });

  it('closes a folder that a backup has left open', async () => {
    const { folder, store } = await openStore();
    await mkdir(join(folder, 'tokens'), { mode: 0o755 });
    await store.write('alpha', 'value');
    expect((await stat(join(folder, 'tokens'))).mode & 0o777).toBe(0o700);
  });

  it('keeps accounts apart whose names look alike as files', async () => {
    const { store } = await openStore();
    const accounts = [
      'a/b',
      'a-b',
      'A-B',
      '../a',
      'a\\b',
      '',
      'x'.repeat(500),
      `${'x'.repeat(499)}y`,
    ];
    for (const account of accounts) await store.write(account, `of ${account}`);
    const found = await store.read(accounts);
    expect([...found.values()]).toEqual(accounts.map((account) => `of ${account}`));
  });

  it('replaces and deletes, and leaves no other files', async () => {
    const { store, files } = await openStore();
    await store.write('alpha', 'old');
    await store.write('alpha', 'new');
    expect((await store.read(['alpha'])).get('alpha')).toBe('new');
    await store.probe();
    expect(await files()).toHaveLength(1);
    expect(await store.delete('alpha')).toBe(true);
    expect(await store.delete('alpha')).toBe(false);
    expect(await files()).toEqual([]);
  });

  it('gives whole values while several writers replace them', async () => {
    const { store, reopen, files } = await openStore();
    const values = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(1000));
    const writing = values.map((value) => reopen().store.write('alpha', value));
    const reading = Array.from({ length: 40 }, () => store.read(['alpha']));
    await Promise.all(writing);
    for (const found of await Promise.all(reading)) {
      expect([undefined, ...values]).toContain(found.get('alpha'));
    }
    await onlyFile(files);
  });
});

describe('a damaged file', () => {
  const damages: [what: string, damage: (text: string) => string][] = [
    ['cut off', (text) => text.slice(0, -20)],
    ['empty', () => ''],
    ['not one of ours', () => '[]'],
    ['of a newer version', (text) => text.replace('"version":1', '"version":2')],
    ['changed', (text) => text.replace(/"data":"...../, (start) => `${start.slice(0, -5)}AAAAA`)],
    ['shortened in its tag', (text) => text.replace(/"tag":"[^"]*"/, '"tag":"AAAA"')],
  ];
  it.each(damages)('that is %s is an error for its account alone', async (_, damage) => {
    const { store, files } = await openStore();
    await store.write('alpha', 'value');
    const file = await onlyFile(files);
    await writeFile(file, damage(await readFile(file, 'utf8')));
    await store.write('beta', 'fine');
    const found = await store.read(['alpha', 'beta']);
    expect(found.get('beta')).toBe('fine');
    expect(found.get('alpha')).toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('auth login'),
    });
    await store.write('alpha', 'mended');
    expect((await store.read(['alpha'])).get('alpha')).toBe('mended');
  });

  it('is what the file of another account is', async () => {
    const { store, files } = await openStore();
    await store.write('alpha', 'of alpha');
    const alpha = await onlyFile(files);
    await store.write('beta', 'of beta');
    const beta = (await files()).find((file) => file !== alpha);
    await copyFile(alpha, beta ?? '');
    const found = await store.read(['alpha', 'beta']);
    expect(found.get('alpha')).toBe('of alpha');
    expect(found.get('beta')).toMatchObject({ code: 'INTERNAL' });
    expect(await store.delete('beta')).toBe(true);
  });
});

describe('another key', () => {
  it.each([
    ['a random one', randomBytes(32).toString('hex')],
    ['a passphrase', PASSPHRASE],
  ])('(%s) is told from damage, and never writes beside the first one', async (_, other) => {
    const { folder, store, reopen } = await openStore();
    await store.write('alpha', 'kept');
    const { store: wrong } = reopen({ OAUTH_ENCRYPTION_KEY: other });
    const error = {
      code: 'ENCRYPTION_KEY_WRONG',
      hint: expect.stringContaining(join(folder, 'tokens')),
    };
    expect((await wrong.read(['alpha', 'beta'])).get('alpha')).toMatchObject(error);
    await expect(wrong.write('alpha', 'lost')).rejects.toMatchObject(error);
    await expect(wrong.write('beta', 'beside')).rejects.toMatchObject(error);
    await expect(wrong.probe()).rejects.toMatchObject(error);
    expect(await store.read(['alpha', 'beta'])).toEqual(new Map([['alpha', 'kept']]));
  });
});

describe('the key', () => {
  it('is the same in the environment, in a file, and in both', async () => {
    const { folder, store, reopen, lines } = await openStore();
    const file = join(folder, 'key');
    await writeFile(file, `${KEY}\n`, { mode: 0o600 });
    await store.write('alpha', 'value');
    for (const direct of [{}, { OAUTH_ENCRYPTION_KEY: ` ${KEY} ` }]) {
      const { store: other } = reopen({ ...direct, OAUTH_ENCRYPTION_KEY_FILE: file });
      expect((await other.read(['alpha'])).get('alpha')).toBe('value');
    }
    expect(lines).toEqual([]);
  });

  it('is warned about in a file that others can read', async () => {
    const { folder, reopen } = await openStore();
    const file = join(folder, 'key');
    await writeFile(file, KEY);
    await chmod(file, 0o644);
    const { store, lines } = reopen({ OAUTH_ENCRYPTION_KEY_FILE: file });
    await store.read(['alpha']);
    await store.read(['alpha']);
    expect(lines).toEqual([expect.stringContaining(`chmod 600 ${file}`)]);
  });

  const invalid: [what: string, env: (folder: string) => Record<string, string>, part: string][] = [
    ['missing', () => ({}), 'is not set'],
    ['empty', () => ({ OAUTH_ENCRYPTION_KEY: ' ' }), 'is not set'],
    ['too short', () => ({ OAUTH_ENCRYPTION_KEY: 'x'.repeat(31) }), '31 characters'],
    [
      'in a file that is not there',
      (folder) => ({ OAUTH_ENCRYPTION_KEY_FILE: join(folder, 'none') }),
      'ENOENT',
    ],
    ['in a folder', (folder) => ({ OAUTH_ENCRYPTION_KEY_FILE: folder }), 'EISDIR'],
    [
      'another one in its file',
      (folder) => ({
        OAUTH_ENCRYPTION_KEY: PASSPHRASE,
        OAUTH_ENCRYPTION_KEY_FILE: `${folder}/key`,
      }),
      'different keys',
    ],
  ];
  it.each(invalid)('that is %s is refused, with a command that makes one', async (_, env, part) => {
    const { folder, reopen } = await openStore();
    await writeFile(join(folder, 'key'), KEY, { mode: 0o600 });
    const { store } = reopen(env(folder));
    const error = {
      code: 'ENCRYPTION_KEY_INVALID',
      message: expect.stringContaining(part),
      hint: expect.stringContaining('openssl rand -hex 32'),
    };
    await expect(store.read(['alpha'])).rejects.toMatchObject(error);
    await expect(store.write('alpha', 'value')).rejects.toMatchObject(error);
    const refusal = await store.probe().catch((thrown: Error) => thrown);
    expect(JSON.stringify(refusal) + String(refusal)).not.toMatch(/passphrase|xxxxx/);
  });

  it('is stretched once a process, whatever the number of files', async () => {
    const { store, files } = await openStore({ OAUTH_ENCRYPTION_KEY: PASSPHRASE });
    for (const account of ['alpha', 'beta', 'gamma']) await store.write(account, 'value');
    const headers = await Promise.all((await files()).map((file) => readFile(file, 'utf8')));
    expect(new Set(headers.map((text) => JSON.parse(text).salt)).size).toBe(1);
    expect(JSON.parse(headers[0] ?? '').derivation).toBe('scrypt');
  });
});

describe('a folder that can not be written', () => {
  it('is named when a file is in its place', async () => {
    const { folder, store } = await openStore();
    await writeFile(join(folder, 'tokens'), '');
    await expect(store.write('alpha', 'value')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(join(folder, 'tokens')),
      hint: expect.stringContaining('Move away'),
    });
  });

  it('is named when it is read-only or not ours, and the old value stays', async (context) => {
    needRoot(context);
    requireInstalled(context, 'setpriv');
    const { folder, store } = await openStore();
    await store.write('alpha', 'old');
    const own = { env: { OAUTH_ENCRYPTION_KEY: KEY }, uid: 65534 };
    const program = await buildForAll();
    const task: FileStoreTask = { folder, write: 'new' };
    await run('chown', ['-R', '65534:65534', folder]);
    const written = await runProgram(program, task, own).ended;
    expect(written.stdout).toBe('written\nread: new');
    await chmod(join(folder, 'tokens'), 0o500);
    const { stdout } = await runProgram(program, { ...task, write: 'newer' }, own).ended;
    expect(stdout).toMatch(
      /^STORE_UNAVAILABLE: .*tokens.* can't be written: permission denied \(EACCES\)/,
    );
    expect(stdout).toMatch(/read: new$/);
    await run('chown', ['-R', '0:0', folder]);
    await chmod(folder, 0o755);
    const denied = await runProgram(program, task, own).ended;
    expect(denied.stdout).toMatch(
      /^STORE_UNAVAILABLE: .*tokens.* can't be read: permission denied/,
    );
  });

  it('is named when the disk is full, and the old value stays', async (context) => {
    needRoot(context);
    const { folder, store, files } = await openStore();
    const full = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).then(
      () => undefined,
      (error: Error) => `no disk can be mounted: ${error.message}`,
    );
    if (full !== undefined) skipAloud(context, full);
    onTestFinished(async () => void (await run('umount', ['--lazy', folder])));
    await store.write('alpha', 'old');
    // Room for a part of the new value: nothing may take that for the whole.
    await writeFile(join(folder, 'filler'), 'x'.repeat(40 * 1024));
    await expect(store.write('alpha', 'new'.repeat(10_000))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/tokens.*the disk is full \(ENOSPC\)/),
      hint: expect.stringContaining('Free some space'),
    });
    expect((await store.read(['alpha'])).get('alpha')).toBe('old');
    await onlyFile(files);
  });
});

function needRoot(context: TestContext): void {
  if (process.getuid?.() !== 0) skipAloud(context, 'only root can change users and mount disks');
}

/** The program where every user can read it. */
async function buildForAll(): Promise<string> {
  const programs = await createTempFolder();
  onTestFinished(() => programs.remove());
  const program = await buildProgram('file-store-user', programs.path);
  await chmod(programs.path, 0o755);
  return program;
}
