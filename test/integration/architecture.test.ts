import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
const planted: string[] = [];
afterEach(async () => {
  for (const file of planted.splice(0)) await rm(file);
});

/** What the linter says of a file of these lines, put into the sources for a moment. */
async function lint(file: string, lines: string[]): Promise<string> {
  planted.push(file);
  await writeFile(file, `${lines.join('\n')}\n`);
  const run = promisify(execFile)(process.execPath, [biome, 'lint', '--colors=off', file]);
  const { stdout, stderr } = await run.catch(
    (failed: { stdout: string; stderr: string }) => failed,
  );
  return stdout + stderr;
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
