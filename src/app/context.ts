import type { Readable, Writable } from 'node:stream';
import type { Spawn } from '../backend/child-process.ts';
import type { HttpClient } from '../backend/http.ts';
import type { Environment } from '../config/config.ts';
import type { ConfigDeps } from '../config/locate.ts';
import type { Logger, Redactor } from '../log.ts';
import type { ListenOnLoopback, OpenBrowser } from '../oauth/doors.ts';
import type { Fetch } from '../oauth/fetch.ts';
import type { Locks } from '../oauth/store/locks.ts';
import type { SecretStore, StoreName } from '../oauth/store/secret-store.ts';
import type { StateFiles } from '../oauth/store/state-files.ts';
import type { CatalogueStore } from '../proxy/catalogue.ts';

/** Where the files of one user, or of one of that user's profiles, are. Absolute paths. */
export interface Folders {
  /** The name of the profile; '' = none. */
  profile: string;
  /** That of `MCP_MASTER_HOME`; '' = the user's usual folders. */
  home: string;
  /** The configuration file and the `.env` beside it. */
  config: string;
  /** What must not be lost. */
  state: string;
  /** What can be made again. */
  cache: string;
}

/** Where texts go for whoever reads them. */
export interface TextOutput {
  /** Throws when the reader can't get it; that there is none any more is no fault. */
  write(text: string): unknown;
  /** The characters of a line, on a terminal. */
  columns?: number;
}

/** The world as the commands see it: `node-context.ts` makes the real one, a test its own. */
export interface Context {
  version: string;
  /** Of the process, without what a `.env` file adds. */
  env: Environment;
  platform: NodeJS.Platform;
  homedir: string;
  /** Where the running Node.js is: `npx` lies beside it, also when no PATH says so. */
  nodeFolder: string;
  /** How many threads the computer can run at the same time. */
  processors: number;
  stdin: Readable;
  /** Results, and nothing else. */
  stdout: TextOutput;
  stderr: Writable;
  /** Whether a person reads there. */
  terminal: { stdin: boolean; stdout: boolean; stderr: boolean };
  now(): number;
  /** Knows the secrets of the configuration once that is loaded. */
  redactor: Redactor;
  files: ConfigDeps;
  spawn: Spawn;
  /** An HTTP client with the proxies of an environment. */
  createHttp(env: Environment, log: Logger): HttpClient;
  createCatalogueStore(folders: Folders, log: Logger): CatalogueStore;
  createFetch(http: HttpClient): Fetch;
  createStateFiles(folders: Folders, log: Logger): StateFiles;
  createLocks(folders: Folders, log: Logger): Locks;
  /** @param env where the key of the encrypted files is */
  createSecretStore(name: StoreName, folders: Folders, env: Environment, log: Logger): SecretStore;
  listenOnLoopback: ListenOnLoopback;
  /** Undefined where no browser can be opened: without a display, or with `HEADLESS`. */
  createBrowser(env: Environment, log: Logger): Promise<OpenBrowser | undefined>;
  /** The addresses of a host name. Rejects when there are none. */
  resolveHost(hostname: string): Promise<string[]>;
  findFolders(profile: string | undefined): Folders;
  folderExists(path: string): boolean;
  /** From now on whatever is printed to stdout lands on stderr, but for what goes to the result. */
  claimStdout(): Promise<Writable>;
  /**
   * Calls back when the user or the system wants the program to end, which then exits with 130 as
   * soon as the command is done. Returns the way to stop that.
   */
  onInterrupt(callback: () => void): () => void;
  /** Ends the program as Ctrl-C does. */
  interrupt(): void;
}
