import { createHash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, redirect, respond } from './answers.ts';
import { ClientBook } from './client-book.ts';
import type { KnownClient } from './provider-configuration.ts';
import { DEVICE_GRANT, type Params, type SeenRequests } from './seen-requests.ts';
import type { TokenInfo } from './token-checker.ts';

/** What one login has led to: the newest refresh token is good, those before it are spent. */
interface Grant {
  clientId: string;
  scope: string;
  resource: string | undefined;
  refreshToken: string | undefined;
  over: boolean;
}

interface Code {
  clientId: string;
  redirectUri: string;
  challenge: string;
  grant: Grant;
}

/** What a {@link GrantBook} is opened with. */
export interface GrantBookOptions {
  issuer: string;
  clients: readonly KnownClient[];
  accessTokenSeconds: number;
  /** Where a refresh token that is shown again is written down. */
  seen: SeenRequests;
}

/**
 * A small but strict authorization server of our own, as functions from a request to an answer: exact
 * redirect URIs (port included), PKCE S256 alone, codes for one use, refresh tokens that rotate and
 * whose reuse ends the login. It never answers anything wrong: that is for the scripts around it.
 */
export class GrantBook {
  readonly #options: GrantBookOptions;
  readonly #clients: ClientBook;
  readonly #codes = new Map<string, Code>();
  readonly #byDeviceCode = new Map<string, Grant>();
  readonly #byRefreshToken = new Map<string, Grant>();
  readonly #accessTokens = new Map<string, { grant: Grant; expires: number }>();

  constructor(options: GrantBookOptions) {
    this.#options = options;
    this.#clients = new ClientBook(options.clients);
  }

  /** RFC 7591 §3 */
  register(params: Params): Answer {
    return this.#clients.register(params);
  }

  /** RFC 6749 §4.1.1, for a person who always agrees. */
  authorize(params: Params): Answer {
    const { client_id: clientId, redirect_uri: redirectUri, state } = params;
    const client = this.#clients.find(clientId);
    const known = client?.redirect_uris.find((uri) => uri === redirectUri);
    // Nobody is sent to a URL that was not registered (RFC 6749 §4.1.2.1).
    if (client === undefined || known === undefined) return respond(400, 'Unknown client or URL');
    const answer = new URL(known);
    const error = whatIsWrong(params);
    if (error === undefined)
      answer.searchParams.set('code', this.#newCode(params, client.client_id, known));
    else answer.searchParams.set('error', error);
    if (typeof state === 'string') answer.searchParams.set('state', state);
    answer.searchParams.set('iss', this.#options.issuer);
    return redirect(answer);
  }

  /** RFC 8628 §3.1, for a person who confirms at once. */
  device(params: Params, headers: IncomingHttpHeaders): Answer {
    const client = this.#clients.authenticate(params, headers);
    if (client === undefined) return respond(401, { error: 'invalid_client' });
    const { issuer } = this.#options;
    const deviceCode = `device-${randomUUID()}`;
    this.#byDeviceCode.set(deviceCode, newGrant(params, client.client_id));
    return respond(200, {
      device_code: deviceCode,
      user_code: 'WDJB-MJHT',
      verification_uri: `${issuer}/device`,
      verification_uri_complete: `${issuer}/device?user_code=WDJB-MJHT`,
      expires_in: 600,
      interval: 1,
    });
  }

  /** RFC 6749 §4.1.3, §4.4.2 and §6, RFC 8628 §3.4 */
  token(params: Params, headers: IncomingHttpHeaders): Answer {
    const client = this.#clients.authenticate(params, headers);
    if (client === undefined) return respond(401, { error: 'invalid_client' });
    switch (params['grant_type']) {
      case 'authorization_code':
        return this.#redeem(params, client.client_id);
      case DEVICE_GRANT:
        return this.#redeemDeviceCode(params, client.client_id);
      case 'client_credentials':
        return this.#issue(newGrant(params, client.client_id), { renewable: false });
      case 'refresh_token':
        return this.#refresh(params, client.client_id);
      default:
        return respond(400, { error: 'unsupported_grant_type' });
    }
  }

  /** RFC 7009 §2: unknown tokens are no error. */
  revoke(params: Params, headers: IncomingHttpHeaders): Answer {
    const client = this.#clients.authenticate(params, headers);
    if (client === undefined) return respond(401, { error: 'invalid_client' });
    const token = String(params['token']);
    const grant = this.#byRefreshToken.get(token);
    if (grant?.clientId === client.client_id) grant.over = true;
    if (this.#accessTokens.get(token)?.grant.clientId === client.client_id) {
      this.#accessTokens.delete(token);
    }
    return respond(200);
  }

  /** What a resource may know of an access token; undefined when it is not good. */
  check(token: string): TokenInfo | undefined {
    const { grant, expires = 0 } = this.#accessTokens.get(token) ?? {};
    if (grant === undefined || grant.over || expires <= Date.now()) return undefined;
    const { clientId, scope, resource: audience } = grant;
    return { clientId, subject: 'alice', audience, scopes: scope.split(' ').filter(Boolean) };
  }

  /** Makes all access tokens that were issued so far invalid. */
  expireAccessTokens(): void {
    this.#accessTokens.clear();
  }

  #newCode(params: Params, clientId: string, redirectUri: string): string {
    const grant = newGrant(params, clientId);
    const code = randomUUID();
    const challenge = String(params['code_challenge']);
    this.#codes.set(code, { clientId, redirectUri, challenge, grant });
    return code;
  }

  #redeem(params: Params, clientId: string): Answer {
    const given = String(params['code']);
    const code = this.#codes.get(given);
    this.#codes.delete(given);
    const verifier = String(params['code_verifier']);
    const proof = createHash('sha256').update(verifier).digest('base64url');
    const good =
      code?.clientId === clientId &&
      code.redirectUri === params['redirect_uri'] &&
      code.challenge === proof;
    if (code === undefined || !good) return respond(400, { error: 'invalid_grant' });
    return this.#issue(code.grant);
  }

