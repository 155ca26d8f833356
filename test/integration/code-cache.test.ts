import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createChunkLoader } from '../../src/platform/chunk-loader.ts';
import { CodeCache } from '../../src/platform/code-cache.ts';
import { skipAloud } from '../support/system.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-master-test-'));
  file = join(folder, 'cache', 'code', 'serve');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ENTRY = `exports.answer = () => require('./other.cjs').six() * 7;`;
const OTHER = `exports.six = () => 6;`;

/** Loads the program of the folder as a start does; gives what it answers, and how many files were compiled. */
async function start(chunks: Record<string, string> = { 'entry.cjs': ENTRY, 'other.cjs': OTHER }) {
  for (const [name, text] of Object.entries(chunks)) await writeFile(join(folder, name), text);
  const cache = new CodeCache(file);
  let compiled = 0;
  const add = cache.add.bind(cache);
  cache.add = (...script) => {
    compiled += 1;
    add(...script);
  };
  const load = createChunkLoader(folder, createRequire(import.meta.url), cache);
  const { answer } = load('entry.cjs') as { answer(): unknown };
  const given = answer();
  cache.save();
  return { given, compiled };
}

describe('CodeCache', () => {
  it('keeps what was compiled for the next start', async () => {
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    const before = await stat(file);
    expect(await start()).toEqual({ given: 42, compiled: 0 });
    // Nothing new is nothing to write.
    expect((await stat(file)).mtimeMs).toBe(before.mtimeMs);
    expect(await readdir(join(folder, 'cache', 'code'))).toEqual(['serve']);
  });

  it('keeps what is compiled after it was saved beside what was before', async () => {
    const chunks = { 'entry.cjs': ENTRY, 'other.cjs': OTHER };
    for (const [name, text] of Object.entries(chunks)) await writeFile(join(folder, name), text);
    const cache = new CodeCache(file);
    const load = createChunkLoader(folder, createRequire(import.meta.url), cache);
    const { answer } = load('entry.cjs') as { answer(): unknown };
    cache.save();
    answer();
    cache.save();
    expect(await start(chunks)).toEqual({ given: 42, compiled: 0 });
  });

  it('is readable by its owner alone', async () => {
    await start();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'cache', 'code'))).mode & 0o777).toBe(0o700);
  });

  it('takes a source that has changed for another, however alike they are', async () => {
    await start();
    const changed = { 'entry.cjs': ENTRY, 'other.cjs': OTHER.replace('6;', '5;') };
    expect(await start(changed)).toEqual({ given: 35, compiled: 1 });
    expect(await start()).toEqual({ given: 42, compiled: 0 });
  });

  it('forgets a program that another has replaced', async () => {
    const long = `// ${'x'.repeat(50_000)}\nexports.six = () => { return 6; };`;
    await start({ 'entry.cjs': ENTRY, 'other.cjs': long });
    const next = `${ENTRY} // the next version`;
    expect(await start({ 'entry.cjs': next, 'other.cjs': OTHER })).toMatchObject({ compiled: 2 });
    // What is only loaded at times stays with its program.
    await start({ 'entry.cjs': next, 'other.cjs': long });
    expect(await start({ 'entry.cjs': next, 'other.cjs': OTHER })).toMatchObject({ compiled: 0 });
    expect(await start({ 'entry.cjs': ENTRY, 'other.cjs': OTHER })).toMatchObject({ compiled: 1 });
    expect(await start({ 'entry.cjs': next, 'other.cjs': long })).toMatchObject({ compiled: 2 });
  });

  it('is made anew wherever a byte of it is wrong', async () => {
    await start();
    const whole = await readFile(file);
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 100)) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      await writeFile(file, damaged);
      expect({ at, ...(await start()) }).toEqual({ at, given: 42, compiled: 2 });
      expect(await start()).toEqual({ given: 42, compiled: 0 });
    }
  });

  it.each([0, 1, 31, 32, 33, 36, 40, 200])(
    'is made anew when only %d bytes are left',
    async (n) => {
      await start();
      await truncate(file, n);
      expect(await start()).toEqual({ given: 42, compiled: 2 });
      expect(await start()).toEqual({ given: 42, compiled: 0 });
    },
  );

  it('is not used when others may write it', async () => {
    await start();
    for (const mode of [0o620, 0o602]) {
      await chmod(file, mode);
      expect(await start()).toEqual({ given: 42, compiled: 2 });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
  });

  it('is not used when it is of somebody else', async (context) => {
    if (process.getuid?.() !== 0) skipAloud(context, 'only root can give a file to somebody else');
    await start();
    await chown(file, 1234, 1234);
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect((await stat(file)).uid).toBe(0);
  });

  it('waits for no pipe, and replaces a link by a file', async () => {
    await mkdir(join(folder, 'cache', 'code'), { recursive: true });
    execFileSync('mkfifo', [file]);
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    const target = join(folder, 'target');
    await writeFile(target, 'mine');
    await rm(file);
    await symlink(target, file);
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await readFile(target, 'utf8')).toBe('mine');
    expect(await start()).toEqual({ given: 42, compiled: 0 });
  });

  it('does without where it can not be kept', async () => {
    await writeFile(join(folder, 'cache'), 'a file in place of the folder');
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await readFile(join(folder, 'cache'), 'utf8')).toContain('a file');
    const nowhere = new CodeCache(undefined);
    nowhere.save();
    expect(nowhere.find('x')).toBeUndefined();
  });

  it('removes what has not been written for months', async () => {
    await mkdir(join(folder, 'cache', 'code'), { recursive: true });
    const [old, young] = ['serve-v18', 'serve-v19'].map((name) =>
      join(folder, 'cache', 'code', name),
    );
    for (const path of [old, young]) await writeFile(path ?? '', '');
    await utimes(old ?? '', new Date(0), new Date(0));
    await start();
    expect([old, young].map((path) => existsSync(path ?? ''))).toEqual([false, true]);
  });
});

