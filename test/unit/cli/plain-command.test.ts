import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/app/context.ts';
import { readPlainCommand } from '../../../src/cli/plain-command.ts';
import { createProgram } from '../../../src/cli/program/all-commands.ts';

/** What commander makes of a command line: the command that it would run, or undefined for an error. */
async function byCommander(argv: string[]): Promise<unknown> {
  const output = new PassThrough();
  // No command is run: this is all of the world that reading takes.
  const world = { version: '1', stdout: output, stderr: output } as unknown as Context;
  const program = createProgram(world, () => undefined);
  let found: unknown;
  const listenTo = (command: Command, words: string[]) => {
    command.action(() => {
      found = { name: words.join(' '), flags: command.optsWithGlobals() };
    });
  };
  for (const command of program.commands) {
    if (command.name() === 'serve') listenTo(command, ['serve']);
    for (const inner of command.commands) listenTo(inner, [command.name(), inner.name()]);
  }
  await program.parseAsync(argv, { from: 'user' }).catch(() => undefined);
  return found;
}

describe('a plain command line', () => {
  it.each([
    ['serve', { name: 'serve', flags: {} }],
    ['serve --config /a/b.yaml', { name: 'serve', flags: { config: '/a/b.yaml' } }],
    ['serve --profile=work --quiet', { name: 'serve', flags: { profile: 'work', quiet: true } }],
    ['auth status', { name: 'auth status', flags: {} }],
    ['auth status --config=a=b', { name: 'auth status', flags: { config: 'a=b' } }],
    [
      'auth status --server github --json --check',
      { name: 'auth status', flags: { server: 'github', json: true, check: true } },
    ],
  ])('%s is read', (line, command) => {
    expect(readPlainCommand(line.split(' '))).toStrictEqual(command);
  });

  it.each([
    '',
    '--version',
    '--help',
    'serve --help',
    'serve --server a',
    'serve --check',
    'serve now',
    'auth',
    'auth status now',
    'auth login',
    'auth --json status',
    '--json auth status',
    'auth status --serv a',
    'auth status --server',
    'auth status --server --json',
    'auth status --server a --server b',
    'auth status --json --json',
    'auth status --json=yes',
    'auth status --config=',
    'auth status -- --json',
    'auth status --no-check',
    'auth status --constructor a',
    'serve --log-level debug',
  ])('%j is left to commander', (line) => {
    expect(readPlainCommand(line === '' ? [] : line.split(' '))).toBeUndefined();
  });

  it('means what commander says of it', async () => {
    const words = fc.constantFrom('serve', 'auth status', 'auth', 'auth login', 'list');
    const options = fc.constantFrom('--json', '--quiet', '--check', '--config', '--server');
    const values = fc.oneof(fc.constantFrom('a', '', '-', '--', '--json', '=', 'a=b'), fc.string());
    const pieces = fc.oneof(
      { weight: 5, arbitrary: options.map((option) => [option]) },
      { weight: 3, arbitrary: fc.tuple(options, values) },
      { weight: 3, arbitrary: fc.tuple(options, values).map((pair) => [pair.join('=')]) },
      { weight: 1, arbitrary: fc.tuple(fc.oneof(options, values)) },
    );
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(words, fc.array(pieces, { maxLength: 4 }), async (word, more) => {
        const argv = [...word.split(' '), ...more.flat()];
        const command = readPlainCommand(argv);
        if (command === undefined) return;
        plain += 1;
        expect(await byCommander(argv)).toStrictEqual(command);
      }),
      { numRuns: 2000 },
    );
    expect(plain).toBeGreaterThan(200);
  });
});
