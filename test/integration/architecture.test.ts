import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createTempFolder } from '../support/bin.ts';

const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

/** What the linter would say of a file of these lines at this place of the project. */
async function lint(file: string, lines: string[]): Promise<string> {
  const project = await createTempFolder();
  try {
    const config = JSON.parse(await readFile('biome.json', 'utf8'));
    const planted = join(project.path, file);
    await mkdir(dirname(planted), { recursive: true });
    await writeFile(planted, `${lines.join('\n')}\n`);
    // Outside of the project's own repository, where nothing else sees it.
    const own = { ...config, $schema: undefined, vcs: undefined };
    await writeFile(join(project.path, 'biome.json'), JSON.stringify(own));
    const command = [biome, 'lint', '--colors=off', file];
    const run = promisify(execFile)(process.execPath, command, { cwd: project.path });
    const { stdout, stderr } = await run.catch(
      (failed: { stdout: string; stderr: string }) => failed,
    );
    return stdout + stderr;
  } finally {
    await project.remove();
  }
}

describe('the linter', () => {
  it.each([
    [
      'an import against the direction',
      'src/config/planted.ts',
      `import { MasterServer } from '../proxy/master-server.ts';`,
      'noRestrictedImports',
    ],
    [
      'an import against the direction from a deeper folder',
      'src/oauth/flow/planted.ts',
      `import { Backend } from '../../backend/backend.ts';`,
      'noRestrictedImports',
    ],
    [
      'the platform in the middle of the house',
      'src/backend/planted.ts',
      `import { createProcesses } from '../platform/processes.ts';`,
      'noRestrictedImports',
    ],
    [
      'a package past its door',
      'src/cli/planted.ts',
      `import chalk from 'chalk';`,
      'noRestrictedImports',
    ],
    [
      'the SDK past its door',
      'src/auth/planted.ts',
      `import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';`,
      'noRestrictedImports',
    ],
    ['the console', 'src/backend/planted.ts', `console.log('to stdout');`, 'noConsole'],
    [
      'a promise that nobody waits for',
      'src/backend/planted.ts',
      `async function lost(): Promise<void> {}\nlost();`,
      'noFloatingPromises',
    ],
  ])('refuses %s', async (_, file, line, rule) => {
    expect(await lint(file, [line])).toContain(rule);
  });

  it('refuses a file and a function over the budget', async () => {
    const lines = Array.from({ length: 260 }, (_, at) => `  total += ${at};`);
    const report = await lint('src/rpc/planted.ts', [
      'export function long(): number {',
      '  let total = 0;',
      ...lines,
      '  return total;',
      '}',
    ]);
    expect(report).toContain('noExcessiveLinesPerFile');
    expect(report).toContain('noExcessiveLinesPerFunction');
  });
});
