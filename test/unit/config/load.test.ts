import { describe, expect, it } from 'vitest';
import { checkConfig, loadConfig } from '../../../src/config/load.ts';
import { check, checkJson, configOf, lines, warnings, worldOf } from './support.ts';

const A = 'a: { url: "https://a.example/" }';

describe('the configuration file', () => {
  it.each(['config.yaml', 'config.yml', 'config.json', 'config.jsonc'])(
    'is %s in the configuration folder',
    async (name) => {
      const file = `/etc/mm/${name}`;
      const text = name.includes('json') ? '{"a":{"url":"https://a.example/"}}' : A;
      const config = await loadConfig({ folder: '/etc/mm' }, worldOf({ files: { [file]: text } }));
      expect(config).toMatchObject({ file, folder: '/etc/mm', servers: [{ name: 'a' }] });
    },
  );

  it.each([
    ['my.yaml', '/srv/my.yaml'],
    ['../my.yaml', '/my.yaml'],
    ['~/my.yaml', '/home/ann/my.yaml'],
    ['/my.yaml', '/my.yaml'],
  ])('named %s is %s, whatever is in the folder', async (file, absolute) => {
    const files = { [absolute]: A, '/etc/mm/config.yaml': 'b: { command: x }' };
    const config = await loadConfig({ file, folder: '/etc/mm' }, worldOf({ files }));
    expect(config).toMatchObject({ file: absolute, folder: '/etc/mm', servers: [{ name: 'a' }] });
  });

  it('need not be there', async () => {
    const config = await loadConfig({ folder: 'mm' }, worldOf({ env: { A: '1' } }));
    expect(config).toStrictEqual({
      file: undefined,
      folder: '/srv/mm',
      servers: [],
      rejected: [],
      problems: [],
      serve: {
        browser: 'on_call',
        loginWait: 50,
        builtinTools: true,
        firstListWait: 10,
        nameLimit: 47,
        logLevel: 'info',
      },
      tokens: { store: undefined },
      masterOauth: undefined,
      secretRefs: [],
      secrets: [],
      env: { A: '1' },
    });
  });

  it('may not be two', async () => {
    const files = { '/etc/mm/config.yaml': A, '/etc/mm/config.json': '{}' };
    await expect(loadConfig({ folder: '/etc/mm' }, worldOf({ files }))).rejects.toMatchObject({
      name: 'McpMasterError',
      code: 'CONFIG_INVALID',
      message:
        'there are several configuration files, expected one (or --config): /etc/mm/config.yaml, /etc/mm/config.json',
    });
  });

  it.each([
    ['ENOENT', 'the file does not exist'],
    ['EACCES', 'the file may not be read (permission denied)'],
    ['EISDIR', 'this is a folder, expected a file'],
    ['EIO', "the file can't be read (EIO)"],
  ])('that gives %s is named, with the reason', async (code, reason) => {
    const deps = {
      ...worldOf({}),
      readFile: () => {
        throw Object.assign(new Error('secret detail'), { code });
      },
    };
    await expect(loadConfig({ file: 'x.yaml', folder: '/etc/mm' }, deps)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `/srv/x.yaml: ${reason}`,
      hint: expect.stringContaining('--config'),
    });
  });

  it('that can not be parsed stops the program with every line', async () => {
    const files = { '/etc/mm/config.json': '{"a": {"url": 1, "url": 2},\n"a": 3}' };
    await expect(loadConfig({ folder: '/etc/mm' }, worldOf({ files }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        '/etc/mm/config.json:1: the key "url" is on line 1 already\n/etc/mm/config.json:2: the key "a" is on line 1 already',
    });
  });

  it('with wrong entries loads, without them', async () => {
    const files = { '/etc/mm/config.yaml': `${A}\nb: { url: 5 }\n` };
    const config = await loadConfig({ folder: '/etc/mm' }, worldOf({ files }));
    expect(config.servers.map(({ name }) => name)).toStrictEqual(['a']);
    expect(config.rejected).toStrictEqual([{ name: 'b', problems: config.problems }]);
    expect(lines(config.problems)).toStrictEqual([
      'error CONFIG_INVALID 2 b.url: server b: url: expected a URL, got 5',
    ]);
  });

  it.each([0o100644, 0o100640, 0o100660, 0o100601])(
    'with a secret in it should not have the mode %o',
    async (mode) => {
      const entry = { a: { url: 'https://a.example/', headers: { Authorization: 'Bearer abc' } } };
      const found = warnings(await checkJson(entry, { mode }));
      expect(found).toHaveLength(2);
      expect(found[0]).toBe(
        'warning CONFIG_INVALID - : other users may read /etc/mm/config.json, which has secrets in it',
      );
      expect(warnings(await checkJson(entry, { mode: 0o100600 }))).toHaveLength(1);
      const harmless = { a: { url: 'https://a.example/', headers: { 'X-Team': 'core' } } };
      expect(warnings(await checkJson(harmless, { mode }))).toStrictEqual([]);
    },
  );

  it('has no such mode on Windows', async () => {
    const text = '{"a":{"url":"https://a.example/","headers":{"Authorization":"Bearer abc"}}}';
    const files = { 'C:\\mm\\config.json': text };
    const deps = worldOf({ files, mode: 0o100666, platform: 'win32' });
    expect(warnings(await checkConfig({ folder: 'C:\\mm' }, deps))).toHaveLength(1);
  });

  it('may be empty, with a warning', async () => {
    for (const [text, ending] of [
      ['', 'yaml'],
      ['# nothing yet\n', 'yaml'],
      ['', 'json'],
    ] as const) {
      const result = await check(text, ending);
      expect(configOf(result).servers).toStrictEqual([]);
      expect(warnings(result)).toStrictEqual(['warning CONFIG_INVALID 1 : the file is empty']);
    }
  });
});
