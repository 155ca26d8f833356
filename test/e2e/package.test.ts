import { type ChildProcessByStdio, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTempFolder, strippedEnv, type TempFolder, writeConfig } from '../support/bin.ts';
import { startProtectedServer } from '../support/oauth/protected-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import type { TokenChecker } from '../support/oauth/token-checker.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const NODE_TYPES = join(ROOT, 'node_modules', '@types', 'node');

const CLIENT = { name: 'package-test', version: '1.0.0' };
const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT };
const INITIALIZE = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: PARAMS })}\n`;

/** Packing and installing go to the registry, or to npm's cache of it. */
const INSTALL_MS = 240_000;

let folder: TempFolder;
/** The folder of a project that has the packed package as its only dependency. */
let project: string;

async function run(command: string, args: string[], options: { cwd?: string; home?: string } = {}) {
  const { cwd = project, home } = options;
  const env = home === undefined ? process.env : strippedEnv(home);
  return promisify(execFile)(command, args, { cwd, env });
}

beforeAll(async () => {
  folder = await createTempFolder();
  project = join(folder.path, 'project');
  await mkdir(project);
  // The package is built already, and other tests are using it.
  const pack = ['pack', '--ignore-scripts', '--json', `--pack-destination=${folder.path}`];
  const { stdout } = await run(NPM, pack, { cwd: ROOT });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const quiet = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await run(NPM, ['install', ...quiet, join(folder.path, filename)]);
}, INSTALL_MS);

afterAll(() => folder.remove());

/** Starts a program that serves a client at stdin, and does something more when it is told to. */
async function startServing(more: string) {
  const home = await createTempFolder();
  await writeConfig(home.path, { servers: {} });
  const program = join(home.path, 'serve.mjs');
  const library = join(project, 'node_modules', 'mcp-master', 'dist', 'index.js');
  await writeFile(
    program,
    `import { MasterServer } from ${JSON.stringify(pathToFileURL(library))};
    const master = new MasterServer();
    process.once('message', async () => {
      process.disconnect();
      ${more};
    });
    await master.serve();`,
  );
  const child = fork(program, { env: strippedEnv(home.path), silent: true });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    await home.remove();
  });
  // With `silent` all three are pipes.
  const { stdin, stdout, stderr } = child as ChildProcessByStdio<Writable, Readable, Readable>;
  return { child, stdin, stdout, stderr, exited };
}

describe('the packed package, installed in another project', () => {
  it('has the program', async () => {
    const bin = join(project, 'node_modules', '.bin', 'mcp-master');
    const { stdout } = await run(bin, ['--version'], { home: folder.path });
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect(stdout).toBe(`${version}\n`);
  });

  it('has the schema of the configuration under its own name', async () => {
    const { resolve } = createRequire(join(project, 'package.json'));
    const schema = JSON.parse(await readFile(resolve('mcp-master/config.schema.json'), 'utf8'));
    expect(schema.properties).toHaveProperty('servers');
  });

  it('is a library: a strategy of one’s own, an in-memory client, and a process that ends', async () => {
    const tokens: TokenChecker = {
      issuer: 'https://login.example.com',
      check: async (token) =>
        token === 'fresh'
          ? { clientId: 'library', subject: 'ada', scopes: ['mcp:read'], audience: undefined }
          : undefined,
    };
    const server = await untilTestEnds(
      startProtectedServer({ authorizationServer: tokens, audience: 'any' }),
    );
    const config = await writeConfig(folder.path, { servers: { notes: { url: server.url.href } } });
    const program = join(project, 'use-library.mjs');
    await copyFile(join(ROOT, 'test', 'support', 'package', 'use-library.mjs'), program);
    const args = [program, config, 'notes'];
    const { stdout, stderr } = await run(process.execPath, args, { home: folder.path });
    expect(JSON.parse(stdout)).toMatchObject({ clientId: 'library', subject: 'ada' });
    expect(stderr).toBe('');
    expect(server.authorizations()).toEqual(['Bearer stale', 'Bearer fresh']);
  });

  it('serves a client at stdin and stdout, which nothing else reaches, until it goes', async () => {
    const { child, stdin, stdout, stderr, exited } = await startServing("console.log('elsewhere')");
    const [out, err] = [text(stdout), text(stderr)];
    stdin.write(INITIALIZE);
    await once(stdout, 'data');
    child.send('now');
    await once(stderr, 'data');
    stdin.end();
    expect(await exited).toEqual([0, null]);
    const answer = JSON.parse(await out);
    expect(answer).toMatchObject({ id: 1, result: { serverInfo: { name: 'mcp-master' } } });
    expect(await err).toBe('elsewhere\n');
  });

  it('lets the program end when it is closed, although the client is still there', async () => {
    const { child, stdin, stdout, exited } = await startServing('await master.close()');
    stdin.write(INITIALIZE);
    await once(stdout, 'data');
    child.send('now');
    expect(await exited).toEqual([0, null]);
  });

  it('does nothing when it is imported', async () => {
    const program = join(project, 'import.mjs');
    await writeFile(
      program,
      `const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
      const library = await import('mcp-master');
      const after = process.eventNames().map((name) => [name, process.listenerCount(name)]);
      console.log(JSON.stringify({ before, after, names: Object.keys(library) }));`,
    );
    // Its stdin stays open: a program that read from it would not end.
    const { stdout } = await run(process.execPath, [program]);
    const { before, after, names } = JSON.parse(stdout);
    expect(after).toEqual(before);
    expect(names).toEqual([
      'MasterServer',
      'McpMasterError',
      'MultiAuthManager',
      'OAuthFlowController',
      'loadConfig',
    ]);
  });
});

describe('the types', () => {
  /** What the compiler says of these files as a strict project. */
  async function compile(files: Record<string, string>, options: object): Promise<string> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
    const compilerOptions = { strict: true, noEmit: true, target: 'ES2022', ...options };
    const settings = JSON.stringify({ compilerOptions, files: Object.keys(files) });
    await writeFile(join(project, 'tsconfig.json'), settings);
    const compiled = run(process.execPath, [TSC, '-p', '.']);
    return (await compiled.catch((failed: { stdout: string }) => failed)).stdout;
  }

  /** The examples of docs/library.md, each as a file. */
  async function documented(): Promise<Record<string, string>> {
    const page = await readFile(join(ROOT, 'docs', 'library.md'), 'utf8');
    const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
    return Object.fromEntries(blocks.map(([, text = ''], at) => [`example-${at}.ts`, text]));
  }

  it.each([
    ['NodeNext', { module: 'NodeNext', moduleResolution: 'NodeNext' }],
    ['a bundler', { module: 'ESNext', moduleResolution: 'Bundler' }],
  ])('fit the documented examples, as resolved by %s', async (_, options) => {
    const examples = await documented();
    expect(Object.keys(examples)).toHaveLength(4);
    // The SDK's own types are not ours to check.
    const more = { types: [NODE_TYPES], exactOptionalPropertyTypes: true, skipLibCheck: true };
    expect(await compile(examples, { ...options, ...more })).toBe('');
  });

  it('are whole, and need nothing but those of Fetch', async () => {
    const options = { module: 'ESNext', moduleResolution: 'Bundler', lib: ['ES2022', 'DOM'] };
    const all = { 'all.ts': `export * from 'mcp-master';\n` };
    expect(await compile(all, { ...options, types: [] })).toBe('');
  });

  it('tell a wrong use', async () => {
    const wrong = `import { MultiAuthManager } from 'mcp-master';
      new MultiAuthManager().registerServerAuth('notes', 'oauth3');\n`;
    const options = { module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true };
    expect(await compile({ 'wrong.ts': wrong }, options)).toContain('TS2345');
  });
});
