import type * as OpenidClient from 'openid-client';
import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import { createClientAuth } from '../client/client-auth.ts';
import type { ClientRegistration } from '../client/client-registration.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { type EndpointDeps, type EndpointPost, postToEndpoint } from './endpoint-post.ts';

/**
 * A request that openid-client builds and {@link postToEndpoint} sends; `read` makes what openid-client
 * gets to see of a successful answer.
 */
export interface OpenidRequest
  extends Omit<EndpointPost<Response>, 'headers' | 'body' | 'secrets'> {
  authorizationServer: AuthorizationServer;
  client: ClientRegistration;
}

/** Parameters whose values are secrets. */
const SECRET_PARAMETERS = [
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'device_code',
  'refresh_token',
  'token',
];

/**
 * Lets `call` make one request with openid-client. Rejects with what `toError` makes of a refusal, and
 * with what {@link createClientAuth} rejects with. The library is loaded here, since most runs of the
 * program never need it.
 */
export async function withOpenid<T>(
  request: OpenidRequest,
  deps: EndpointDeps,
  call: (lib: typeof OpenidClient, config: OpenidClient.Configuration) => Promise<T>,
): Promise<T> {
  const lib = await import('openid-client');
  const { authorizationServer, client } = request;
  const { metadata } = authorizationServer;
  const auth = await createClientAuth(lib, client, authorizationServer);
  const config = new lib.Configuration({ ...metadata }, client.clientId, {}, auth);
  // The library would allow http everywhere or nowhere; `secureUrl` has allowed it on this computer.
  lib.allowInsecureRequests(config);
  config[lib.customFetch] = async (_url, { headers, body }) => {
    if (!(body instanceof URLSearchParams)) throw new TypeError('expected a form');
    // Some servers refuse the library's name; our HTTP client has one of its own.
    const { 'user-agent': _, ...own } = headers;
    const values = SECRET_PARAMETERS.map((name) => body.get(name) ?? undefined);
    const secrets = [client.clientSecret, ...values];
    return postToEndpoint({ ...request, headers: own, body, secrets }, deps);
  };
  try {
    return await call(lib, config);
  } catch (error) {
    // What its fetch rejects with, the library wraps.
    const inner = error instanceof Error ? error.cause : undefined;
    throw inner instanceof McpMasterError ? inner : toMcpMasterError(error);
  }
}
