import { homedir } from 'node:os';
import { join } from 'node:path';
import { readPlainCommand } from './cli/plain-command.ts';
import { createChunkLoader } from './platform/chunk-loader.ts';
import { CodeCache, codeFile } from './platform/code-cache.ts';
import { findFolders } from './platform/folders.ts';

/** When what is called at a start has been called; a client may end this process at any time without a word. */
const STARTED_MS = 5000;

const PROGRAM = './program.cjs';
const { argv, env, platform } = process;

const codeCache = openCodeCache();
if (codeCache === undefined) require(PROGRAM);
else {
  createChunkLoader(__dirname, require, codeCache)(PROGRAM);
  // After the listeners of the program, which end what it has started.
  process.on('exit', () => codeCache.save());
  setTimeout(() => codeCache.save(), STARTED_MS).unref();
}

/** Undefined where Node.js is to load the program itself. */
function openCodeCache(): CodeCache | undefined {
  // Node.js's own switch for such a cache; and what counts the characters of the files counts none of ours.
  if (env['NODE_DISABLE_COMPILE_CACHE'] || env['NODE_V8_COVERAGE']) return undefined;
  try {
    // Each command calls other functions of the same files.
    const command = readPlainCommand(argv.slice(2))?.name.replace(' ', '-') ?? 'other';
    const { cache } = findFolders({ env, platform, homedir: homedir(), profile: '' });
    return new CodeCache(codeFile(join(cache, 'code'), command));
  } catch {
    // There is no working folder, or nobody's home: the program says so itself.
    return undefined;
  }
}
