import type { OAuthSettings } from '../config/config.ts';
import { isRemoteHttp } from '../config/urls.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { chooseClient } from './client/choose-client.ts';
import type { ClientRegistration } from './client/client-registration.ts';
import type { Challenge } from './discovery/challenge.ts';
import {
  assumptionError,
  type Discovery,
  type DiscoveryDeps,
  discover,
} from './discovery/discover.ts';
import { probeChallenge } from './discovery/probe.ts';
import type { ListenOnLoopback } from './doors.ts';
import { conclude } from './flow/conclude.ts';
import { OAuthFlowController } from './flow/flow-controller.ts';
import { openCallback } from './flow/open-callback.ts';
import { shownUrl } from './shown.ts';
import type { ChallengeRecords } from './store/challenge-records.ts';
import type { KnownIssuers } from './store/known-issuers.ts';
import type { LoginKey } from './store/login-key.ts';
import type { Logins } from './store/logins.ts';
import type { SecretStore } from './store/secret-store.ts';
import type { StoredLogin } from './store/stored-login.ts';
import {
  type AuthorizationRequest,
  createAuthorizationRequest,
} from './tokens/authorization-request.ts';
import { chooseScopes } from './tokens/choose-scopes.ts';
import { exchangeCode, type OAuthDeps } from './tokens/token-requests.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Who logs in where. */
export interface LoginTarget {
  key: LoginKey;
  url: URL;
  /** The server's own headers: without some of them it may not even say what it demands. */
  headers: Record<string, string>;
  /** With stored secrets filled in. */
  settings: OAuthSettings;
}

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

/** What a login shows to the person. */
export interface Invitation {
  /** The address of the provider, to be opened in a browser. */
  url: string;
  /** Takes the address that the browser ended on; throws `STATE_MISMATCH` when it is another login's. */
  submit(address: string): void;
}

/** What {@link login} works with. */
export interface LoginDeps extends OAuthDeps, DiscoveryDeps {
  listen: ListenOnLoopback;
  store: SecretStore;
  logins: Logins;
  challenges: ChallengeRecords;
  issuers: KnownIssuers;
  /** Shows the address and opens the browser; what it rejects with ends the login. */
  invite(invitation: Invitation): Promise<void>;
}

/**
 * Logs a person in: an authorization code with PKCE over a loopback redirect (RFC 8252, OAuth 2.1,
 * MCP specification, "Authorization"). Rejects with an `McpMasterError` that says which step failed;
 * until the new login is saved the stored one stays as it is.
 */
export async function login(
  target: LoginTarget,
  options: LoginOptions,
  deps: LoginDeps,
): Promise<StoredLogin> {
  const { key, url, settings } = target;
  const { signal } = options;
  refuseClearText(url);
  const { found, known, challenge } = await unlessAborted(
    lookAround(target, options, deps),
    signal,
  );
  const controller = new OAuthFlowController({ now: deps.now });
  const callback = await openCallback(settings, known?.client, controller, deps.listen);
  try {
    const { redirectUri } = callback;
    const step: Step = { target, options, found, challenge, known, redirectUri };
    const { request, client } = await unlessAborted(prepareRequest(step, deps), signal);
    const attempt = { ...request, ...key, authorizationUrl: request.url };
    const pending = controller.begin(attempt);
    return await conclude(pending, options, async (answered) => {
      await deps.invite({ url: request.url, submit: (address) => pending.submit(address) });
      const response = await pending.response;
      answered();
      const tokens = await exchangeCode({ ...found, client, request, response }, deps);
      return () => save(target, { ...found, client, tokens }, deps);
    });
  } finally {
    await controller.settled();
    await callback.close();
  }
}

/** What can be known before anybody is invited. */
async function lookAround(
  target: LoginTarget,
  options: LoginOptions,
  deps: LoginDeps,
): Promise<Pick<Step, 'found' | 'known' | 'challenge'>> {
  const { key, url, headers, settings } = target;
  await deps.store.probe();
  const before = await storedBefore(key, options, deps);
  const probed = await probeChallenge({ url, headers }, deps);
  const challenge = joinChallenges(probed?.challenge, deps.challenges.get(key.file));
  const found = await discover({ url, settings, challenge }, deps);
  const { issuer } = found.authorizationServer.metadata;
  refuseOtherIssuer(target, issuer, deps);
  const known = before?.authorizationServer.metadata.issuer === issuer ? before : undefined;
  return { found, known, challenge };
}

