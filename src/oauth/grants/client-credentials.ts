import type { OAuthSettings } from '../../config/config.ts';
import { configuredClient } from '../client/configured-client.ts';
import type { LoginTarget } from '../login-target.ts';
import type { NewLogin } from '../store/logins.ts';
import type { StoredLogin } from '../store/stored-login.ts';
import { chooseScopes } from '../tokens/choose-scopes.ts';
import { requestClientTokens } from '../tokens/client-requests.ts';
import { renewalError, tokenError } from '../tokens/token-errors.ts';
import type { OAuthDeps } from '../tokens/token-requests.ts';
import type { TokenSet } from '../tokens/token-set.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { type FindLoginDeps, type FoundLogin, findLogin } from './find-login.ts';
import { type LoginOptions, type PrepareDeps, prepareLogin } from './prepare-login.ts';
import { newLogin, saveLogin } from './save-login.ts';

/**
 * Gets a login without a person, and does not save it: as the configured client (RFC 6749 §4.4).
 * Rejects with what discovery rejects with, `INVALID_SCOPE`, `ACCESS_DENIED` or `TOKEN_REQUEST_FAILED`
 * when the server refuses, and `CONFIG_INVALID` when the client's credentials can't be used.
 */
export async function obtainWithClientCredentials(
  target: LoginTarget,
  deps: FindLoginDeps,
): Promise<NewLogin> {
  const found = await findLogin(target, deps);
  return obtain({ ...found, target, asked: undefined, granted: [] }, deps);
}

/** The same for `auth login`: with the scopes that the person names, and saved. */
export async function logInAsClient(
  target: LoginTarget,
  options: LoginOptions,
  deps: PrepareDeps,
): Promise<StoredLogin> {
  const { signal, scopes: asked } = options;
  const prepared = await unlessAborted(prepareLogin(target, options, deps), signal);
  const granted = prepared.known?.tokens.scopes ?? [];
  const gain = await unlessAborted(obtain({ ...prepared, asked, granted }, deps), signal);
  return saveLogin(target, gain, deps);
}

/**
 * New tokens for a login of the configured client, at the server and for the resource and the scopes
 * that it was made with. Rejects with `REFRESH_FAILED`: nothing that is stored is ever to blame.
 */
export async function renewAsClient(
  { authorizationServer, resource, tokens: { scopes } }: StoredLogin,
  settings: OAuthSettings,
  deps: OAuthDeps,
): Promise<TokenSet> {
  const client = await configuredClient({ settings, authorizationServer }, deps);
  const request = { authorizationServer, resource, client, settings, scopes };
  return requestClientTokens(request, (refusal) => renewalError(refusal, client), deps);
}

interface Asking extends FoundLogin {
  target: LoginTarget;
  asked: string[] | undefined;
  granted: string[];
}

async function obtain(
  { target, found, challenge, asked, granted }: Asking,
  deps: FindLoginDeps,
): Promise<NewLogin> {
  const { settings, key } = target;
  const { scopes } = chooseScopes({ ...found, settings, challenge, asked, granted });
  const client = await configuredClient({ ...found, settings }, deps);
  const request = { ...found, client, settings, scopes };
  const tokens = await requestClientTokens(
    request,
    (refusal) => tokenError(refusal, client, 'client_credentials'),
    deps,
  );
  // Whoever saves the login later, the credentials have been at this server now.
  await deps.issuers.put(key.file, found.authorizationServer.metadata.issuer);
  return newLogin(target, { ...found, client, tokens }, deps.now());
}