  #redeemDeviceCode(params: Params, clientId: string): Answer {
    const given = String(params['device_code']);
    const grant = this.#byDeviceCode.get(given);
    this.#byDeviceCode.delete(given);
    if (grant?.clientId !== clientId) return respond(400, { error: 'invalid_grant' });
    return this.#issue(grant);
  }

  #refresh(params: Params, clientId: string): Answer {
    const token = String(params['refresh_token']);
    const grant = this.#byRefreshToken.get(token);
    if (grant === undefined || grant.over || grant.clientId !== clientId) {
      return respond(400, { error: 'invalid_grant' });
    }
    if (grant.refreshToken !== token) {
      // Somebody has stolen one of the two (RFC 9700 §4.14.2).
      this.#options.seen.reused.push(token);
      grant.over = true;
      return respond(400, { error: 'invalid_grant' });
    }
    return this.#issue(grant);
  }

  /** RFC 6749 §5.1 */
  #issue(grant: Grant, { renewable = true } = {}): Answer {
    const accessToken = `access-${randomUUID()}`;
    const seconds = this.#options.accessTokenSeconds;
    this.#accessTokens.set(accessToken, { grant, expires: Date.now() + seconds * 1000 });
    if (renewable) {
      grant.refreshToken = `refresh-${randomUUID()}`;
      this.#byRefreshToken.set(grant.refreshToken, grant);
    }
    return respond(200, {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: seconds,
      ...(renewable && { refresh_token: grant.refreshToken }),
      scope: grant.scope,
    });
  }
}

function newGrant(params: Params, clientId: string): Grant {
  const scope = String(params['scope'] ?? '');
  const resource = typeof params['resource'] === 'string' ? params['resource'] : undefined;
  return { clientId, scope, resource, refreshToken: undefined, over: false };
}

/** RFC 6749 §4.1.2.1, RFC 7636 §4.4.1 */
function whatIsWrong(params: Params): string | undefined {
  if (params['response_type'] !== 'code') return 'unsupported_response_type';
  const proves = params['code_challenge_method'] === 'S256' && Boolean(params['code_challenge']);
  return proves ? undefined : 'invalid_request';
}
