import { describe, expect, it } from 'vitest';
import { createAuthHome, startBackend } from '../support/oauth/auth-home.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { processTree } from '../support/process-tree.ts';
import type { RecordingBackend } from '../support/recording.ts';
import { requireInstalled } from '../support/system.ts';

const SECRET = 's3cret-value-of-the-user-$&{x}';

describe('secret', () => {
  it('set takes the value from stdin; list and delete know its name alone', async () => {
    const home = await createAuthHome();
    const set = await home.run(['secret', 'set', 'acme'], { input: `${SECRET}\n` });
    expect(set).toMatchObject({ code: 0, stderr: '' });
    expect(set.stdout).toBe('Stored. Write keyring:acme in the configuration.\n');
    await home.run(['secret', 'set', 'Acme.2'], { input: 'another' });
    const { value } = await home.json(['secret', 'list']);
    const changed_at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(value).toHaveLength(2);
    expect(value).toEqual(
      expect.arrayContaining([
        { name: 'acme', changed_at },
        { name: 'Acme.2', changed_at },
      ]),
    );
    const table = await home.run(['secret', 'list']);
    expect(table.stdout).toMatch(/^SECRET\s+STORE\s+CHANGED\n/);
    expect(table.stdout).toMatch(/^acme\s+file\s+\d{4}-/m);

    expect((await home.json(['secret', 'delete', 'acme'])).value).toEqual([
      { name: 'acme', changed_at },
    ]);
    expect((await home.json(['secret', 'list'])).value).toMatchObject([{ name: 'Acme.2' }]);
    const again = await home.run(['secret', 'delete', 'acme']);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('SECRET_MISSING') });
    for (const text of (await home.files()).values()) expect(text).not.toContain(SECRET);
  });

  it.each([
    ['no value', ['set', 'acme'], 'printf'],
    ['a name that is none', ['set', '../acme'], 'letters'],
  ])('refuses %s', async (_, args, hint) => {
    const home = await createAuthHome();
    const { code, stdout, stderr } = await home.run(['secret', ...args], { input: '' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(hint);
  });

  it('is typed unseen on a terminal', async (context) => {
    requireInstalled(context, 'script');
    const home = await createAuthHome();
    const { path, env } = home;
    const set = startBin(['secret', 'set', 'acme'], { home: path, env, terminal: true });
    await set.shows('Value of acme: ');
    set.type(`${SECRET}\r`);
    expect(await set.ended).toMatchObject({ code: 0 });
    expect(set.stdout).toContain('Stored.');
    expect(set.stdout).not.toContain(SECRET);
    const backend = await startBackend('api');
    await home.configure({ api: { ...backend.entry, headers: { 'X-Acme': 'keyring:acme' } } });
    expect(await home.run(['list'])).toMatchObject({ code: 0 });
    expect(headersOf(backend)[0]).toMatchObject({ 'x-acme': SECRET });
  });

  it('belongs to its profile', async () => {
    const home = await createAuthHome();
    await home.run(['secret', 'set', 'acme', '--profile=work'], { input: SECRET });
    expect((await home.json(['secret', 'list'])).value).toEqual([]);
    expect((await home.json(['secret', 'list', '--profile=work'])).value).toHaveLength(1);
  });
});

describe('keyring:NAME', () => {
  it('is filled in where it is written, and comes to nobody else', async () => {
    const home = await createAuthHome();
    const [header, key, local, other] = await Promise.all([
      startBackend('header'),
      startBackend('key'),
      startBackend('local', 'stdio'),
      startBackend('other', 'stdio'),
    ]);
    await home.run(['secret', 'set', 'acme'], { input: SECRET });
    await home.configure({
      header: { ...header.entry, headers: { 'X-Acme': 'keyring:acme' } },
      key: { ...key.entry, api_key: { header: 'X-Key', template: 'K {key}', key: 'keyring:acme' } },
      local: { ...local.entry, env: { ACME: 'keyring:acme' } },
      other: other.entry,
    });
    const client = await home.serve({ args: ['--log-level=debug'] });
    for (const name of ['header', 'key', 'local', 'other']) {
      await client.callTool(`${name}__echo`, { message: 'x' });
    }
    expect(headersOf(header)).toContainEqual(expect.objectContaining({ 'x-acme': SECRET }));
    expect(headersOf(key)).toContainEqual(expect.objectContaining({ 'x-key': `K ${SECRET}` }));
    expect(environmentOf(local)).toMatchObject({ ACME: SECRET });
    expect(JSON.stringify(environmentOf(other))).not.toContain(SECRET);
    for (const one of [local, other]) {
      expect(environmentOf(one)).not.toHaveProperty('OAUTH_ENCRYPTION_KEY');
    }

    const processes = await processTree(client.pid);
    expect(processes).toHaveLength(3);
    for (const { cmdline, environ } of processes) {
      expect(cmdline).not.toContain(SECRET);
      expect(environ.includes(SECRET)).toBe(environ.includes('ACME='));
    }
    expect(client.stderr).not.toContain(SECRET);
    for (const text of (await home.files()).values()) expect(text).not.toContain(SECRET);
  });

  it('that is not stored fails its server alone, and names the command', async () => {
    const home = await createAuthHome();
    const [needy, fine] = [await startBackend('needy'), await startBackend('fine')];
    await home.configure({
      needy: { ...needy.entry, headers: { 'X-Acme': 'keyring:acme' } },
      fine: fine.entry,
    });
    expect((await home.json(['list'])).value).toMatchObject([
      {
        state: 'error',
        error: { code: 'SECRET_MISSING', hint: 'Store it: mcp-master secret set acme' },
      },
      { state: 'ready' },
    ]);
    expect(await home.run(['call', 'needy', 'echo'])).toMatchObject({ code: 2 });
    expect(needy.lines()).not.toContainEqual(expect.objectContaining({ event: 'http' }));
  });

  it('that is stored later is seen by a running serve', async () => {
    const home = await createAuthHome();
    const needy = await startBackend('needy');
    await home.configure({ needy: { ...needy.entry, headers: { 'X-Acme': 'keyring:acme' } } });
    const client = await home.serve();
    expect(await client.listTools()).toEqual([]);
    await home.run(['secret', 'set', 'acme'], { input: SECRET });
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await client.callTool('needy__echo', { message: 'x' })).toBeDefined();
    expect(headersOf(needy).at(-1)).toMatchObject({ 'x-acme': SECRET });
  });
});

function headersOf({ lines }: RecordingBackend): Record<string, string>[] {
  return lines().flatMap(({ event, headers }) => (event === 'http' && headers ? [headers] : []));
}

function environmentOf({ lines }: RecordingBackend): unknown {
  return lines().find(({ event }) => event === 'start')?.['env'];
}
