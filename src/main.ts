import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import type { Context } from './cli/context.ts';
import { EXIT } from './cli/exit-codes.ts';
import { run } from './cli/program.ts';
import { Redactor } from './log.ts';
import { createCatalogueFiles } from './platform/catalogue-files.ts';
import { findFolders } from './platform/folders.ts';
import { createHttpClient } from './platform/http-client.ts';
import { createProcesses } from './platform/processes.ts';
import { createInterrupts } from './platform/signals.ts';
import { claimStdout } from './platform/stdout.ts';

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
  terminal: { stdout: process.stdout.isTTY === true, stderr: process.stderr.isTTY === true },
  now: Date.now,
  redactor: new Redactor(),
  files: {
    readFile: (path) => readFileSync(path, 'utf8'),
    stat: (path) => statSync(path, { throwIfNoEntry: false }),
    env,
    platform,
    cwd: process.cwd(),
    homedir: home,
  },
  spawn: processes.spawn,
  createHttp: (proxyEnv, log) =>
    createHttpClient({ env: proxyEnv, log, userAgent: `mcp-master/${version}` }),
  createCatalogueStore: ({ cache }, log) => createCatalogueFiles(cache, log),
  findFolders: (profile) => findFolders({ env, platform, homedir: home, profile }),
  folderExists: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  claimStdout,
  onInterrupt: interrupts.on,
};

// Whatever ends this process, no server may outlive it.
process.on('exit', processes.killAll);

const exitCode = await run(process.argv.slice(2), context);
if (process.stdout.writableLength > 0) await once(process.stdout, 'drain');
process.exit(interrupts.happened() ? EXIT.interrupted : exitCode);

/** From `package.json`, which lies beside both the sources and the built files. */
function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
