import type { Context } from '../app/context.ts';
import { type FoundStatus, isFine, statusOf } from '../app/login-status.ts';
import {
  type GlobalFlags,
  noConfigurationError,
  openSettings,
  type Settings,
} from '../app/settings.ts';
import { openStatusSources } from '../app/status-sources.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import type { CheckedStatus } from './check-login.ts';
import { EXIT } from './exit-codes.ts';
import { statusText } from './status-text.ts';
import { type Paint, PLAIN, wantsColours } from './text.ts';

/** The flags of `auth status`. */
export interface StatusFlags extends GlobalFlags {
  server?: string;
  /** Contacts the servers, too. */
  check?: boolean;
}

/**
 * `mcp-master auth status`: from the index alone, so that no keychain asks for anything; with `--check`
 * also from what each server says to its login.
 */
export async function authStatus(context: Context, flags: StatusFlags): Promise<number> {
  const settings = await openSettings(context, flags, 'warn');
  const { config, log } = settings;
  if (config.file === undefined) throw noConfigurationError(config.folder);
  const servers = await wanted(config, flags);
  for (const { name } of config.rejected)
    log.error(`server "${name}" is left out: see config check`);
  const sources = openStatusSources(context, settings);
  const remembered = servers.map((server) => statusOf(server, sources, context.now()));
  const found = flags.check === true ? await checkAll(remembered, context, settings) : remembered;
  context.stdout.write(statusText(found, flags, context, await paintFor(context)));
  return found.every(isFine) ? EXIT.done : EXIT.login;
}

async function wanted(config: Config, { server: name }: StatusFlags): Promise<ServerConfig[]> {
  const hasMaster =
    config.masterOauth !== undefined || Boolean(config.env['MCP_MASTER_TOKEN']?.trim());
  const named = config.servers.filter((server) => server.name === name);
  if (named.length > 0 || (name === undefined && !hasMaster)) {
    return name === undefined ? config.servers : named;
  }
  const { loginNamed, masterIn } = await import('./select.ts');
  if (name !== undefined) return [loginNamed(name, config)];
  return [masterIn(config), ...config.servers].flatMap((server) => server ?? []);
}

/** Loaded when it is asked for: what talks to servers takes longer to load than all the rest. */
async function checkAll(
  remembered: FoundStatus[],
  context: Context,
  settings: Settings,
): Promise<CheckedStatus[]> {
  const { checkLogin } = await import('./check-login.ts');
  const { furnish } = await import('../app/workspace.ts');
  const workspace = furnish(context, settings);
  const checked = await Promise.all(
    remembered.map((found) => checkLogin(found, context, workspace)),
  );
  await workspace.close();
  return checked;
}

async function paintFor({ terminal, env }: Context): Promise<Paint> {
  if (!wantsColours(terminal.stdout, env)) return PLAIN;
  const { createPaint } = await import('./render.ts');
  return createPaint(terminal.stdout, env);
}
