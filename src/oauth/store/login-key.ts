import { hash } from 'node:crypto';
import type { OAuthSettings } from '../../config/config.ts';
import { isPresetServer } from '../../config/presets.ts';

/** Whose logins and secrets they are, beside those of the user of the operating system. */
export interface Owner {
  /** '' = no profile. */
  profile: string;
  /** The folder of `MCP_MASTER_HOME`, which has logins of its own; '' = the user's usual folders. */
  home: string;
  /** What has to stand behind a command that is shown, such as ` --profile=work`. */
  commandFlags: string;
}

/** What a login is for. */
export interface LoginSubject {
  owner: Owner;
  /** The name of the server in the configuration. */
  server: string;
  /** Where the token is sent. */
  url: string;
  settings: OAuthSettings;
}

/** The names under which a login is kept. */
export interface LoginKey {
  server: string;
  /** Of the item in the token store. */
  account: string;
  /** Of the file in the index. */
  file: string;
  /** As in {@link Owner}. */
  commandFlags: string;
}

const LOGIN_DIGITS = 12;
const HOME_DIGITS = 8;

/**
 * The names of a login follow from the server, and from what the configuration says about the address,
 * the authorization server and the client: after a change of one of these an old token is not found,
 * let alone sent. A preset counts by its name, so that mending a preset costs nobody a login. The
 * server is part of the hash, too: names that differ in case only are one file on some systems.
 */
export function loginKey({ owner, server, url, settings }: LoginSubject): LoginKey {
  const { provider, issuer, authorizationEndpoint, tokenEndpoint } = settings;
  const { resource, clientId, clientMetadataUrl, grant } = settings;
  const endpoints = isPresetServer(settings) ? [] : [issuer, authorizationEndpoint, tokenEndpoint];
  const authorizationServer = [provider, ...endpoints].map((fact) => fact ?? null);
  const { home, profile, commandFlags } = owner;
  const facts = [
    server,
    url,
    authorizationServer,
    resource,
    clientId,
    clientMetadataUrl,
    grant,
    home,
    // With other scopes it is another login, which a client gets by itself.
    ...(grant === 'client_credentials' ? [settings.scopes] : []),
  ];
  const suffix = digest(JSON.stringify(facts.map((fact) => fact ?? null)), LOGIN_DIGITS);
  const account = `${profilePrefix(profile)}${server}:${suffix}`;
  return { server, account, file: `${server}-${suffix}`, commandFlags };
}

/** The names of the login whose file this is; undefined when it is no such file. */
export function keyOfFile(file: string, owner: Owner): LoginKey | undefined {
  const [, server, suffix] = /^(.+)-([0-9a-f]{12})$/.exec(file) ?? [];
  if (server === undefined || suffix === undefined) return undefined;
  const account = `${profilePrefix(owner.profile)}${server}:${suffix}`;
  return { server, account, file, commandFlags: owner.commandFlags };
}

/** The name of the item of a secret; no login can have such a name. */
export function secretAccount(name: string, { profile, home }: Owner): string {
  const place = home === '' ? '' : `:${digest(home, HOME_DIGITS)}`;
  return `${profilePrefix(profile)}secret/${name}${place}`;
}

/** The first hexadecimal digits of the SHA-256 digest of a text. */
export function digest(text: string, digits: number): string {
  return hash('sha256', text).slice(0, digits);
}

/** What the accounts of a profile begin with; no server and no secret can have such a name. */
function profilePrefix(profile: string): string {
  return profile === '' ? '' : `@${profile}/`;
}
