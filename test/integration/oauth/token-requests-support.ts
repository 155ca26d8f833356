import type { ServerResponse } from 'node:http';
import type { ClientRegistration } from '../../../src/oauth/client/client-registration.ts';
import type {
  AuthorizationServer,
  ServerMetadata,
} from '../../../src/oauth/discovery/authorization-server.ts';
import type { AuthorizationRequest } from '../../../src/oauth/tokens/authorization-request.ts';
import {
  exchangeCode,
  type OAuthDeps,
  refreshTokens,
} from '../../../src/oauth/tokens/token-requests.ts';
import type { TokenSet } from '../../../src/oauth/tokens/token-set.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient } from '../../support/http/connection.ts';
import { type Handler, json, startServer } from '../../support/http/scripted-server.ts';
import { memoryLog } from '../../support/memory-log.ts';

export const NOW = Date.parse('2026-01-01T00:00:00Z');

export const REDIRECT = 'http://127.0.0.1:4711/oauth/callback';

export const CODE = 'the-code-of-the-login';
export const VERIFIER = 'the-verifier-that-is-long-enough-for-rfc-7636-1';

/** What our side works with, over real sockets; and what it logged and registered as secret. */
export function oauthDeps(other: Partial<OAuthDeps> = {}) {
  const { log, lines } = memoryLog();
  const secrets: string[] = [];
  const secret = (value: string) => void secrets.push(value);
  const fetch = createFetch(testClient());
  const deps: OAuthDeps = { fetch, now: () => NOW, log, secret, ...other };
  return { deps, lines, secrets };
}

/** An authorization server whose endpoints are paths of `origin`. */
export function serverAt(
  origin: string,
  metadata: Partial<ServerMetadata> = {},
  source: AuthorizationServer['source'] = 'metadata',
): AuthorizationServer {
  const endpoints = {
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    revocation_endpoint: `${origin}/revoke`,
  };
  return { metadata: { issuer: origin, ...endpoints, ...metadata }, source };
}

/** A public client, but for what is given. */
export function client(other: Partial<ClientRegistration> = {}): ClientRegistration {
  return {
    source: 'dynamic',
    clientId: 'the-client',
    authMethod: 'none',
    redirectUri: REDIRECT,
    ...other,
  };
}

export function tokenSet(other: Partial<TokenSet> = {}): TokenSet {
  return {
    ...{ accessToken: 'old-access-token', refreshToken: 'old-refresh-token' },
    ...{ obtainedAt: 0, scopes: ['read', 'write'], ...other },
  };
}

/** The request that the code belongs to, as it was made at `issuer`. */
export function requestAt(
  issuer: string,
  other: Partial<AuthorizationRequest> = {},
): AuthorizationRequest {
  return {
    ...{ url: `${issuer}/authorize`, state: 'the-state', codeVerifier: VERIFIER },
    ...{ redirectUri: REDIRECT, scopes: ['asked'], issuer },
    ...{ issuerGuessed: false, issRequired: false, ...other },
  };
}

/** For servers that never answer; no test waits this long for one that does. */
export const IMPATIENT_MS = 300;

/** What may differ from an ordinary request. */
export interface Setting {
  client?: ClientRegistration;
  metadata?: Partial<ServerMetadata>;
  source?: AuthorizationServer['source'];
  resource?: string;
  timeoutMs?: number | undefined;
}

/** A token endpoint that answers as scripted, and the two requests to it. */
export async function tokenEndpoint(handle: Handler, setting: Setting = {}) {
  const server = await startServer(handle);
  const authorizationServer = serverAt(server.origin, setting.metadata, setting.source);
  const asking = {
    ...{ authorizationServer, client: setting.client ?? client() },
    ...(setting.resource === undefined ? {} : { resource: setting.resource }),
  };
  const { timeoutMs } = setting;
  const world = oauthDeps({ timeoutMs });
  return {
    ...world,
    server,
    sent: () => new URLSearchParams(server.received.at(-1)?.body),
    exchange: (
      request = requestAt(server.origin),
      response = new URLSearchParams({ code: CODE, state: request.state }),
    ) => exchangeCode({ ...asking, request, response }, world.deps),
    refresh: (tokens = tokenSet()) => refreshTokens({ ...asking, tokens }, world.deps),
  };
}

/** Answers each request with this JSON. */
export function answering(body: unknown, status = 200): Handler {
  return (_, response: ServerResponse) => json(response, body, status);
}

/** Answers with text of a type. */
export function answeringText(text: string, type: string, status = 200): Handler {
  return (_, response) => void response.writeHead(status, { 'content-type': type }).end(text);
}
