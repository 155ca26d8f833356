import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The release of workerd. Not a dependency of the project: npm wants its packages for all platforms in the
 * lock file, and not every registry has them.
 */
const VERSION = '1.20261117.1';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: '64', arm64: 'arm64' };
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin' };

/** Why there is no workerd for this computer; undefined where there is one. */
export const noWorkerd =
  SYSTEMS[process.platform] && ARCHITECTURES[process.arch]
    ? undefined
    : `workerd is not tried on ${process.platform} ${process.arch}`;

/** Installs the program of this platform into a folder; resolves with its path. */
export async function installWorkerd(folder: string): Promise<string> {
  const name = `workerd-${SYSTEMS[process.platform]}-${ARCHITECTURES[process.arch]}`;
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const quiet = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const install = ['install', ...quiet, `@cloudflare/${name}@${VERSION}`];
  await promisify(execFile)('npm', install, { cwd: folder });
  return join(folder, 'node_modules', '@cloudflare', name, 'bin', 'workerd');
}
