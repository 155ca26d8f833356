import { availableParallelism, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };
import type { Context } from './app/context.ts';
import type { Environment } from './config/config.ts';
import { Redactor } from './log.ts';
import { createCatalogueFiles } from './platform/catalogue-files.ts';
import { findFolders } from './platform/folders.ts';
import {
  fetchOnDemand,
  httpClientOnDemand,
  locksOnDemand,
  processesOnDemand,
  secretStoreOnDemand,
} from './platform/on-demand.ts';
import type { Processes } from './platform/processes.ts';
import { isFolder, readRegularFile, statFile } from './platform/regular-file.ts';
import { createInterrupts, type Interrupts } from './platform/signals.ts';
import { createStateFiles } from './platform/state-files.ts';
import { openResults, openStderr, terminal } from './platform/stdout.ts';

/** Of the files that were built, and not of those that have taken their place while this runs. */
const { version } = manifest;

/** The real world, and what its owner has to know of it. */
export interface NodeContext {
  context: Context;
  /** The children that the context's `spawn` has started. */
  processes: Pick<Processes, 'killAll'>;
  interrupts: Pick<Interrupts, 'happened'>;
}

/**
 * The world of a process of Node.js. What most commands can do without is loaded when it is used.
 *
 * @param onSecondInterrupt called when the program is told to end again before it has obeyed
 * @param own an environment in place of that of the process
 */
export function createNodeContext(onSecondInterrupt: () => void, own?: Environment): NodeContext {
  const { env: inherited, platform } = process;
  const env = own ?? inherited;
  const processes = processesOnDemand(platform);
  const interrupts = createInterrupts(onSecondInterrupt);
  const home = homedir();
  const context: Context = {
    version,
    env,
    platform,
    homedir: home,
    nodeFolder: dirname(process.execPath),
    processors: availableParallelism(),
    // Opening it takes time, and keeps the terminal's input from whoever comes next.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return openResults();
    },
    get stderr() {
      return openStderr();
    },
    terminal,
    now: Date.now,
    redactor: new Redactor(),
    files: {
      readFile: readRegularFile,
      stat: statFile,
      env,
      platform,
      cwd: workingFolder(home),
      homedir: home,
    },
    spawn: processes.spawn,
    createHttp: (proxyEnv, log) =>
      httpClientOnDemand({ env: proxyEnv, log, userAgent: `mcp-master/${version}` }),
    createFetch: fetchOnDemand,
    createStateFiles: ({ state }, log) => createStateFiles(state, log),
    createLocks: ({ state }, log) => locksOnDemand(join(state, 'locks'), log),
    createSecretStore: (name, { state }, storeEnv, log) =>
      secretStoreOnDemand(name, {
        files: { folder: state, env: storeEnv, log },
        keychain: { env, platform, helper: keychainHelper(), node: process.execPath, log },
      }),
    ...loginDoors(env, platform),
    createCatalogueStore: ({ cache }, log) => createCatalogueFiles(cache, log),
    findFolders: (profile) => findFolders({ env, platform, homedir: home, profile }),
    folderExists: isFolder,
    claimStdout: async () => {
      const { claimStdout } = await import('./platform/claim-stdout.ts');
      return claimStdout();
    },
    onInterrupt: interrupts.on,
    interrupt: () => void process.kill(process.pid, 'SIGINT'),
  };
  return { context, processes, interrupts };
}

/** What only a login needs, loaded when there is one. */
function loginDoors(
  env: Environment,
  platform: NodeJS.Platform,
): Pick<Context, 'listenOnLoopback' | 'createBrowser' | 'resolveHost'> {
  return {
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
  };
}

/** The working folder; where that has been deleted, children could not start in it: then home. */
function workingFolder(home: string): string {
  try {
    return process.cwd();
  } catch {
    process.chdir(home);
    return home;
  }
}

/** Built beside this file: what talks to the keychain is a process of its own. */
function keychainHelper(): string {
  return fileURLToPath(new URL('./keychain.js', import.meta.url));
}
