import type * as OpenidClient from 'openid-client';
import { McpMasterError } from '../../errors.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import type { ClientAuthMethod, ClientRegistration } from './client-registration.ts';
import { readSigningKey } from './private-key.ts';

/**
 * How a client with a secret proves itself: the first of ours that the server lists. Without a list it
 * is `client_secret_basic` (RFC 8414 §2), which is also tried where the list has none of ours.
 */
export function secretMethod(listed: readonly string[] | undefined): ClientAuthMethod {
  const wantsPost = listed?.includes('client_secret_post') === true;
  return wantsPost && !listed.includes('client_secret_basic')
    ? 'client_secret_post'
    : 'client_secret_basic';
}

/**
 * What adds the client's credentials to a request (RFC 6749 §2.3, RFC 7523 §2.2). Rejects with
 * `CONFIG_INVALID` when the secret or key is missing or can't be used.
 */
export async function createClientAuth(
  lib: typeof OpenidClient,
  client: ClientRegistration,
  server: AuthorizationServer,
): Promise<OpenidClient.ClientAuth> {
  switch (client.authMethod) {
    case 'none':
      return lib.None();
    case 'client_secret_post':
      return lib.ClientSecretPost(secretOf(client));
    case 'client_secret_basic':
      return basicAuth(secretOf(client));
    case 'private_key_jwt':
      return assertionAuth(lib, client, server);
  }
}

/**
 * RFC 6749 §2.3.1 wants both parts form-encoded. openid-client encodes `-`, `_` and `.` as well, which
 * servers refuse that do not decode at all.
 */
function basicAuth(secret: string): OpenidClient.ClientAuth {
  return (_server, client, _body, headers) => {
    const [user, password] = [client.client_id, secret].map(encodeURIComponent);
    headers.set('authorization', `Basic ${btoa(`${user}:${password}`)}`);
  };
}

async function assertionAuth(
  lib: typeof OpenidClient,
  { privateKey }: ClientRegistration,
  { metadata, source }: AuthorizationServer,
): Promise<OpenidClient.ClientAuth> {
  if (privateKey === undefined) throw missing('private_key');
  const listed = metadata.token_endpoint_auth_signing_alg_values_supported;
  const { key, alg } = await readSigningKey(privateKey, listed);
  return lib.PrivateKeyJwt(key, {
    [lib.modifyAssertion](header, payload) {
      header['alg'] = alg;
      // An issuer that no metadata confirms is a guess (RFC 7523 §3 allows both).
      if (source !== 'metadata') payload['aud'] = metadata.token_endpoint;
    },
  });
}

function secretOf({ clientSecret, source }: ClientRegistration): string {
  if (clientSecret) return clientSecret;
  if (source === 'configured') throw missing('client_secret');
  throw new McpMasterError('CONFIG_INVALID', 'the registered client has no secret any more', {
    hint: 'Log in with --force, which registers a new client.',
  });
}

function missing(setting: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', `\`${setting}\` of this server is missing`, {
    hint: `The login was made with it: set \`${setting}\` again, or log in anew.`,
  });
}
