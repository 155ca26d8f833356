import { describe, expect, it } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { migrate } from '../../../../src/oauth/store/migrate.ts';
import type { StoredLogin } from '../../../../src/oauth/store/stored-login.ts';
import { memoryFiles } from '../../../support/memory-stores.ts';
import { KEY, memoryLogins, someLogin } from '../../../support/stored-login.ts';

describe('Logins', () => {
  it('gives back what was saved, under a new revision each time', async () => {
    const { logins } = memoryLogins();
    const first = await logins.save(KEY, someLogin());
    expect(await logins.read(KEY)).toEqual({ ...someLogin(), revision: first.revision });
    const second = await logins.save(KEY, someLogin());
    expect(second.revision).not.toBe(first.revision);
  });

  it('keeps tokens and the secret of a registered client out of the index, and hides them', async () => {
    const { logins, files, hidden } = memoryLogins();
    const client = { ...someLogin().client, clientSecret: 'registered-secret' };
    await logins.save(KEY, someLogin({ client }));
    const texts = [...files.texts.values()].join('\n');
    expect(texts).toContain('https://as.example');
    for (const value of ['access-1', 'refresh-1', 'registered-secret']) {
      expect(texts).not.toContain(value);
      expect(hidden).toContain(value);
    }
    expect((await logins.read(KEY))?.client.clientSecret).toBe('registered-secret');
  });

  it('keeps a login of a grant without a redirect and without an authorization endpoint', async () => {
    const { logins } = memoryLogins();
    const { redirectUri: _, ...client } = someLogin().client;
    const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const login = someLogin({ client, authorizationServer: { metadata, source: 'settings' } });
    const { revision } = await logins.save(KEY, login);
    expect(await logins.read(KEY)).toEqual({ ...login, revision });
  });

  it('does not store what the configuration knows of the client', async () => {
    const { logins, keychain } = memoryLogins();
    const client = {
      ...someLogin().client,
      ...{ source: 'configured' as const, clientSecret: 'theirs', privateKey: 'PEM' },
    };
    await logins.save(KEY, someLogin({ client }));
    expect([...keychain.items.values()].join()).not.toMatch(/theirs|PEM/);
  });

  it('asks no store for a login that there is not', async () => {
    const { logins, keychain } = memoryLogins();
    expect(await logins.read(KEY)).toBeUndefined();
    expect(keychain.calls).toBe(0);
  });

  it.each([
    ['no JSON', '{"version":1,', 'LOGIN_REQUIRED', 'is damaged'],
    ['not a login', '{"version":1,"tokens":{}}', 'LOGIN_REQUIRED', 'is damaged'],
    ['of a later version', '{"version":7}', 'INTERNAL', 'was written by a newer mcp-master'],
  ])('tells of an item that is %s, and leaves it alone', async (_, text, code, what) => {
    const { logins, keychain } = memoryLogins();
    await logins.save(KEY, someLogin());
    keychain.items.set(KEY.account, text);
    await expect(logins.read(KEY)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(what),
      hint: expect.stringContaining('auth login --server=x'),
    });
    expect(keychain.items.get(KEY.account)).toBe(text);
  });

  it('makes a record anew that was damaged', async () => {
    const { logins, index, files, warnings } = memoryLogins();
    await logins.save(KEY, someLogin());
    files.texts.set(`logins/${KEY.file}`, 'rubbish');
    expect(index.get(KEY.file)).toBeUndefined();
    expect(warnings.join()).toContain('damaged');
    expect((await logins.read(KEY))?.tokens.accessToken).toBe('access-1');
    expect(index.get(KEY.file)).toMatchObject({ server: 'x', hasRefreshToken: true });
  });

  it('leaves the record of a newer version as it is', async () => {
    const { logins, files } = memoryLogins();
    await logins.save(KEY, someLogin());
    files.texts.set(`logins/${KEY.file}`, '{"version":2,"more":true}');
    await logins.read(KEY);
    expect(files.texts.get(`logins/${KEY.file}`)).toBe('{"version":2,"more":true}');
  });

  it('replaces tokens in the login that they belong to, and in no other', async () => {
    const { logins, index } = memoryLogins();
    const first = await logins.save(KEY, someLogin());
    const renewed = { ...first, tokens: { ...first.tokens, accessToken: 'access-2' } };
    const replace = (login: StoredLogin) => logins.exclusively(KEY, (held) => held.replace(login));
    const second = await replace(renewed);
    expect(second?.tokens.accessToken).toBe('access-2');
    // By now the first one is history: what came of it must not undo the second.
    expect(await replace(renewed)).toEqual(second);
    await logins.remove(KEY);
    expect(await replace({ ...renewed, revision: second?.revision ?? '' })).toBe(undefined);
    expect(index.get(KEY.file)).toBeUndefined();
  });

  it('keeps renewed tokens although their record can not be written', async () => {
    const { logins, files, keychain, warnings } = memoryLogins();
    const first = await logins.save(KEY, someLogin());
    files.write = () => Promise.reject(new McpMasterError('INTERNAL', 'the disk is full'));
    const renewed = { ...first, tokens: { ...first.tokens, accessToken: 'access-2' } };
    const saved = await logins.exclusively(KEY, (held) => held.replace(renewed));
    expect(saved?.tokens.accessToken).toBe('access-2');
    expect(keychain.items.get(KEY.account)).toContain('access-2');
    expect(warnings.join()).toContain('the disk is full');
  });

  it('deletes where the login is, whatever store is chosen now', async () => {
    const files = memoryFiles();
    const before = memoryLogins({}, 'keychain', files);
    await before.logins.save(KEY, someLogin());
    const now = memoryLogins({}, 'file', files);
    now.keychain.items.set(KEY.account, 'there');
    expect(await now.logins.remove(KEY)).toBe(true);
    expect(now.keychain.items.size).toBe(0);
  });

  it('removes the login of one server and no other', async () => {
    const { logins, keychain } = memoryLogins();
    const other = { commandFlags: '', server: 'x_y', account: 'x_y:1', file: 'x_y-1' };
    await logins.save(KEY, someLogin());
    await logins.save(other, someLogin({ server: 'x_y' }));
    expect(await logins.remove(KEY)).toBe(true);
    expect(await logins.read(KEY)).toBeUndefined();
    expect(keychain.items.size).toBe(1);
    expect((await logins.read(other))?.server).toBe('x_y');
    expect(await logins.remove(KEY)).toBe(false);
  });

  it('keeps the record while the store refuses to delete', async () => {
    const { logins, keychain, index } = memoryLogins();
    await logins.save(KEY, someLogin());
    keychain.failure = new McpMasterError('KEYCHAIN_LOCKED', 'locked');
    await expect(logins.remove(KEY)).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    expect(index.get(KEY.file)).toBeDefined();
  });
});

