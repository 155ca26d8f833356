import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createChunkLoader } from '../../src/platform/chunk-loader.ts';
import { CodeCache, codeFile } from '../../src/platform/code-cache.ts';
import { requireInstalled, skipAloud } from '../support/system.ts';

// Else V8 remembers what this process has compiled, and looks at nothing that is kept.
setFlagsFromString('--no-compilation-cache');

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-master-test-'));
  file = codeFile(join(folder, 'cache', 'code'), 'serve');
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
  cache.add = (digest, script, isNew) => {
    compiled += Number(isNew);
    add(digest, script, isNew);
  };
  const load = createChunkLoader(folder, createRequire(import.meta.url), cache);
  const { answer } = load('./entry.cjs') as { answer(): unknown };
  const given = answer();
  cache.save();
  return { given, compiled };
}

describe('CodeCache', () => {
  it('keeps what was compiled for the next start', async () => {
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await start()).toEqual({ given: 42, compiled: 0 });
    expect(await readdir(join(folder, 'cache', 'code'))).toEqual([basename(file)]);
  });

  it('keeps of the first few runs what each has called, and is not written after them', async () => {
    const many = Array.from({ length: 200 }, (_, i) => `case ${i}: return (x) => x + ${i};`);
    const other = (n: number) => ({
      'entry.cjs': `exports.answer = () => require('./other.cjs').pick(globalThis.PICKED)(1);`,
      'other.cjs': `exports.pick = (n) => { switch (n) { ${many.join('')} } }; // ${n}`,
    });
    const size = async (picked: number) => {
      Object.assign(globalThis, { PICKED: picked });
      expect(await start(other(0))).toMatchObject({ given: picked + 1 });
      return (await stat(file)).size;
    };
    const first = await size(0);
    expect(await size(1)).toBeGreaterThan(first);
    const sizes = [await size(2), await size(3), await size(4)];
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    const { mtimeMs } = await stat(file);
    await size(5);
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
    // The program that replaces it has its own first runs.
    const next = (n: number) => ({ ...other(n), 'entry.cjs': `${other(n)['entry.cjs']} // next` });
    Object.assign(globalThis, { PICKED: 0 });
    await start(next(1));
    const fresh = (await stat(file)).size;
    Object.assign(globalThis, { PICKED: 6 });
    expect(await start(next(1))).toEqual({ given: 7, compiled: 0 });
    expect((await stat(file)).size).toBeGreaterThan(fresh);
  });

  it('is made anew when V8 refuses it', async () => {
    await start();
    const bytes = await readFile(file);
    const content = bytes.subarray(32);
    // The first bytes of what V8 has made tell its version and flags.
    const at = 4 + content.readUInt32LE();
    content[at] = (content[at] ?? 0) ^ 0x55;
    createHash('sha256').update(content).digest().copy(bytes);
    await writeFile(file, bytes);
    expect(await start()).toEqual({ given: 42, compiled: 1 });
    expect(await start()).toEqual({ given: 42, compiled: 0 });
  });

  it('keeps what is compiled after it was saved beside what was before', async () => {
    const chunks = { 'entry.cjs': ENTRY, 'other.cjs': OTHER };
    for (const [name, text] of Object.entries(chunks)) await writeFile(join(folder, name), text);
    const cache = new CodeCache(file);
    const load = createChunkLoader(folder, createRequire(import.meta.url), cache);
    const { answer } = load('./entry.cjs') as { answer(): unknown };
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

  it('is not used in a folder that others may write', async () => {
    await start();
    await chmod(join(folder, 'cache', 'code'), 0o777);
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await start()).toEqual({ given: 42, compiled: 2 });
  });

  it('makes no folder in what is of somebody else', async (context) => {
    if (process.getuid?.() !== 0)
      skipAloud(context, 'only root can give a folder to somebody else');
    await mkdir(join(folder, 'cache'));
    await chown(join(folder, 'cache'), 1234, 1234);
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });

  it('makes its own two folders, and none above them', async () => {
    file = codeFile(join(folder, 'home', 'cache', 'code'), 'serve');
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await readdir(folder)).not.toContain('home');
    await mkdir(join(folder, 'home'));
    await start();
    expect(await readdir(join(folder, 'home', 'cache', 'code'))).toEqual([basename(file)]);
  });

  it('ends where no folder can be made', async (context) => {
    requireInstalled(context, '/proc/self');
    await symlink('/proc', join(folder, 'cache'));
    expect(await start()).toEqual({ given: 42, compiled: 2 });
  });

  it('leaves nothing behind where it can not be put in its place', async () => {
    await mkdir(join(file, 'in its place'), { recursive: true });
    expect(await start()).toEqual({ given: 42, compiled: 2 });
    expect(await readdir(join(folder, 'cache', 'code'))).toEqual([basename(file)]);
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
  });

  it('removes files of ours that have not been written for months, and what killed writers left', async () => {
    const code = join(folder, 'cache', 'code');
    await mkdir(code, { recursive: true, mode: 0o700 });
    const hex = '0123456789ab';
    const uuid = '01234567-89ab-cdef-0123-456789abcdef';
    const hour = Date.now() - 2 * 3_600_000;
    const ages = new Map([
      [`serve-v18.0.0-x64-${hex}`, 0],
      [`serve-v19.0.0-x64-${hex}.${uuid}`, hour],
      ['my-notes.txt', 0],
      [`serve-v20.0.0-x64-${hex}`, hour],
      [`serve-v20.0.0-x64-${hex}.${uuid}`, Date.now()],
    ]);
    for (const [name, time] of ages) {
      await writeFile(join(code, name), '');
      await utimes(join(code, name), new Date(time), new Date(time));
    }
    await symlink(join(code, 'loop'), join(code, 'loop'));
    await start();
    const kept = [...ages.keys()].slice(2);
    expect((await readdir(code)).toSorted()).toEqual([...kept, 'loop', basename(file)].toSorted());
  });
});

