import { createHash } from 'node:crypto';
import type { OAuthSettings } from '../../config/config.ts';

/** What a login is for. */
export interface LoginSubject {
  /** '' = no profile. */
  profile: string;
  /** The name of the server in the configuration. */
  server: string;
  /** Where the token is sent. */
  url: string;
  settings: OAuthSettings;
}

/** The names under which a login is kept. */
export interface LoginKey {
  /** '' = no profile. */
  profile: string;
  server: string;
  /** Of the item in the token store. */
  account: string;
  /** Of the file in the index. */
  file: string;
}

const DIGITS = 12;

/**
 * The names of a login follow from the server, and from what the configuration says about the address,
 * the authorization server and the client: after a change of one of these an old token is not found,
 * let alone sent. A preset counts by its name, so that mending a preset costs nobody a login.
 */
export function loginKey({ profile, server, url, settings }: LoginSubject): LoginKey {
  const { provider, issuer, authorizationEndpoint, tokenEndpoint } = settings;
  const { resource, clientId, clientMetadataUrl, grant } = settings;
  const authorizationServer = provider ?? [issuer, authorizationEndpoint, tokenEndpoint];
  const facts = [url, authorizationServer, resource, clientId, clientMetadataUrl, grant];
  const known = facts.map((fact) => fact ?? null);
  const digest = createHash('sha256').update(JSON.stringify(known)).digest('hex');
  const hash = digest.slice(0, DIGITS);
  const file = `${server}-${hash}`;
  return { profile, server, account: `${profilePrefix(profile)}${server}:${hash}`, file };
}

/** What the accounts of a profile begin with; no server and no secret can have such a name. */
export function profilePrefix(profile: string): string {
  return profile === '' ? '' : `@${profile}/`;
}
