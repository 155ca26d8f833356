import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Context } from './app/context.ts';
import { EXIT } from './cli/exit-codes.ts';
import { run } from './cli/program.ts';
import { Redactor } from './log.ts';
import { createCatalogueFiles } from './platform/catalogue-files.ts';
import { createEncryptedFiles } from './platform/encrypted-files.ts';
import { createFetch } from './platform/fetch.ts';
import { findFolders } from './platform/folders.ts';
import { createHttpClient } from './platform/http-client.ts';
import { createKeychainStore } from './platform/keychain/keychain-store.ts';
import { createLockFiles } from './platform/lock-files.ts';
import { createProcesses } from './platform/processes.ts';
import { isFolder, readRegularFile, statFile } from './platform/regular-file.ts';
import { createInterrupts } from './platform/signals.ts';
import { createStateFiles } from './platform/state-files.ts';
import { claimStdout } from './platform/stdout.ts';

/** How long a reader who does not read may keep the program from its end, in milliseconds. */
const FLUSH_MS = 500;

/** Built beside this file: what talks to the keychain is a process of its own. */
const KEYCHAIN_HELPER = fileURLToPath(new URL('./keychain.js', import.meta.url));

const { env, platform } = process;
const processes = createProcesses(platform);
const interrupts = createInterrupts(() => process.exit(EXIT.interrupted));
const home = homedir();
const version = readVersion();

const context: Context = {
  version,
  env,
  platform,
  homedir: home,
  nodeFolder: dirname(process.execPath),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  terminal: {
    stdin: process.stdin.isTTY === true,
    stdout: process.stdout.isTTY === true,
    stderr: process.stderr.isTTY === true,
  },
  now: Date.now,
  redactor: new Redactor(),
  files: {
    readFile: readRegularFile,
    stat: statFile,
    env,
    platform,
    cwd: workingFolder(),
    homedir: home,
  },
  spawn: processes.spawn,
  createHttp: (proxyEnv, log) =>
    createHttpClient({ env: proxyEnv, log, userAgent: `mcp-master/${version}` }),
  createFetch,
  createStateFiles: ({ state }, log) => createStateFiles(state, log),
  createLocks: ({ state }, log) => createLockFiles(join(state, 'locks'), log),
  createSecretStore: (name, { state }, storeEnv, log) =>
    name === 'file'
      ? createEncryptedFiles({ folder: state, env: storeEnv, log })
      : createKeychainStore({
          env,
          platform,
          helper: KEYCHAIN_HELPER,
          node: process.execPath,
          log,
        }),
  // What only a login needs is loaded when there is one: `serve` has to answer fast.
  listenOnLoopback: async (options) => {
    const { listenOnLoopback } = await import('./platform/loopback-server.ts');
    return listenOnLoopback(options);
  },
  createBrowser: async (browserEnv, log) => {
    const { canOpenBrowser, createOpenBrowser } = await import('./platform/browser.ts');
    if (!canOpenBrowser(browserEnv, platform)) return undefined;
    return createOpenBrowser({ env, platform, log });
  },
  resolveHost: async (hostname) => {
    const { lookup } = await import('node:dns/promises');
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  },
  createCatalogueStore: ({ cache }, log) => createCatalogueFiles(cache, log),
  findFolders: (profile) => findFolders({ env, platform, homedir: home, profile }),
  folderExists: isFolder,
  claimStdout,
  onInterrupt: interrupts.on,
  interrupt: () => void process.kill(process.pid, 'SIGINT'),
};

// Nobody reads the log, or the results, any more: that is no reason to fail.
process.stderr.on('error', () => undefined);
process.stdout.on('error', () => undefined);
// Whatever ends this process, no server may outlive it.
process.on('exit', processes.killAll);

const exitCode = await run(process.argv.slice(2), context);
await Promise.race([flushed(), sleep(FLUSH_MS)]);
process.exit(interrupts.happened() ? EXIT.interrupted : exitCode);

/** Settles when what was written to stdout is with its reader, or can't get there. */
function flushed(): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.destroyed || process.stdout.writableLength === 0) resolve();
    else process.stdout.once('drain', resolve).once('error', () => resolve());
  });
}

/** The working folder; where that has been deleted, children could not start in it: then home. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    process.chdir(home);
    return home;
  }
}

/** From `package.json`, which lies beside both the sources and the built files. */
function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
