import type { OAuthSettings } from '../config/config.ts';
import { withSettings } from './client/configured-client.ts';
import { renewAsClient } from './grants/client-credentials.ts';
import type { StoredLogin } from './store/stored-login.ts';
import { type OAuthDeps, refreshTokens } from './tokens/token-requests.ts';
import type { TokenSet } from './tokens/token-set.ts';

/**
 * New tokens for a login, by the grant of its settings: with its refresh token (RFC 6749 §6), or with
 * the client's own credentials (§4.4), where there is none. Rejects with `REFRESH_REJECTED` when the
 * refresh token is good for nothing any more, else with `REFRESH_FAILED`, or with `CONFIG_INVALID`
 * when the client's credentials can't be used.
 */
export function renewTokens(
  login: StoredLogin,
  settings: OAuthSettings,
  deps: OAuthDeps,
): Promise<TokenSet> {
  if (settings.grant === 'client_credentials') return renewAsClient(login, settings, deps);
  return refreshTokens({ ...login, client: withSettings(login.client, settings) }, deps);
}