describe('UserSecrets', () => {
  it('are stored apart from each other, listed without values, and deleted by name', async () => {
    const { secrets, keychain, files, hidden } = memoryLogins();
    await secrets.set('key', 'value-1');
    await secrets.set('KEY', 'value-2');
    expect(await secrets.read('key')).toBe('value-1');
    expect(await secrets.read('KEY')).toBe('value-2');
    expect(
      secrets
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['KEY', 'key']);
    expect([...files.texts.values()].join()).not.toContain('value-');
    expect(hidden).toContain('value-1');
    expect(await secrets.delete('key')).toBe(true);
    expect(await secrets.delete('key')).toBe(false);
    expect([...keychain.items.values()]).toEqual(['value-2']);
  });

  it('cost no look into the store when there is none of that name', async () => {
    const { secrets, keychain } = memoryLogins();
    expect(await secrets.read('nothing')).toBeUndefined();
    expect(keychain.calls).toBe(0);
  });
});

describe('migrate', () => {
  it('moves logins and secrets, and back', async () => {
    const world = memoryLogins();
    await world.logins.save(KEY, someLogin());
    await world.secrets.set('key', 'value');
    expect(await migrate('file', world)).toBe(2);
    expect(world.keychain.items.size).toBe(0);
    expect((await world.logins.read(KEY))?.tokens.accessToken).toBe('access-1');
    expect(await world.secrets.read('key')).toBe('value');
    expect(await migrate('file', world)).toBe(0);
    expect(await migrate('keychain', world)).toBe(2);
    expect(world.file.items.size).toBe(0);
  });

  it('moves nothing when one item can not be read', async () => {
    const world = memoryLogins();
    await world.logins.save(KEY, someLogin());
    await world.secrets.set('key', 'value');
    world.keychain.damaged.add('secret/key');
    await expect(migrate('file', world)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(world.file.items.size).toBe(0);
    expect(world.keychain.items.size).toBe(2);
  });

  it('takes along a token that is renewed in the middle', async () => {
    const world = memoryLogins();
    const first = await world.logins.save(KEY, someLogin());
    const write = world.file.write.bind(world.file);
    let renewedOnce = false;
    world.file.write = async (account, value) => {
      await write(account, value);
      if (renewedOnce || account !== KEY.account) return;
      renewedOnce = true;
      const renewed = { ...first, tokens: { ...first.tokens, refreshToken: 'refresh-2' } };
      await world.logins.exclusively(KEY, (held) => held.replace(renewed));
    };
    await migrate('file', world);
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh-2');
    expect(world.keychain.items.size).toBe(0);
  });

  it('forgets what is lost only when it is told to', async () => {
    const world = memoryLogins();
    await world.logins.save(KEY, someLogin());
    await world.secrets.set('key', 'value');
    world.keychain.failure = new McpMasterError('KEYCHAIN_UNAVAILABLE', 'gone', {
      hint: 'Start it.',
    });
    await expect(migrate('file', world)).rejects.toMatchObject({
      code: 'KEYCHAIN_UNAVAILABLE',
      hint: expect.stringContaining('--force'),
    });
    expect(world.index.all().size).toBe(1);
    expect(await migrate('file', world, true)).toBe(0);
    expect(world.index.all().size).toBe(0);
    expect(world.secrets.list()).toEqual([]);
  });

  it('refuses while it can not tell where a login is', async () => {
    const world = memoryLogins();
    await world.logins.save(KEY, someLogin());
    world.files.texts.set(`logins/${KEY.file}`, 'rubbish');
    await expect(migrate('file', world)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining(KEY.file),
    });
    expect(world.keychain.items.size).toBe(1);
  });

  it('goes on after it was cut off in the middle', async () => {
    const world = memoryLogins();
    await world.logins.save(KEY, someLogin());
    await world.secrets.set('key', 'value');
    const remove = world.keychain.delete.bind(world.keychain);
    world.keychain.delete = async () => {
      throw new McpMasterError('KEYCHAIN_LOCKED', 'locked');
    };
    await expect(migrate('file', world)).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    world.keychain.delete = remove;
    expect(await migrate('file', world)).toBe(0);
    expect(await world.secrets.read('key')).toBe('value');
  });
});
