import type { OAuthSettings } from '../../config/config.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import type { Challenge } from '../discovery/challenge.ts';

/** What is known of the scopes that a login may ask for. */
export interface ScopeSources {
  settings: OAuthSettings;
  /** Those that the person named for this login; undefined = none were named. */
  asked: string[] | undefined;
  challenge: Challenge | undefined;
  /** Those of the login before. */
  granted: string[];
  /** `scopes_supported` of the protected resource. */
  resourceScopes: string[];
  authorizationServer: AuthorizationServer;
}

/** What to ask for. */
export interface WantedScopes {
  /** Empty = the parameter is left out, and the server chooses (RFC 6749 §3.3). */
  scopes: string[];
  /** `consent` where refresh tokens depend on it (OpenID Connect Core §11). */
  prompt: 'consent' | undefined;
}

const OFFLINE_ACCESS = 'offline_access';

/**
 * Those that the person named, else those of the configuration, else those of the challenge, else all
 * that the resource supports (MCP specification, "Scope Selection Strategy"). After an
 * `insufficient_scope` those of the login before and of the challenge are added ("Step-Up
 * Authorization Flow"), so that nothing is lost. `offline_access` is added to them where it is offered.
 */
export function chooseScopes(sources: ScopeSources): WantedScopes {
  const { asked, authorizationServer, settings } = sources;
  const wanted = asked ?? stepUp(sources);
  const offers = authorizationServer.metadata.scopes_supported?.includes(OFFLINE_ACCESS) === true;
  // A client that asks for itself gets no refresh token (RFC 6749 §4.4.3).
  const offered = offers && settings.grant !== 'client_credentials';
  // Alone it would take the place of the scopes that the server gives to those who name none.
  const added = offered && wanted.length > 0 ? [OFFLINE_ACCESS] : [];
  const scopes = [...new Set([...wanted, ...added])];
  const prompt = offered && scopes.includes(OFFLINE_ACCESS) ? 'consent' : undefined;
  return { scopes, prompt };
}

/** A longer list of scopes fits into no address that a browser opens. */
const MOST_CHARACTERS = 4000;

/** RFC 6749 §3.3: one scope. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** What a server names, as far as it can be asked for: else the authorization server chooses. */
function askable(scopes: readonly string[]): string[] {
  const legal = scopes.filter((scope) => SCOPE.test(scope));
  return legal.join(' ').length <= MOST_CHARACTERS ? legal : [];
}

function stepUp({ settings, ...sources }: ScopeSources): string[] {
  const { challenge, granted } = sources;
  const challenged = askable(challenge?.scopes ?? []);
  const named = challenged.length > 0 ? challenged : askable(sources.resourceScopes);
  const usual = settings.scopes ?? named;
  if (challenge?.error !== 'insufficient_scope') return usual;
  return [...usual, ...granted, ...challenged];
}
