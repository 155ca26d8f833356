import type { Workspace } from '../app/workspace.ts';
import { masterServer } from '../auth/login-subject.ts';
import type { Config, RejectedServer, ServerConfig } from '../config/config.ts';
import { MASTER, usesMasterToken } from '../config/master.ts';
import { didYouMean } from '../config/suggest.ts';
import { McpMasterError } from '../errors.ts';

/** The error for a server that the configuration does not have. */
export function unknownServer(name: string, known: string[]): McpMasterError {
  const guess = didYouMean(name, known);
  const all =
    known.length === 0 ? 'No server is configured.' : `The servers are: ${known.join(', ')}.`;
  const hint = guess === undefined ? all : `${guess} ${all}`;
  return new McpMasterError('UNKNOWN_SERVER', `there is no server "${name}"`, { hint });
}

/** The servers that a command on logins is for: the one that is named, or all that can have a login. */
export function loginServers(
  { config, credentials }: Workspace,
  { server: name, all }: { server?: string; all?: boolean },
): ServerConfig[] {
  if (all === true && name !== undefined) {
    throw usageError('--server and --all contradict each other', 'Keep one of them.');
  }
  const { auth } = credentials;
  const own = config.servers.filter((server) => auth.loginKey(server)?.server === server.name);
  const master = masterIn(config);
  const isUsed = config.servers.some((server) => server.enabled && usesMasterToken(server));
  const able = master !== undefined && auth.loginKey(master) !== undefined ? [master, ...own] : own;
  if (all === true)
    return able.filter(({ enabled, name }) => enabled && (name !== MASTER || isUsed));
  if (name === undefined) {
    const names = able.map((server) => server.name).join(', ') || 'none that logs in by OAuth';
    throw usageError(
      'no server is named',
      `Name one with --server, or use --all. There is: ${names}.`,
    );
  }
  return [loginNamed(name, config)];
}

/** The server of a name, or the master's login. Throws as {@link serverNamed}, and when the master has none. */
export function loginNamed(name: string, config: Config): ServerConfig {
  if (name !== MASTER) return serverNamed(name, config);
  const master = masterIn(config);
  if (master !== undefined) return master;
  throw noMasterError();
}

function noMasterError(): McpMasterError {
  return usageError(
    'the master has no login: the configuration has no `master_oauth` block',
    'Write `master_oauth: { issuer: …, client_id: … }` at the root of the file, or set MCP_MASTER_TOKEN.',
  );
}

/** The master's login, where the configuration knows one or the token comes from outside. */
export function masterIn({ masterOauth, secretRefs, env }: Config): ServerConfig | undefined {
  if (masterOauth === undefined && !env['MCP_MASTER_TOKEN']?.trim()) return undefined;
  return masterServer(masterOauth, secretRefs);
}

/** The server of a name. Throws what is wrong with its entry, or `UNKNOWN_SERVER`. */
export function serverNamed(
  name: string,
  { servers, rejected }: Pick<Config, 'servers' | 'rejected'>,
): ServerConfig {
  const server = servers.find((known) => known.name === name);
  if (server !== undefined) return server;
  const names = servers.map((known) => known.name);
  throw rejectedError(name, rejected) ?? unknownServer(name, names);
}

/** The error for a login at a server that has no use for one. */
export function noLoginError({
  name,
  endpoint,
}: Pick<ServerConfig, 'name' | 'endpoint'>): McpMasterError {
  if (name === MASTER) {
    const message = 'the master needs no login: its token is that of MCP_MASTER_TOKEN';
    return usageError(message, 'Unset MCP_MASTER_TOKEN to log in.');
  }
  if (endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'master_oauth') {
    return noMasterError();
  }
  if (endpoint.kind !== 'stdio' && endpoint.auth.strategy === 'proxy_oauth') {
    const source = endpoint.auth.oauth.tokenSource;
    const message = `server "${name}" needs no login: it is sent the token of ${source}`;
    return usageError(message, 'Unset that one to log in.');
  }
  const how =
    endpoint.kind === 'stdio'
      ? 'is a program on this computer, which gets its credentials by "env"'
      : `authenticates by "${endpoint.auth.strategy === 'detect' ? 'headers' : endpoint.auth.strategy}"`;
  return usageError(`server "${name}" needs no login: it ${how}`, 'Nothing is to be done.');
}

/** The error of an entry that was left out; undefined when there is none of that name. */
export function rejectedError(
  name: string,
  rejected: RejectedServer[],
): McpMasterError | undefined {
  const entry = rejected.find((known) => known.name === name);
  const problem = entry?.problems.find(({ level }) => level === 'error');
  if (problem === undefined) return undefined;
  const { code, message, hint } = problem;
  return new McpMasterError(code, message, { hint });
}

function usageError(message: string, hint: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', message, { hint });
}
