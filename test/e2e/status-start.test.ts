import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTempFolder,
  runBin,
  strippedEnv,
  type TempFolder,
  writeConfig,
} from '../support/bin.ts';
import { loadHook, readLoaded } from '../support/load-hook.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(() => folder.remove());

/** What a command has loaded: files of the program with their texts, and modules of Node.js. */
async function loadedBy(...args: string[]) {
  const env = strippedEnv(folder.path, loadHook(folder.path));
  const { code, stdout } = await runBin(args, { env });
  return { code, stdout, ...(await readLoaded(folder.path)) };
}

const SERVERS = {
  local: { command: 'node', args: ['server.js'] },
  remote: { url: 'https://a.example/mcp', headers: { Authorization: 'env:PATH' } },
  login: { url: 'https://b.example/mcp', auth_config: { issuer: 'https://as.example' } },
};

/** What is found in the code of a part of the program, and nowhere else. */
const PARTS = {
  commander: '_dispatchSubcommand',
  chalk: 'supportsColor',
  'jsonc-parser': 'findNodeAtLocation',
  connections: 'ServerAuth = class',
  renewals: 'TokenSource = class',
};

describe('the start of auth status', () => {
  it('loads what a plain configuration and the records of logins need, and no more', async () => {
    await writeConfig(folder.path, { servers: SERVERS });
    const { code, stdout, loaded, files, has } = await loadedBy('auth', 'status');
    expect(stdout).toMatch(/^login +delegate_oauth +login required/m);
    expect(code).toBe(4);
    expect(has('LoginIndex = class')).toBe(true);
    const parts = Object.entries(PARTS).filter(([, text]) => has(text));
    expect(parts).toEqual([]);
    // Each file takes its time to be found, however small it is.
    expect(files.length).toBeLessThan(8);
    expect(loaded).not.toContain('node:http');
    expect(loaded).not.toContain('node:child_process');
  });

  it('loads the others when they are needed', async () => {
    const config = join(folder.path, 'config.jsonc');
    await writeFile(config, `// mine\n${JSON.stringify({ servers: SERVERS })}`, { mode: 0o600 });
    const status = await loadedBy('--json', 'auth', 'status', '--check', '--server=local');
    const missing = Object.entries(PARTS).filter(([, text]) => !status.has(text));
    // Colours are for terminals.
    expect(missing.map(([name]) => name)).toEqual(['chalk']);
    expect(JSON.parse(status.stdout)).toMatchObject([{ server: 'local', state: 'not_needed' }]);
  });
});
