import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import { chooseClient } from '../client/choose-client.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import { assumptionError, type Discovery } from '../discovery/discover.ts';
import type { LoginTarget } from '../login-target.ts';
import type { LoginKey } from '../store/login-key.ts';
import type { Logins } from '../store/logins.ts';
import type { SecretStore } from '../store/secret-store.ts';
import type { StoredLogin } from '../store/stored-login.ts';
import { chooseScopes, type WantedScopes } from '../tokens/choose-scopes.ts';
import { type FindLoginDeps, type FoundLogin, findLogin } from './find-login.ts';

/** How to log in. */
export interface LoginOptions {
  /** Scopes to ask for instead of those that the server names. */
  scopes?: string[] | undefined;
  /** Registers a client anew instead of using the one of the login before. */
  force: boolean;
  /** Milliseconds that the person has. */
  patience: number;
  /** Ends the login with the signal's reason. */
  signal: AbortSignal;
}

/** What every login that is saved works with. */
export interface PrepareDeps extends FindLoginDeps {
  store: SecretStore;
  logins: Logins;
}

/** What can be known before anybody is invited. */
export interface Preparation extends FoundLogin {
  target: LoginTarget;
  options: LoginOptions;
  /** The login at the same issuer that will be replaced. */
  known: StoredLogin | undefined;
}

/**
 * Sees that a login could be saved, and finds out where to make it. Rejects with what the store and
 * {@link findLogin} reject with.
 */
export async function prepareLogin(
  target: LoginTarget,
  options: LoginOptions,
  deps: PrepareDeps,
): Promise<Preparation> {
  await deps.store.probe();
  const before = await storedBefore(target.key, options, deps);
  const { found, challenge } = await findLogin(target, deps);
  const { issuer } = found.authorizationServer.metadata;
  const known = before?.authorizationServer.metadata.issuer === issuer ? before : undefined;
  return { target, options, found, challenge, known };
}

/** The login that will be replaced; one that can't be read is no reason not to log in anew. */
async function storedBefore(
  key: LoginKey,
  { force }: LoginOptions,
  { logins, log }: PrepareDeps,
): Promise<StoredLogin | undefined> {
  try {
    return await logins.read(key);
  } catch (error) {
    const { code, message } = toMcpMasterError(error);
    if (!force && code !== 'LOGIN_REQUIRED') throw error;
    log.warn(`${message}; it will be replaced`);
    return undefined;
  }
}

/** What a person, or their client, may know of a login before it is made. */
export interface LoginFacts {
  /** Where the browser is sent, without parameters; undefined where it is sent nowhere. */
  authorizationEndpoint: string | undefined;
  tokenEndpoint: string | undefined;
  clientId: string;
  scopes: string[];
}

/** The facts of a login by this client, which asks for these scopes. */
export function factsOf(
  { found }: Preparation,
  { clientId }: ClientRegistration,
  scopes: string[],
): LoginFacts {
  const { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint } =
    found.authorizationServer.metadata;
  return { authorizationEndpoint, tokenEndpoint, clientId, scopes };
}

/** What a login asks for. */
export function wantedScopes({
  target: { settings },
  options,
  found,
  challenge,
  known,
}: Preparation): WantedScopes {
  const granted = known?.tokens.scopes ?? [];
  return chooseScopes({ ...found, settings, challenge, asked: options.scopes, granted });
}

/**
 * Who we are at the authorization server. Rejects as {@link chooseClient} does.
 *
 * @param redirectUri undefined where nobody is sent back to us
 */
export async function clientFor(
  { target: { settings, url }, options, found, known }: Preparation,
  { scopes, redirectUri }: { scopes: string[]; redirectUri: string | undefined },
  deps: PrepareDeps,
): Promise<ClientRegistration> {
  const { authorizationServer } = found;
  const remembered = known?.client;
  const wish = { authorizationServer, settings, redirectUri, scopes, remembered };
  try {
    return await chooseClient({ ...wish, force: options.force }, deps);
  } catch (error) {
    const isAssumed = url !== undefined && isNotThere(error, found);
    throw isAssumed ? assumptionError({ url }, found, error.status) : error;
  }
}

/** The endpoints were assumed, and there is nothing at them. */
function isNotThere(
  error: unknown,
  { authorizationServer }: Discovery,
): error is McpMasterError & { status: number } {
  if (authorizationServer.source !== 'assumed' || !(error instanceof McpMasterError)) return false;
  return error.status === 404 || error.status === 405;
}
