import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { toMcpMasterError } from '../errors.ts';
import type { MasterServer } from '../proxy/master-server.ts';
import type { SessionDeps } from '../proxy/open-session.ts';
import { compareServers } from '../proxy/server-changes.ts';
import type { Context } from './context.ts';
import { createSessionDeps } from './create-master-server.ts';
import { type GlobalFlags, readConfig } from './settings.ts';
import type { Workspace } from './workspace.ts';

/** What {@link ConfigReload} works with. */
export interface ReloadDeps {
  context: Context;
  flags: GlobalFlags;
  /** What the server was made of. */
  workspace: Workspace;
  server: MasterServer;
  sessionDeps: SessionDeps;
  /** Says in the log what is wrong with a configuration. */
  report(config: Config): void;
}

/**
 * Takes up the changes of the configuration file, and of the `.env` beside it, while a server runs: each is read as at
 * the start, and takes the place of what was before. What can't be read as a whole changes nothing.
 */
export class ConfigReload {
  readonly #deps: ReloadDeps;
  /**
   * All that have been opened: connections that no change concerns, and logins under way, stay with the one that
   * they began in. One that is not used any more holds neither sockets nor processes for longer than seconds.
   */
  readonly #workspaces: Workspace[];
  #workspace: Workspace;
  #config: Config;
  #sessionDeps: SessionDeps;
  #reloading: Promise<void> | undefined;
  #isOutdated = false;
  #isStopped = false;
  #isStoreWarned = false;

  constructor(deps: ReloadDeps) {
    this.#deps = deps;
    const { workspace, sessionDeps } = deps;
    this.#workspace = workspace;
    this.#workspaces = [workspace];
    this.#config = workspace.config;
    this.#sessionDeps = sessionDeps;
  }

  /** Takes up no change any more, and settles when nothing is left of what was opened. Never rejects. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await this.#reloading;
    await Promise.all(this.#workspaces.map((workspace) => workspace.close()));
  }

  /** The configuration file, or the `.env` beside it, is another one. */
  onChange(): void {
    this.#isOutdated = true;
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
  }

  /** Until there is nothing newer: a file may change while it is read. */
  async #reload(): Promise<void> {
    while (this.#isOutdated && !this.#isStopped) {
      this.#isOutdated = false;
      const { log } = this.#workspace;
      try {
        await this.#take();
      } catch (thrown) {
        const { message, hint } = toMcpMasterError(thrown);
        const next = hint === undefined ? '' : `. ${hint}`;
        log.warn(`the configuration was changed, and the old one stays in use: ${message}${next}`);
      }
    }
  }

  async #take(): Promise<void> {
    const { context, flags, workspace, server, report } = this.#deps;
    const read = await readConfig(context, flags, workspace.folders);
    for (const secret of read.secrets) context.redactor.add(secret);
    if (this.#isStopped) return;
    const config = this.#keepStore(read);
    const before = this.#config;
    if (isDeepStrictEqual(config, before)) {
      workspace.log.info('the configuration was changed, and says the same as before');
      return;
    }
    const isSame = isDeepStrictEqual(surroundingsOf(config), surroundingsOf(before));
    const next = isSame ? this.#workspace : workspace.reopen(config);
    const sessionDeps = isSame ? this.#sessionDeps : createSessionDeps(context, next);
    workspace.useLogLevel(config);
    if (!isSame) this.#workspaces.push(next);
    this.#workspace = next;
    this.#sessionDeps = sessionDeps;
    this.#config = config;
    report(config);
    workspace.log.info(describeChanges(before, config, context.platform));
    server.reconfigure(config, sessionDeps);
  }

  /** Logins don't move while they are in use. */
  #keepStore(config: Config): Config {
    const { tokens, env } = this.#deps.workspace.config;
    const isOtherVariable = env[STORE_VARIABLE] !== config.env[STORE_VARIABLE];
    if (!isOtherVariable && tokens.store === config.tokens.store) return config;
    if (!this.#isStoreWarned) {
      this.#isStoreWarned = true;
      this.#workspace.log.warn(
        `another token store (tokens.store, ${STORE_VARIABLE}) is used when mcp-master is started again, not before`,
      );
    }
    const variable = { [STORE_VARIABLE]: env[STORE_VARIABLE] };
    return {
      ...config,
      tokens,
      env: isOtherVariable ? { ...config.env, ...variable } : config.env,
    };
  }
}

const STORE_VARIABLE = 'MCP_MASTER_TOKEN_STORE';

/** What the stores, the master's login and the browser follow from, whatever the servers are. */
function surroundingsOf({ env, masterOauth, secretRefs, serve }: Config): object {
  return { env, masterOauth, secretRefs, browser: serve.browser };
}

function describeChanges(before: Config, after: Config, platform: string): string {
  const { added, changed, removed } = compareServers(before, after, platform);
  const parts = [
    ['added', added],
    ['connected anew', changed],
    ['removed', removed],
  ] as const;
  const told = parts.flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}`],
  );
  const servers = told.length === 0 ? 'no server is connected anew' : told.join('; ');
  return `the configuration was changed, and is in use: ${servers}`;
}
