import { isRemoteHttp } from '../../config/urls.ts';
import { McpMasterError } from '../../errors.ts';
import type { Challenge } from '../discovery/challenge.ts';
import {
  type Discovery,
  type DiscoveryDeps,
  discover,
  discoverNamed,
} from '../discovery/discover.ts';
import { probeChallenge } from '../discovery/probe.ts';
import type { LoginTarget } from '../login-target.ts';
import { shownUrl } from '../shown.ts';
import type { ChallengeRecords } from '../store/challenge-records.ts';
import type { KnownIssuers } from '../store/known-issuers.ts';
import type { OAuthDeps } from '../tokens/token-requests.ts';

/** What {@link findLogin} works with. */
export interface FindLoginDeps extends OAuthDeps, DiscoveryDeps {
  challenges: ChallengeRecords;
  issuers: KnownIssuers;
}

/** Where to log in, and what the server demands. */
export interface FoundLogin {
  found: Discovery;
  challenge: Challenge;
}

/**
 * Asks the server what it demands, and finds out where to log in to it. Rejects with `INSECURE_URL`,
 * `ISSUER_MISMATCH` and with what {@link discover} rejects with.
 */
export async function findLogin(target: LoginTarget, deps: FindLoginDeps): Promise<FoundLogin> {
  const { key, url, headers, settings } = target;
  if (url === undefined) return findMasterLogin(target, deps);
  refuseClearText(url);
  const probed = await probeChallenge({ url, headers }, deps);
  const challenge = joinChallenges(probed?.challenge, deps.challenges.get(key.file));
  const found = await discover({ url, settings, challenge }, deps);
  refuseOtherIssuer(target, found.authorizationServer.metadata.issuer, deps);
  return { found, challenge };
}

/** No server demands the login of the master: where it is made is a matter of the configuration alone. */
async function findMasterLogin(target: LoginTarget, deps: FindLoginDeps): Promise<FoundLogin> {
  const found = await discoverNamed(target.settings, deps);
  refuseOtherIssuer(target, found.authorizationServer.metadata.issuer, deps);
  return { found, challenge: {} };
}

/** A token for this address could never be used: better to say so before anybody is asked for one. */
function refuseClearText(url: URL): void {
  if (!isRemoteHttp(url.href)) return;
  throw new McpMasterError('INSECURE_URL', `no login for ${url.origin}: it has no encryption`, {
    hint: 'Write https:// in its `url`. Only servers on this computer may have http://.',
  });
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

/**
 * Credentials of a client are never used at another issuer than the one that gave them: one that was
 * registered is registered anew, but of a configured one only the user knows whose it is.
 */
function refuseOtherIssuer(
  { key, settings }: LoginTarget,
  issuer: string,
  { issuers }: FindLoginDeps,
): void {
  const first = issuers.get(key.file);
  if (settings.clientId === undefined || first === undefined || first === issuer) return;
  const message = `the server now names ${shownUrl(issuer)} as its authorization server, but \`client_id\` was used at ${shownUrl(first)}`;
  throw new McpMasterError('ISSUER_MISMATCH', message, {
    hint: 'If that is right, set `issuer` in its auth_config to the new one, with a client of that one.',
  });
}
