import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createTempFolder, strippedEnv } from '../support/bin.ts';

/** Runs an example as its README says, in a home of the test's own. */
async function run(name: string): Promise<string> {
  const home = await createTempFolder();
  const program = fileURLToPath(new URL(`../../examples/${name}/run.mjs`, import.meta.url));
  const temporary = join(home.path, 'temporary');
  await mkdir(temporary);
  const env = { TMPDIR: temporary, TEMP: temporary, TMP: temporary };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], {
      env: strippedEnv(home.path, env),
    });
    expect(stderr).toBe('');
    // What is the user's was not touched, and nothing is left behind.
    expect(await readdir(home.path, { recursive: true })).toEqual(['temporary']);
    return stdout;
  } finally {
    await home.remove();
  }
}

/** What a tool answered, by its name. */
function answers(output: string): Record<string, string> {
  const called = [...output.matchAll(/^([\w-]+__\w+)\n {2}(.*)$/gm)];
  return Object.fromEntries(called.map(([, tool = '', text = '']) => [tool, text]));
}

/** The last part: what the servers saw, and that it worked. */
function seen(output: string): string[] {
  const [, lines = ''] = /What the servers saw\n([\s\S]*)$/.exec(output) ?? [];
  return lines.trim().split('\n');
}

const WORKED = ['', 'It worked.'];

describe('the examples', () => {
  it('api-key', async () => {
    const output = await run('api-key');
    expect(output).toContain('Stored. Write keyring:maps in the configuration.');
    expect(answers(output)).toEqual({
      weather__whoami: 'You are the weather app.',
      maps__whoami: 'You are the maps app.',
    });
    expect(seen(output)).toEqual([
      expect.stringMatching(/^weather: x-api-key: weather-[\w-]{36}$/),
      expect.stringMatching(/^maps: authorization: Token maps-[\w-]{36}$/),
      ...WORKED,
    ]);
  });

  it('delegate-oauth', async () => {
    const output = await run('delegate-oauth');
    expect(output).toContain('"type": "oauth_delegation"');
    expect(output).toContain('The last page says: Logged in to notes');
    expect(output).toMatch(/notes +delegate_oauth +logged in +file/);
    expect(answers(output)).toEqual({
      public__whoami: 'You are a guest.',
      'mcp-master__login': 'Server "notes" needs a login. Open this address in a browser:',
      notes__whoami: 'You are ada.',
    });
    expect(seen(output)).toEqual(['notes: 1 token, of ada', 'public: 0 tokens', ...WORKED]);
  });

  it('master-oauth', async () => {
    const output = await run('master-oauth');
    expect(output.match(/auth login --server=\w+/g)).toEqual(['auth login --server=master']);
    expect(answers(output)).toEqual({
      search__whoami: 'You are ada.',
      wiki__whoami: 'You are ada.',
      public__whoami: 'You are a guest.',
    });
    expect(seen(output)).toEqual([
      'search: 1 token, of ada',
      'wiki: 1 token, the same one',
      'public: 0 tokens',
      ...WORKED,
    ]);
  });

  it('proxy-oauth', async () => {
    const output = await run('proxy-oauth');
    expect(answers(output)).toEqual({
      internal__whoami: 'You are the backend.',
      notes__whoami: 'You are ada.',
      reports__whoami: 'You are ada.',
    });
    expect(seen(output)).toEqual([
      'internal: 1 token, of the backend',
      'notes: 1 token, of ada',
      'reports: 1 token, of ada',
      ...WORKED,
    ]);
  });

  it('custom-auth', async () => {
    const output = await run('custom-auth');
    expect(answers(output)).toEqual({
      orders__whoami: 'You are a program that signs.',
      public__whoami: 'You are a guest.',
    });
    expect(seen(output)).toEqual([
      'orders: a new signature each time',
      'orders: X-Team: core',
      'public: 0 signatures',
      ...WORKED,
    ]);
  });

  it('are all tried here', async () => {
    const folders = await readdir(new URL('../../examples/', import.meta.url), {
      withFileTypes: true,
    });
    const names = folders.filter((one) => one.isDirectory()).map(({ name }) => name);
    expect(names.sort()).toEqual([
      ...['api-key', 'custom-auth', 'delegate-oauth', 'demo'],
      ...['master-oauth', 'proxy-oauth', 'support'],
    ]);
  });
});
