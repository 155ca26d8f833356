import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { type CodeCache, digestOf } from './code-cache.ts';

/** What a CommonJS module is called with, as by Node.js; strict, as modules of ECMAScript are. */
const START = Buffer.from(
  "(function (exports, require, module, __filename, __dirname) { 'use strict'; ",
);
const END = Buffer.from('\n})');

type ModuleFunction = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  filename: string,
  folder: string,
) => void;

/**
 * Loads files of the built program, CommonJS modules beside each other, as `require` does, but with what is
 * kept of them in a {@link CodeCache}. They have no `import()`. Throws what a module throws.
 *
 * @param requireOther loads all else: the `require` of Node.js
 */
export function createChunkLoader(
  folder: string,
  requireOther: (id: string) => unknown,
  cache: CodeCache,
): (id: string) => unknown {
  const modules = new Map<string, { exports: object }>();
  const requireAny = (id: string): unknown =>
    id.startsWith('./') ? load(id.slice(2)) : requireOther(id);

  function load(name: string): object {
    const loaded = modules.get(name);
    if (loaded !== undefined) return loaded.exports;
    const module = { exports: {} };
    modules.set(name, module);
    try {
      const filename = join(folder, name);
      const run = compile(filename, cache);
      run.call(module.exports, module.exports, requireAny, module, filename, folder);
    } catch (error) {
      // Half of it is no module: whoever asks again is told again.
      modules.delete(name);
      throw error;
    }
    return module.exports;
  }
  return requireAny;
}

function compile(filename: string, cache: CodeCache): ModuleFunction {
  // Put together as bytes: a text that has parts is copied once more.
  const source = Buffer.concat([START, readFileSync(filename), END]);
  const digest = digestOf(source);
  const cachedData = cache.find(digest);
  const script = new Script(source.toString('utf8'), {
    filename,
    columnOffset: -START.length,
    cachedData,
  });
  cache.add(digest, script, script.cachedDataRejected !== false);
  // The script is that one function.
  return script.runInThisContext() as ModuleFunction;
}
