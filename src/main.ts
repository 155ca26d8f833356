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

// Node.js's own switch for such a cache; and what counts the characters of the files counts none of ours.
if (env['NODE_DISABLE_COMPILE_CACHE'] || env['NODE_V8_COVERAGE']) require(PROGRAM);
else loadWithCache();

function loadWithCache(): void {
  // Each command calls other functions of the same files.
  const command = readPlainCommand(argv.slice(2))?.name.replace(' ', '-') ?? 'other';
  const { cache } = findFolders({ env, platform, homedir: homedir(), profile: '' });
  const codeCache = new CodeCache(codeFile(join(cache, 'code'), command));
  createChunkLoader(__dirname, require, codeCache)(PROGRAM);
  // After the listeners of the program, which end what it has started.
  process.on('exit', () => codeCache.save());
  setTimeout(() => codeCache.save(), STARTED_MS).unref();
}
