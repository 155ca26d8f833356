import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeConfig } from '../support/bin.ts';
import {
  createAuthHome,
  ENCRYPTION_KEY,
  startBackend,
  startPair,
} from '../support/oauth/auth-home.ts';
import { examine } from '../support/oauth/examine.ts';

describe('doctor, of the configuration', () => {
  it('tells of a file that can not be read as a whole', async () => {
    const home = await createAuthHome();
    await writeConfig(home.path, 'servers:\n  - id: [\n');
    const { of, code } = await examine(home);
    expect(code).toBe(1);
    expect(of('node')).toMatchObject([{ level: 'ok' }]);
    expect(of('configuration')).toMatchObject([
      { level: 'error', message: expect.stringMatching(/config\.yaml:\d.*\(CONFIG_INVALID\)$/) },
    ]);
  });

  it('says like every command that there is none', async () => {
    const home = await createAuthHome();
    const { code, stdout, stderr } = await home.run(['doctor']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/there is no configuration/);
  });
});

describe('doctor, of what it keeps', () => {
  const NEEDED = { url: 'http://127.0.0.1:9/mcp', auth_strategy: 'delegate_oauth' };

  it('tells of a store that can not be used: an error where somebody logs in, else a warning', async () => {
    const home = await createAuthHome({ OAUTH_ENCRYPTION_KEY: undefined });
    const open = await startBackend('open');
    await home.configure({ open: open.entry });
    const unneeded = await examine(home);
    expect(unneeded.of('token_store')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/\(KEYCHAIN_UNAVAILABLE\)$/) },
    ]);
    expect(unneeded.code).toBe(0);
    await home.configure({ open: open.entry, api: NEEDED });
    const { of, code } = await examine(home);
    expect(of('token_store')).toMatchObject([{ level: 'error', hint: expect.any(String) }]);
    expect(code).toBe(1);
  });

  it.each([
    ['too short', 'short', 'ENCRYPTION_KEY_INVALID'],
    ['another one', ENCRYPTION_KEY.replaceAll('0', '9'), 'ENCRYPTION_KEY_WRONG'],
  ])('tells of a key that is %s', async (_, OAUTH_ENCRYPTION_KEY, expected) => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const { of } = await examine(home, [], { OAUTH_ENCRYPTION_KEY });
    expect(of('token_store')).toMatchObject([
      { level: 'error', message: expect.stringContaining(`(${expected})`) },
    ]);
    expect(of('encryption_key')).toEqual([]);
  });

  it('warns of a key that is easy to guess, or that others can read', async () => {
    const home = await createAuthHome({ OAUTH_ENCRYPTION_KEY: 'secret'.repeat(6) });
    await home.configure({});
    expect((await examine(home)).of('encryption_key')).toMatchObject([
      { level: 'warning', message: 'the key in OAUTH_ENCRYPTION_KEY is easy to guess' },
    ]);
    const file = join(home.path, 'key');
    await writeFile(file, ENCRYPTION_KEY);
    await chmod(file, 0o644);
    const env = { OAUTH_ENCRYPTION_KEY: undefined, OAUTH_ENCRYPTION_KEY_FILE: file };
    expect((await examine(home, [], env)).of('encryption_key')).toMatchObject([
      { level: 'warning', hint: `Keep it for yourself: chmod 600 ${file}` },
    ]);
    await chmod(file, 0o600);
    expect((await examine(home, [], env)).of('encryption_key')).toMatchObject([{ level: 'ok' }]);
  });

  it('warns of a state folder that others can look into, and tells of one that can not be written to', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    await home.logIn(['api']);
    const state = join(home.path, 'state');
    await chmod(join(state, 'logins'), 0o755);
    await chmod(join(state, 'records'), 0o750);
    const hint = `Keep it for yourself: chmod -R go= '${state}'`;
    expect((await examine(home)).of('state_folder')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(/logins and 1 more$/), hint },
    ]);
    await rm(state, { recursive: true });
    await mkdir(join(home.path, 'elsewhere'));
    await writeFile(state, 'in its place');
    const { of, code } = await examine(home);
    expect(of('state_folder')).toMatchObject([
      { level: 'error', message: expect.stringContaining('(STORE_UNAVAILABLE)') },
    ]);
    expect(code).toBe(1);
  });
});
