import { describe, expect, it } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { migrate } from '../../../../src/oauth/store/migrate.ts';
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
    ['no JSON', '{"version":1,', 'is damaged'],
    ['not a login', '{"version":1,"tokens":{}}', 'is damaged'],
    ['of a later version', '{"version":7}', 'was written by a newer mcp-master'],
  ])('tells of an item that is %s, and leaves it alone', async (_, text, what) => {
    const { logins, keychain } = memoryLogins();
    await logins.save(KEY, someLogin());
    keychain.items.set(KEY.account, text);
    await expect(logins.read(KEY)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining(what),
      hint: expect.stringContaining('auth login --server=x --force'),
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

  it('removes the login of one server and no other', async () => {
    const { logins, keychain } = memoryLogins();
    const other = { profile: '', server: 'x_y', account: 'x_y:1', file: 'x_y-1' };
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
