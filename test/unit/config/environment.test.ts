import { describe, expect, it } from 'vitest';
import { parseDotEnv } from '../../../src/config/environment.ts';
import { check, configOf, seed, serverOf, warnings } from './support.ts';

const FILE = `a:\n  url: https://a.example/\n  headers: { X-A: "$${'{A}'}" }\n`;

describe('parseDotEnv', () => {
  it('reads the .env file of document 003', () => {
    expect(parseDotEnv(seed('003-dotenv.env'))).toStrictEqual({
      values: {
        OPENAI_API_KEY: 'sk-1234567890abcdef',
        DATABASE_API_KEY: 'db-token-xyz789',
        NOTIFICATION_SECRET: 'notify-secret-abc',
        OAUTH_CLIENT_ID: 'your-oauth-client-id',
        OAUTH_CLIENT_SECRET: 'your-oauth-client-secret',
        CUSTOM_API_KEY: 'custom-key-123',
        CUSTOM_SECRET: 'custom-secret-456',
      },
      brokenLines: [],
    });
  });

  it('reads the encryption key of document 004', () => {
    const { values } = parseDotEnv(seed('004-encryption-key.env'));
    expect(values).toStrictEqual({ OAUTH_ENCRYPTION_KEY: 'your-32-character-minimum-secret-key' });
  });

  it.each([
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }, []],
    ['\uFEFFA=1', { A: '1' }, []],
    ['export A = "x y" # note', { A: 'x y' }, []],
    ['A="one\ntwo"\nB=1', { A: 'one\ntwo', B: '1' }, []],
    ["A='#'\nB=", { A: '#', B: '' }, []],
    ['A=1\nbroken\nB=2', { A: '1', B: '2' }, [2]],
    ['\n: x\n1A=2\nB=2\n\nwhat is this', { B: '2' }, [2, 3, 6]],
    ['', {}, []],
  ])('%j', (text, values, brokenLines) => {
    expect(parseDotEnv(text)).toStrictEqual({ values, brokenLines });
  });
});

describe('the .env file beside the configuration', () => {
  it('adds variables, and the process environment wins', async () => {
    const files = { '/etc/mm/.env': 'A=file\nB=file\n' };
    const result = await check(FILE, 'yaml', { files, env: { A: 'process', C: 'process' } });
    expect(serverOf(result).endpoint).toMatchObject({ headers: { 'X-A': 'process' } });
    expect(configOf(result).env).toStrictEqual({ A: 'process', B: 'file', C: 'process' });
  });

  it('is not looked for elsewhere', async () => {
    const files = { '/srv/.env': 'A=1', '/home/ann/.env': 'A=1' };
    expect(configOf(await check(FILE, 'yaml', { files })).servers).toStrictEqual([]);
  });

  it('matches names on Windows without regard to case', async () => {
    const world = { platform: 'win32', env: { a: 'process' } };
    const { checkConfig } = await import('../../../src/config/load.ts');
    const { worldOf } = await import('./support.ts');
    const files = { 'C:\\mm\\config.yaml': FILE, 'C:\\mm\\.env': 'A=file' };
    const result = await checkConfig({ folder: 'C:\\mm' }, worldOf({ ...world, files }));
    expect(serverOf(result).endpoint).toMatchObject({ headers: { 'X-A': 'process' } });
    expect(configOf(result).env).toStrictEqual({ a: 'process' });
  });

  it('may be broken: the rest is used, with a warning', async () => {
    const files = { '/etc/mm/.env': 'oops\nA=1' };
    const result = await check(FILE, 'yaml', { files });
    expect(serverOf(result).endpoint).toMatchObject({ headers: { 'X-A': '1' } });
    expect(warnings(result)).toStrictEqual([
      'warning CONFIG_INVALID - : /etc/mm/.env:1: expected NAME=value, the line is left out',
    ]);
  });

  it('should not be readable by others when it has secrets', async () => {
    const files = { '/etc/mm/.env': 'A=1\nAPI_TOKEN=abcdef' };
    const warned = await check(FILE, 'yaml', { files, mode: 0o100640 });
    expect(warned.problems).toMatchObject([
      { level: 'warning', hint: 'Run: chmod 600 /etc/mm/.env' },
    ]);
    expect(configOf(warned).secrets).toStrictEqual(['abcdef']);
    expect((await check(FILE, 'yaml', { files, mode: 0o100600 })).problems).toStrictEqual([]);
  });

  it("makes the program's own credentials known to the redactor", async () => {
    const env = { A: '1', MCP_MASTER_TOKEN: 'tok', OAUTH_ENCRYPTION_KEY: 'key', HOME: '/' };
    expect(configOf(await check(FILE, 'yaml', { env })).secrets).toStrictEqual(['tok', 'key']);
  });
});
