/**
 * A small real authorization server (oidc-provider): OAuth 2.1 with PKCE, dynamic registration,
 * resource indicators and refresh tokens. Whoever comes by is logged in as Ada, who agrees to
 * everything: where a person would see two screens, this one sees none.
 */
import { generateKeyPairSync } from 'node:crypto';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
// index.js is the same with a warning on each start that Node.js 20 is old.
import { Provider } from 'oidc-provider/lib/provider.js';
import { listen } from './http-listener.mjs';

const PERSON = 'ada';

/** What the servers of the examples ask for. */
export const SCOPE = 'whoami';

/**
 * Starts it. `whoseToken` tells whom the bearer token of a request belongs to; undefined for none, or
 * for one that was issued for another audience (RFC 8707).
 */
export async function startAuthorizationServer() {
  addUrlParse();
  let handle = () => {};
  const { origin, close } = await listen((request, response) => handle(request, response));
  const provider = new Provider(origin, configuration());
  const answer = provider.callback();
  handle = (request, response) =>
    request.url.startsWith('/interaction/')
      ? agree(provider, request, response)
      : answer(request, response);
  const whoseToken = async ({ authorization = '' }, audience) => {
    const [, token] = /^Bearer (\S+)$/.exec(authorization) ?? [];
    const found = token === undefined ? undefined : await provider.AccessToken.find(token);
    return found?.aud === audience ? found?.accountId : undefined;
  };
  return { issuer: origin, whoseToken, close };
}

function configuration() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
  const resource = { scope: SCOPE, accessTokenFormat: 'opaque', accessTokenTTL: 3600 };
  return {
    adapter: createMemoryAdapter(0),
    jwks: { keys: [key] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', SCOPE],
    pkce: { required: () => true },
    ttl: {
      ...{ AccessToken: 3600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 86_400 },
      ...{ Interaction: 600, Session: 86_400, Grant: 86_400 },
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => resource,
        useGrantedResource: () => true,
      },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  };
}

/** Login and consent at once. */
async function agree(provider, request, response) {
  const { params, prompt } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: PERSON, clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? '');
  for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, SCOPE);
  const grantId = await grant.save();
  const login = prompt.name === 'login' ? { login: { accountId: PERSON } } : {};
  const result = { ...login, consent: { grantId } };
  await provider.interactionFinished(request, response, result);
}

/** oidc-provider needs `URL.parse`, which Node.js 20.17 does not have. */
function addUrlParse() {
  if ('parse' in URL) return;
  const parse = (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
  Object.defineProperty(URL, 'parse', { value: parse });
}
