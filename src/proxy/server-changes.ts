import type { Config, SecretRef, ServerConfig } from '../config/config.ts';
import { lookupIn } from '../config/environment.ts';
import { canonical } from '../config/fingerprint.ts';
import { type Lookup, wholeReference } from '../config/interpolate.ts';
import { usesMasterToken } from '../config/master.ts';

/** What becomes of the servers when one configuration takes the place of another: their names. */
export interface ServerChanges {
  added: string[];
  /** What their connections are made of is another: they are connected anew. */
  changed: string[];
  /** Not in the configuration any more, not usable, or not enabled. */
  removed: string[];
}

/** The variables that say how requests get out of a company's network. */
const PROXY = /^(https?|all|no)_proxy$/i;

/** The variables without which stored logins and secrets can't be read, where they are in files. */
const KEYS = ['OAUTH_ENCRYPTION_KEY', 'OAUTH_ENCRYPTION_KEY_FILE'];

/** The servers that are started, in the order of the file. */
export function enabledServers({ servers }: Config): ServerConfig[] {
  return servers.filter(({ enabled }) => enabled);
}

/** @param platform as `process.platform`, for the names of variables */
export function compareServers(before: Config, after: Config, platform: string): ServerChanges {
  const known = factsOf(before, platform);
  const wanted = factsOf(after, platform);
  const names = [...wanted.keys()];
  return {
    added: names.filter((name) => !known.has(name)),
    changed: names.filter((name) => known.has(name) && known.get(name) !== wanted.get(name)),
    removed: [...known.keys()].filter((name) => !wanted.has(name)),
  };
}

/** The facts of each server's connection, as text. */
function factsOf(config: Config, platform: string): Map<string, string> {
  const lookup = lookupIn(config.env, platform);
  return new Map(
    enabledServers(config).map((server) => [server.name, connectionFacts(server, config, lookup)]),
  );
}

/** All that a connection is made of, and nothing that only the joined lists are made of. */
function connectionFacts(server: ServerConfig, config: Config, lookup: Lookup): string {
  const { enabled, prefix, tools, pin, fingerprint, secretRefs, ...facts } = server;
  const isRemote = server.endpoint.kind !== 'stdio';
  return textOf({
    ...facts,
    secrets: secretFacts(secretRefs),
    keys: isRemote || secretRefs.length > 0 ? KEYS.map(lookup) : [],
    remote: isRemote ? remoteFacts(server, config, lookup) : undefined,
  });
}

function remoteFacts(server: ServerConfig, config: Config, lookup: Lookup): object {
  const { endpoint } = server;
  const settings = 'auth' in endpoint && 'oauth' in endpoint.auth ? endpoint.auth.oauth : undefined;
  const source = settings?.tokenSource;
  return {
    sourceToken: source === undefined ? undefined : variableOf(source, lookup),
    master: usesMasterToken(server) ? masterFacts(config, lookup) : undefined,
    proxies: Object.entries(config.env).filter(([name]) => PROXY.test(name)),
  };
}

function masterFacts({ masterOauth, secretRefs }: Config, lookup: Lookup): object {
  return {
    ...{ masterOauth, secrets: secretFacts(secretRefs) },
    token: lookup('MCP_MASTER_TOKEN'),
  };
}

/** Without the path in the file, which is another one when the order of the servers is. */
function secretFacts(refs: readonly SecretRef[]): object[] {
  return refs.map(({ target, name, optional }) => ({ target, name, optional }));
}

function variableOf(source: string, lookup: Lookup): string | undefined {
  const reference = wholeReference(source);
  return typeof reference === 'object' && reference.kind === 'env'
    ? lookup(reference.name)
    : undefined;
}

function textOf(facts: object): string {
  return canonical(JSON.parse(JSON.stringify(facts)));
}
