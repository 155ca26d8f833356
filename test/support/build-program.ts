import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsdown';

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));

/** The keychain's helper as users have it. */
export const KEYCHAIN_HELPER = fileURLToPath(new URL('../../dist/keychain.js', import.meta.url));

/**
 * Bundles `programs/NAME.ts` with the sources that it imports into a file of `folder`, and returns
 * its path: what a test runs in a process of its own without the whole of mcp-master.
 */
export async function buildProgram(name: string, folder: string): Promise<string> {
  await build({
    ...{ config: false, clean: false, dts: false, logLevel: 'error' },
    ...{ entry: { [name]: join(PROGRAMS, `${name}.ts`) }, outDir: folder },
    ...{ format: 'esm', platform: 'node', target: 'node20.17' },
    outExtensions: () => ({ js: '.mjs' }),
  });
  return join(folder, `${name}.mjs`);
}