describe('codeFile', () => {
  it('is another one for other options of Node.js', () => {
    const { execArgv, env } = process;
    const before = codeFile(folder, 'serve');
    try {
      process.execArgv = [...execArgv, '--jitless'];
      expect(codeFile(folder, 'serve')).not.toBe(before);
      process.execArgv = execArgv;
      process.env = { ...env, NODE_OPTIONS: '--max-old-space-size=512' };
      expect(codeFile(folder, 'serve')).not.toBe(before);
    } finally {
      process.execArgv = execArgv;
      process.env = env;
    }
    expect(codeFile(folder, 'serve')).toBe(before);
    expect(codeFile(folder, 'other')).not.toBe(before);
  });
});

describe('createChunkLoader', () => {
  const loader = () =>
    createChunkLoader(folder, createRequire(import.meta.url), new CodeCache(file));

  it('loads as require does: once, in circles, strictly, and beside what is not of the program', async () => {
    const chunks = {
      'a.cjs': `exports.early = 1; const b = require('./b.cjs'); exports.b = b; exports.os = require('node:os');`,
      'b.cjs': `const a = require('./a.cjs'); exports.early = a.early; exports.same = () => a === require('./a.cjs');
        exports.names = [__filename, __dirname]; exports.self = (function () { return this; })();`,
    };
    for (const [name, text] of Object.entries(chunks)) await writeFile(join(folder, name), text);
    const load = loader();
    const a = load('./a.cjs') as { b: { same(): boolean } };
    expect(a).toMatchObject({
      b: { early: 1, names: [join(folder, 'b.cjs'), folder], self: undefined },
      os: await import('node:os').then((os) => ({ EOL: os.EOL })),
    });
    expect(a.b.same()).toBe(true);
    expect(load('./a.cjs')).toBe(a);
  });

  it('tells each time that a file is missing or fails, and where', async () => {
    await writeFile(join(folder, 'a.cjs'), `exports.x = 1;\n  throw new Error('spoilt');`);
    const load = loader();
    for (let time = 0; time < 2; time++) {
      expect(() => load('./a.cjs')).toThrow('spoilt');
      expect(() => load('./none.cjs')).toThrow(/ENOENT.*none\.cjs/);
    }
    const stack = await Promise.resolve()
      .then(() => load('./a.cjs'))
      .catch((error: Error) => error.stack);
    expect(stack).toContain(`${join(folder, 'a.cjs')}:2:9`);
    await writeFile(join(folder, 'a.cjs'), `throw new Error('at once');`);
    const first = await Promise.resolve()
      .then(() => load('./a.cjs'))
      .catch((error: Error) => error.stack);
    expect(first).toContain(`${join(folder, 'a.cjs')}:1:7`);
  });
});
