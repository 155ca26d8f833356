import { homedir } from 'node:os';
import { join } from 'node:path';
import { readPlainCommand } from './cli/plain-command.ts';
import { createChunkLoader } from './platform/chunk-loader.ts';
import { CodeCache } from './platform/code-cache.ts';
import { findFolders } from './platform/folders.ts';

/** When what is called at a start has been called; a client may end this process at any time without a word. */
const STARTED_MS = 5000;

const { argv, env, platform, version, arch } = process;

// Each command calls other functions of the same files.
const command = readPlainCommand(argv.slice(2))?.name.replace(' ', '-') ?? 'other';
const { cache } = findFolders({ env, platform, homedir: homedir(), profile: '' });
// Node.js's own switch for such a cache.
const file = env['NODE_DISABLE_COMPILE_CACHE']
  ? undefined
  : join(cache, 'code', `${command}-${version}-${arch}`);
const codeCache = new CodeCache(file);
process.on('exit', () => codeCache.save());
setTimeout(() => codeCache.save(), STARTED_MS).unref();
createChunkLoader(__dirname, require, codeCache)('program.cjs');
