import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { canOpenBrowser, createOpenBrowser } from '../../../src/platform/browser.ts';
import { createTempFolder } from '../../support/bin.ts';
import { memoryLog } from '../../support/memory-log.ts';

const URL_WITH_EVERYTHING = 'https://issuer.example/a?x=$(id)&y=`id`;id|id&z=%22%27#f';

/** A program as `BROWSER`, which notes its arguments and environment and then does what is given. */
async function fakeBrowser(then = 'exit 0') {
  const folder = await createTempFolder();
  onTestFinished(() => folder.remove());
  const program = join(folder.path, 'browser');
  const script = [
    '#!/bin/sh',
    `{ for argument in "$@"; do echo "argument=$argument"; done; env; } > '${program}.part'`,
    `mv '${program}.part' '${program}.seen'`,
    `echo $$ > '${program}.pid'`,
    then,
  ];
  await writeFile(program, `${script.join('\n')}\n`);
  await chmod(program, 0o755);
  const read = (what: string) => readFile(`${program}.${what}`, 'utf8').catch(() => '');
  return { program, seen: () => read('seen'), pid: async () => Number(await read('pid')) };
}

function opener(env: Record<string, string>) {
  const { log, lines } = memoryLog();
  const path = process.env['PATH'] ?? '';
  const open = createOpenBrowser({ env: { PATH: path, ...env }, platform: process.platform, log });
  return { open, lines };
}

const linux = process.platform === 'linux';
if (!linux) console.warn('left out: opening a browser, which is tested through BROWSER of Linux');

describe.skipIf(!linux)('opening', () => {
  test('hands the address on as it is, and the environment without our secrets', async () => {
    const { program, seen } = await fakeBrowser();
    const { open } = opener({
      BROWSER: program,
      OAUTH_ENCRYPTION_KEY: 'SECRET-1',
      OAUTH_ENCRYPTION_KEY_FILE: 'SECRET-2',
      mcp_master_token: 'SECRET-3',
      THEIR_OWN: 'kept',
    });
    expect(await open(URL_WITH_EVERYTHING)).toBe(true);
    const [argument, ...env] = (await seen()).split('\n');
    expect(argument).toBe(`argument=${new URL(URL_WITH_EVERYTHING).href}`);
    expect(env).toContain('THEIR_OWN=kept');
    expect(env.join('\n')).not.toContain('SECRET');
    expect(env.join('\n')).not.toContain('argument=');
  });

  test('says no when the browser can not be started, or fails', async () => {
    const missing = opener({ BROWSER: '/nonexistent/browser' });
    expect(await missing.open('https://issuer.example/?code=SECRET')).toBe(false);
    expect(missing.lines.join('\n')).toMatch(/no browser could be opened/);
    expect(missing.lines.join('\n')).not.toContain('SECRET');
    const failing = opener({ BROWSER: (await fakeBrowser('exit 1')).program });
    expect(await failing.open('https://issuer.example/')).toBe(false);
  });

  test('does not wait for a browser that runs on, and does not end it', async () => {
    const { program, pid } = await fakeBrowser('exec sleep 60');
    expect(await opener({ BROWSER: program }).open('https://issuer.example/')).toBe(true);
    const browser = await pid();
    await sleep(100);
    // Throws when there is no such process.
    expect(process.kill(browser, 'SIGKILL')).toBe(true);
  });

  test.each(['file:///etc/passwd', 'javascript:alert(1)', 'vscode://x', '-flag', '', '/bin/ls'])(
    'refuses %j',
    async (address) => {
      const { program, seen } = await fakeBrowser();
      await expect(opener({ BROWSER: program }).open(address)).rejects.toMatchObject({
        code: 'INSECURE_URL',
        hint: expect.stringContaining('authorization_endpoint'),
      });
      expect(await seen()).toBe('');
    },
  );

  test('is not tried where nobody would see it', async () => {
    const { program, seen } = await fakeBrowser();
    const { open, lines } = opener({ BROWSER: program, HEADLESS: 'true' });
    expect(await open('https://issuer.example/')).toBe(false);
    expect([await seen(), lines]).toEqual(['', []]);
  });
});

describe('whether a browser can be opened', () => {
  const ssh = { SSH_CONNECTION: '10.0.0.1 5 10.0.0.2 22' };
  test.each<[string, NodeJS.Platform, Record<string, string>, boolean]>([
    ['a Mac', 'darwin', {}, true],
    ['Windows', 'win32', {}, true],
    ['a Mac over SSH', 'darwin', ssh, false],
    [
      'a Mac over SSH with a forwarded display',
      'darwin',
      { ...ssh, DISPLAY: 'localhost:10.0' },
      false,
    ],
    ['Windows over SSH', 'win32', ssh, false],
    ['Linux without a screen: a container, a service', 'linux', {}, false],
    [
      'Linux with empty variables',
      'linux',
      { DISPLAY: '', WAYLAND_DISPLAY: '', BROWSER: '' },
      false,
    ],
    ['X11', 'linux', { DISPLAY: ':0' }, true],
    ['Wayland', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }, true],
    ['a remote editor', 'linux', { ...ssh, BROWSER: '/vscode/browser.sh' }, true],
    ['WSL', 'linux', { WSL_DISTRO_NAME: 'Debian' }, true],
    ['WSL without its name', 'linux', { WSL_INTEROP: '/run/WSL/1_interop' }, true],
    ['WSL over SSH', 'linux', { ...ssh, WSL_DISTRO_NAME: 'Debian' }, false],
    ['SSH', 'linux', ssh, false],
    ['SSH by its terminal', 'linux', { SSH_TTY: '/dev/pts/1', DISPLAY: ':0' }, false],
    ['SSH with the screen of the far side', 'linux', { ...ssh, DISPLAY: ':0' }, false],
    ['SSH with a forwarded display', 'linux', { ...ssh, DISPLAY: 'localhost:10.0' }, true],
    ['HEADLESS=true', 'darwin', { HEADLESS: 'true' }, false],
    ['HEADLESS=1', 'linux', { HEADLESS: '1', DISPLAY: ':0', BROWSER: 'firefox' }, false],
    ['HEADLESS=TRUE', 'win32', { HEADLESS: 'TRUE' }, false],
    ['HEADLESS=false', 'linux', { HEADLESS: 'false', DISPLAY: ':0' }, true],
    ['FreeBSD', 'freebsd', { DISPLAY: ':0' }, true],
  ])('%s', (_, platform, env, expected) => {
    expect(canOpenBrowser(env, platform)).toBe(expected);
  });
});
