import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import { buildProgram, KEYCHAIN_HELPER } from '../support/build-program.ts';
import { openKeychain } from '../support/keychain-store.ts';
import { runTogether } from '../support/run-together.ts';
import { startSecretService } from '../support/secret-service.ts';

let programs: TempFolder;
let user: string;
beforeAll(async () => {
  programs = await createTempFolder();
  user = await buildProgram('keychain-user', programs.path);
});
afterAll(() => programs.remove());

describe('createKeychainStore, over a real Secret Service', () => {
  it.for<[what: string, value: string]>([
    ['an empty value', ''],
    ['line breaks and quotes', '{"a":"b\\n"}\r\n\u2028\u2029'],
    ['unicode', 'Grüße, 世界 🔑 \uFEFF'],
    ['16 KB', randomBytes(8192).toString('hex')],
    ['1 MB', 'x'.repeat(1024 * 1024)],
    ['a value that begins like the head of one in parts', 'mcp-master:parts:1:{"slot":1}'],
  ])('gives back %s', async ([, value], context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', value);
    expect(await store.read(['alpha'])).toEqual(new Map([['alpha', value]]));
  });

  it('reads many accounts in one round, and leaves out those that there are not', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'one');
    await store.write('gämmä/δ', 'two');
    const found = await store.read(['alpha', 'beta', 'gämmä/δ']);
    expect([...found]).toEqual([
      ['alpha', 'one'],
      ['gämmä/δ', 'two'],
    ]);
  });

  it('keeps a value in the item that other programs see', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'tökens');
    expect(await service.lookup('alpha')).toBe('tökens');
    expect(await service.accounts()).toEqual(['alpha']);
  });

  it('replaces and deletes, and tells whether there was something', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'old');
    await store.write('alpha', 'new');
    expect((await store.read(['alpha'])).get('alpha')).toBe('new');
    expect(await store.delete('alpha')).toBe(true);
    expect(await store.delete('alpha')).toBe(false);
    expect(await service.accounts()).toEqual([]);
  });

  it('leaves nothing behind after a probe', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.probe();
    expect(await service.accounts()).toEqual([]);
  });

  it('answers many requests at the same time, each with its own', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    const names = Array.from({ length: 20 }, (_, index) => `account-${index}`);
    await Promise.all(names.map((name) => store.write(name, `value of ${name}`)));
    const read = await Promise.all(names.map((name) => store.read([name])));
    expect(read.map((found, index) => found.get(`account-${index}`))).toEqual(
      names.map((name) => `value of ${name}`),
    );
  });

  it('holds few connections to the bus, however many accounts are read', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    const accounts = Array.from({ length: 400 }, (_, index) => `account-${index}`);
    expect(await store.read(accounts)).toEqual(new Map());
    // The bus allows a user 256: with one for each account this would have failed above.
    expect(await service.connections()).toBeLessThan(20);
  });

  it('fails for a damaged item alone, names it, and can replace it', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'fine');
    await store.write('no-text', 'will be damaged');
    await service.store('no-text', Buffer.from([0xff, 0xfe, 0x80]));
    await service.store('no-head', 'mcp-master:parts:1:{"slot":99}');
    const found = await store.read(['no-text', 'alpha', 'no-head']);
    expect(found.get('alpha')).toBe('fine');
    for (const account of ['no-text', 'no-head']) {
      expect(found.get(account)).toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining(account),
        hint: expect.stringContaining('auth login'),
      });
    }
    await store.write('no-text', 'mended');
    expect((await store.read(['no-text'])).get('no-text')).toBe('mended');
    expect(await store.delete('no-head')).toBe(true);
  });

  it('says so when another program has made an item of the same name', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'ours');
    await service.store('alpha', 'theirs', ['target', 'default']);
    expect((await store.read(['alpha'])).get('alpha')).toMatchObject({
      code: 'INTERNAL',
      hint: expect.stringContaining('secret-tool clear'),
    });
  });

  it('gives whole values to several processes while several others write', async (context) => {
    const service = await startSecretService(context);
    const common = { account: 'alpha', helper: KEYCHAIN_HELPER };
    const writer = { do: 'writer', rounds: 25 } as const;
    const reader = { do: 'reader', rounds: 50 } as const;
    const tasks = [writer, reader, writer, reader];
    const whole = '50 whole, 0 torn';
    expect(await runTogether(user, service.env, common, tasks)).toEqual([
      ...['done', whole, 'done', whole],
    ]);
    expect(await service.accounts()).toEqual(['alpha']);
  });

  it('goes on after the keychain was restarted between two calls', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    await service.kill();
    await expect(store.read(['alpha'])).rejects.toMatchObject({ code: 'KEYCHAIN_UNAVAILABLE' });
    await service.restart();
    expect((await store.read(['alpha'])).get('alpha')).toBe('kept');
    await service.kill();
    await service.restart();
    expect((await store.read(['alpha'])).get('alpha')).toBe('kept');
  });
});
