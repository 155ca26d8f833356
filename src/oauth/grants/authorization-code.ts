import type { ClientRegistration } from '../client/client-registration.ts';
import type { ListenOnLoopback } from '../doors.ts';
import { conclude } from '../flow/conclude.ts';
import { OAuthFlowController } from '../flow/flow-controller.ts';
import { openCallback } from '../flow/open-callback.ts';
import type { LoginTarget } from '../login-target.ts';
import type { StoredLogin } from '../store/stored-login.ts';
import {
  type AuthorizationRequest,
  createAuthorizationRequest,
} from '../tokens/authorization-request.ts';
import { exchangeCode } from '../tokens/token-requests.ts';
import { unlessAborted } from '../unless-aborted.ts';
import {
  clientFor,
  factsOf,
  type LoginFacts,
  type LoginOptions,
  type Preparation,
  type PrepareDeps,
  prepareLogin,
  wantedScopes,
} from './prepare-login.ts';
import { saveLogin } from './save-login.ts';

/** What a login through a browser shows to the person. */
export interface Invitation {
  /** The address of the provider, to be opened in a browser. */
  url: string;
  /** Our own address that leads there, for as long as the login waits. */
  authorizeUrl: string;
  facts: LoginFacts;
  /** Takes the address that the browser ended on; throws `STATE_MISMATCH` when it is another login's. */
  submit(address: string): void;
}

/** What {@link logInByBrowser} works with. */
export interface CodeLoginDeps extends PrepareDeps {
  listen: ListenOnLoopback;
  /** Shows the address and opens the browser; what it rejects with ends the login. */
  invite(invitation: Invitation): Promise<void>;
}

/**
 * Logs a person in: an authorization code with PKCE over a loopback redirect (RFC 8252, OAuth 2.1,
 * MCP specification, "Authorization").
 */
export async function logInByBrowser(
  target: LoginTarget,
  options: LoginOptions,
  deps: CodeLoginDeps,
): Promise<StoredLogin> {
  const { key, settings } = target;
  const { signal } = options;
  const prepared = await unlessAborted(prepareLogin(target, options, deps), signal);
  const { found, known } = prepared;
  const controller = new OAuthFlowController({ now: deps.now });
  const callback = await openCallback(settings, known?.client, controller, deps.listen);
  try {
    const { redirectUri } = callback;
    const asking = prepareRequest(prepared, redirectUri, deps);
    const { request, client } = await unlessAborted(asking, signal);
    const attempt = { ...request, ...key, authorizationUrl: request.url };
    const pending = controller.begin(attempt);
    return await conclude(pending, options, async (answered) => {
      await deps.invite({
        url: request.url,
        authorizeUrl: new URL(pending.authorizePath, redirectUri).href,
        facts: factsOf(prepared, client, request.scopes),
        submit: (address) => pending.submit(address),
      });
      const response = await pending.response;
      answered();
      const tokens = await exchangeCode({ ...found, client, request, response }, deps);
      return () => saveLogin(target, { ...found, client, tokens }, deps);
    });
  } finally {
    await controller.settled();
    await callback.close();
  }
}

async function prepareRequest(
  prepared: Preparation,
  redirectUri: string,
  deps: CodeLoginDeps,
): Promise<{ request: AuthorizationRequest; client: ClientRegistration }> {
  const { target, found } = prepared;
  const wanted = wantedScopes(prepared);
  const client = await clientFor(prepared, { scopes: wanted.scopes, redirectUri }, deps);
  const wish = { ...found, ...wanted, client, redirectUri, settings: target.settings };
  return { request: await createAuthorizationRequest(wish, deps), client };
}
