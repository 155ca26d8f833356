/** The configuration of the demo: three servers over stdio and one over HTTP. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** Absolute path of the program of a reference server, as installed here. */
function program(name) {
  return require.resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);
}

/**
 * Desktop clients start programs without the user's PATH, so every path is absolute.
 * @param {{ folder: string, memory: string, url: string }} places what filesystem may read and
 *   write, the file of memory, and where the HTTP server is
 */
export function demoConfig({ folder, memory, url }) {
  const node = process.execPath;
  return {
    servers: {
      everything: { command: node, args: [program('everything'), 'stdio'] },
      files: { command: node, args: [program('filesystem'), folder] },
      memory: { command: node, args: [program('memory')], env: { MEMORY_FILE_PATH: memory } },
      remote: { url, transport: 'http', auth_strategy: 'bypass_auth' },
    },
  };
}

/** The same for keeping: folders that stay; the HTTP server is off, since nothing starts it. */
export function savedConfig() {
  const documents = join(os.homedir(), 'Documents');
  const { servers } = demoConfig({
    folder: existsSync(documents) ? documents : os.homedir(),
    memory: join(os.homedir(), 'mcp-master-memory.jsonl'),
    url: 'http://127.0.0.1:3001/mcp',
  });
  return { servers: { ...servers, remote: { ...servers.remote, enabled: false } } };
}