/**
 * What the server says now counts, but for a wider scope that it has asked for at one of its tools: a
 * request without a token does not bring that up again.
 */
function joinChallenges(now: Challenge = {}, remembered: Challenge = {}): Challenge {
  if (remembered.error !== 'insufficient_scope') return { ...remembered, ...now };
  const scopes = [...(now.scopes ?? []), ...(remembered.scopes ?? [])];
  return { ...now, ...remembered, ...(scopes.length > 0 && { scopes }) };
}

/** A token for this address could never be used: better to say so before the browser opens. */
function refuseClearText(url: URL): void {
  if (!isRemoteHttp(url.href)) return;
  throw new McpMasterError('INSECURE_URL', `no login for ${url.origin}: it has no encryption`, {
    hint: 'Write https:// in its `url`. Only servers on this computer may have http://.',
  });
}

/** What is known when the authorization request is made. */
interface Step {
  target: LoginTarget;
  options: LoginOptions;
  found: Discovery;
  challenge: Challenge;
  /** The login at the same issuer that will be replaced. */
  known: StoredLogin | undefined;
  redirectUri: string;
}

async function prepareRequest(
  { target, options, found, challenge, known, redirectUri }: Step,
  deps: LoginDeps,
): Promise<{ request: AuthorizationRequest; client: ClientRegistration }> {
  const { settings, url } = target;
  const wanted = chooseScopes({
    ...{ ...found, settings, challenge },
    asked: options.scopes,
    granted: known?.tokens.scopes ?? [],
  });
  const { scopes } = wanted;
  const wish = { ...found, settings, redirectUri, scopes, remembered: known?.client };
  const client = await chooseClient({ ...wish, force: options.force }, deps).catch((error) => {
    throw isNotThere(error, found) ? assumptionError({ url }, found, error.status) : error;
  });
  const request = await createAuthorizationRequest({ ...found, client, settings, ...wanted }, deps);
  return { request, client };
}

/** The endpoints were assumed, and there is nothing at them. */
function isNotThere(
  error: unknown,
  { authorizationServer }: Discovery,
): error is McpMasterError & { status: number } {
  if (authorizationServer.source !== 'assumed' || !(error instanceof McpMasterError)) return false;
  return error.status === 404 || error.status === 405;
}

async function save(
  { key }: LoginTarget,
  gained: Pick<StoredLogin, 'authorizationServer' | 'client' | 'resource' | 'tokens'>,
  { logins, challenges, issuers, now }: LoginDeps,
): Promise<StoredLogin> {
  const { authorizationServer, client, resource, tokens } = gained;
  const { server } = key;
  const saved = await logins.save(key, {
    ...{ server, loggedInAt: now(), authorizationServer, client, resource, tokens },
  });
  await challenges.clear(key.file);
  await issuers.put(key.file, authorizationServer.metadata.issuer);
  return saved;
}

/**
 * Credentials of a client are never used at another issuer than the one that gave them: one that was
 * registered is registered anew, but of a configured one only the user knows whose it is.
 */
function refuseOtherIssuer(
  { key, settings }: LoginTarget,
  issuer: string,
  { issuers }: LoginDeps,
): void {
  const first = issuers.get(key.file);
  if (settings.clientId === undefined || first === undefined || first === issuer) return;
  const message = `the server now names ${shownUrl(issuer)} as its authorization server, but \`client_id\` was used at ${shownUrl(first)}`;
  throw new McpMasterError('ISSUER_MISMATCH', message, {
    hint: 'If that is right, set `issuer` in its auth_config to the new one, with a client of that one.',
  });
}

/** The login that will be replaced; one that can't be read is no reason not to log in anew. */
async function storedBefore(
  key: LoginKey,
  { force }: LoginOptions,
  { logins, log }: LoginDeps,
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
