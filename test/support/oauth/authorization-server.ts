import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
// index.js is the same with a warning on each start that Node.js 20 is old.
import { type Context, Provider, type Token } from 'oidc-provider/lib/provider.js';
import { listen, type RequestHandler } from './http-listener.ts';
import { readJwt } from './jwt.ts';
import { type ProviderOptions, providerConfiguration } from './provider-configuration.ts';
import { showScreens } from './screens.ts';
import { type Endpoint, type Params, SeenRequests } from './seen-requests.ts';
import type { TokenChecker, TokenInfo } from './token-checker.ts';

/** How the real authorization server is started; all of it may be left out. */
export interface AuthorizationServerOptions extends ProviderOptions {
  /** The path of the issuer, such as `/tenant`; default none. */
  path?: string;
  /** Default: any free one. */
  port?: number;
  /** Seconds between two requests for the tokens of a device code; default 1. */
  deviceInterval?: number;
}

/** A real authorization server (oidc-provider 9) on 127.0.0.1. */
export interface AuthorizationServer extends TokenChecker {
  origin: string;
  seen: SeenRequests;
  /** Makes all opaque access tokens that were issued so far invalid; refresh tokens stay good. */
  expireAccessTokens(): Promise<void>;
  /** Makes all refresh tokens that were issued so far unknown. */
  forgetRefreshTokens(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a real authorization server; it can be used outside of a test, too. */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<AuthorizationServer> {
  addUrlParse();
  const mount = options.path ?? '';
  let handle: RequestHandler = () => {};
  const { origin, close } = await listen(
    (request, response) => handle(request, response),
    options.port,
  );
  const issuer = `${origin}${mount}`;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const configuration = providerConfiguration(options, {
    key: { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'test' },
    interactionPath: (uid) => `${mount}/interaction/${uid}`,
  });
  const provider = new Provider(issuer, configuration);
  const seen = watch(provider);
  sayInterval(provider, options.deviceInterval ?? 1);
  const issued = rememberTokens(provider);
  handle = route(provider, mount, seen);
  return {
    ...{ issuer, origin, seen, close },
    check: (token) => check(provider, { token, issuer, key: publicKey }),
    expireAccessTokens: () => destroyAll(issued.access),
    forgetRefreshTokens: () => destroyAll(issued.refresh),
  };
}

/** oidc-provider needs `URL.parse`, which Node.js 20.17 does not have. */
function addUrlParse(): void {
  if ('parse' in URL) return;
  const parse = (url: string, base?: string) =>
    URL.canParse(url, base) ? new URL(url, base) : null;
  Object.defineProperty(URL, 'parse', { value: parse });
}

/** The provider knows its paths without the path of the issuer. */
function route(provider: Provider, mount: string, seen: SeenRequests): RequestHandler {
  const answer = provider.callback();
  return async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname.startsWith(`${mount}/interaction/`)) {
      await showScreens(provider, request, response);
      return;
    }
    const inside = withoutMount(pathname, mount);
    if (inside !== undefined) {
      // As Express tells a mounted program where it is.
      Object.assign(request, { originalUrl: request.url, baseUrl: mount });
      request.url = `${inside}${search}`;
      await answer(request, response);
      return;
    }
    const { method = '', headers } = request;
    seen.all.push({ endpoint: 'other', method, path: pathname, headers, params: {}, status: 404 });
    response.writeHead(404).end();
  };
}

const PATH_INSERTED = /^(\/\.well-known\/(?:oauth-authorization-server|openid-configuration))(.*)$/;

/** Undefined for a path that does not belong to the issuer. */
function withoutMount(path: string, mount: string): string | undefined {
  const [, wellKnown, rest] = PATH_INSERTED.exec(path) ?? [];
  if (wellKnown !== undefined) return rest === mount ? wellKnown : undefined;
  return path.startsWith(`${mount}/`) ? path.slice(mount.length) : undefined;
}

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  jwks: 'jwks',
  registration: 'register',
  authorization: 'authorize',
  token: 'token',
  device_authorization: 'device',
  revocation: 'revoke',
};

const ERRORS = [
  'grant.error',
  'authorization.error',
  'registration_create.error',
  'server_error',
] as const;

/** Writes down each request with what became of it. */
function watch(provider: Provider): SeenRequests {
  const seen = new SeenRequests();
  const errors = new WeakMap<Context, Error>();
  for (const event of ERRORS) provider.on(event, (ctx, error) => void errors.set(ctx, error));
  provider.use(async (ctx, next) => {
    await next();
    const params = { ...ctx.query, ...(ctx.oidc?.body as Params | undefined) };
    const error = errors.get(ctx);
    const { method, status } = ctx;
    const path = ctx.req.originalUrl.replace(/\?.*/, '');
    const endpoint = endpointOf(ctx);
    const { headers } = ctx.req;
    seen.all.push({ endpoint, method, path, headers, params, status, error: error?.message });
    if (wasReused(error)) seen.reused.push(String(params['refresh_token']));
  });
  return seen;
}

/** The provider says nothing of it, which means five seconds (RFC 8628 §3.2). */
function sayInterval(provider: Provider, interval: number): void {
  provider.use(async (ctx, next) => {
    await next();
    const isDevice = ctx.oidc?.route === 'device_authorization' && ctx.status === 200;
    if (isDevice) ctx.body = { ...Object(ctx.body), interval };
  });
}

function endpointOf({ oidc, path }: Context): Endpoint {
  if (oidc === undefined) return 'other';
  if (oidc.route !== 'discovery') return ENDPOINTS[oidc.route] ?? 'other';
  return path.endsWith('/openid-configuration') ? 'openid' : 'metadata';
}

function wasReused(error: (Error & { error_detail?: string }) | undefined): boolean {
  return error?.error_detail === 'refresh token already used';
}

function rememberTokens(provider: Provider) {
  const issued = { access: new Set<Token>(), refresh: new Set<Token>() };
  for (const model of ['access_token', 'client_credentials'] as const) {
    provider.on(`${model}.saved`, (token) => void issued.access.add(token));
  }
  provider.on('refresh_token.saved', (token) => void issued.refresh.add(token));
  return issued;
}

async function destroyAll(tokens: Set<Token>): Promise<void> {
  for (const token of tokens) await token.destroy();
  tokens.clear();
}

interface Checked {
  token: string;
  issuer: string;
  key: KeyObject;
}

async function check(
  provider: Provider,
  { token, ...by }: Checked,
): Promise<TokenInfo | undefined> {
  const jwt = readJwt(token, by);
  if (jwt !== undefined) return jwt;
  const found =
    (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  if (found === undefined) return undefined;
  const { clientId, accountId, aud, scope = '' } = found;
  const scopes = scope.split(' ').filter(Boolean);
  return { clientId, subject: accountId ?? clientId, scopes, audience: aud };
}