describe('createChunkLoader', () => {
  const loader = () =>
    createChunkLoader(folder, createRequire(import.meta.url), new CodeCache(undefined));

  it('loads as require does: once, in circles, strictly, and beside what is not of the program', async () => {
    const chunks = {
      'a.cjs': `exports.early = 1; const b = require('./b.cjs'); exports.b = b; exports.os = require('node:os');`,
      'b.cjs': `const a = require('./a.cjs'); exports.early = a.early; exports.same = () => a === require('./a.cjs');
        exports.names = [__filename, __dirname]; exports.self = (function () { return this; })();`,
    };
    for (const [name, text] of Object.entries(chunks)) await writeFile(join(folder, name), text);
    const load = loader();
    const a = load('a.cjs') as { b: { same(): boolean } };
    expect(a).toMatchObject({
      b: { early: 1, names: [join(folder, 'b.cjs'), folder], self: undefined },
      os: await import('node:os').then((os) => ({ EOL: os.EOL })),
    });
    expect(a.b.same()).toBe(true);
    expect(load('a.cjs')).toBe(a);
  });

  it('tells each time that a file is missing or fails, and where', async () => {
    await writeFile(join(folder, 'a.cjs'), `exports.x = 1;\n  throw new Error('spoilt');`);
    const load = loader();
    for (let time = 0; time < 2; time++) {
      expect(() => load('a.cjs')).toThrow('spoilt');
      expect(() => load('none.cjs')).toThrow(/ENOENT.*none\.cjs/);
    }
    const stack = await Promise.resolve()
      .then(() => load('a.cjs'))
      .catch((error: Error) => error.stack);
    expect(stack).toContain(`${join(folder, 'a.cjs')}:2:9`);
    await writeFile(join(folder, 'a.cjs'), `throw new Error('at once');`);
    const first = await Promise.resolve()
      .then(() => load('a.cjs'))
      .catch((error: Error) => error.stack);
    expect(first).toContain(`${join(folder, 'a.cjs')}:1:7`);
  });
});
