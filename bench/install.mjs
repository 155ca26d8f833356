/** Packages in scratch folders, as npm installs them, and what they weigh. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFolder, run } from './belongings.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
/** The npm that runs the benchmark, else the one in the path. */
const NPM = process.env.npm_execpath
  ? [process.execPath, process.env.npm_execpath]
  : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
const INSTALL = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];

/** Installs a package (a name with its version, or a file) into a folder of its own, which it gives. */
export async function install(what) {
  const folder = await newFolder();
  // Or npm would look for a project in the folders above.
  await writeFile(join(folder, 'package.json'), '{"private": true}');
  await npm([...INSTALL, what], folder);
  return join(folder, 'node_modules');
}

/** Packs the project as it is built, and installs that. */
export async function installProject() {
  const folder = await newFolder();
  // Without its scripts: they would build.
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], PROJECT);
  const [tarball] = await readdir(folder);
  return install(join(folder, tarball));
}

function npm(args, cwd) {
  return run([...NPM, ...args], process.env, cwd);
}

/** The packages of an installation, the largest first: { name, version, bytes }, each with what is nested in it. */
export async function weigh(modules) {
  const packages = [];
  for (const name of await packageNames(modules)) {
    const folder = join(modules, name);
    const { version } = await manifest(folder);
    packages.push({ name, version, bytes: await bytesIn(folder) });
  }
  return packages.sort((a, b) => b.bytes - a.bytes);
}

/** The package.json of an installed package. */
export async function manifest(folder) {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

async function packageNames(modules) {
  const names = (await readdir(modules)).filter((name) => !name.startsWith('.'));
  const scoped = async (name) =>
    (await readdir(join(modules, name))).map((part) => `${name}/${part}`);
  const all = names.map((name) => (name.startsWith('@') ? scoped(name) : [name]));
  return (await Promise.all(all)).flat();
}

async function bytesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(
      async ({ parentPath, path, name }) => (await stat(join(parentPath ?? path, name))).size,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
