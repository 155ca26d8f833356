/** The programs that tests need beyond Node.js, and the Debian packages that bring them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const NEEDED = [
  { file: 'dbus-daemon', package: 'dbus' },
  { file: 'gnome-keyring-daemon', package: 'gnome-keyring' },
  { file: 'secret-tool', package: 'libsecret-tools' },
  { file: 'chromium', package: 'chromium' },
  // A prompt for a password that nobody answers needs a prompter, and that a screen.
  { file: 'Xvfb', package: 'xvfb' },
  { file: '/usr/share/dbus-1/services/org.gnome.keyring.SystemPrompter.service', package: 'gcr' },
];

const INSTALL = ['install', '-y', '--no-install-recommends'];

function isThere(file) {
  if (file.startsWith('/')) return existsSync(file);
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, file)));
}

function missingPackages() {
  return NEEDED.filter(({ file }) => !isThere(file)).map((needed) => needed.package);
}

function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  if (status !== 0) process.stdout.write(stderr ?? '');
  return status === 0;
}

/**
 * Installs what is missing where that may be done, as root with apt-get; else prints one line that
 * names it, and the tests that need it skip themselves and say so.
 */
export function installSystemPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && isThere('apt-get')) {
    process.stdout.write(`Installing what tests need: ${missing.join(' ')}\n`);
    if (aptGet(['update']) && aptGet([...INSTALL, ...missing])) return;
  }
  const left = missingPackages();
  const how = `apt-get ${INSTALL.join(' ')} ${left.join(' ')}`;
  process.stdout.write(`Tests that need ${left.join(', ')} are skipped; on Debian: ${how}\n`);
}
