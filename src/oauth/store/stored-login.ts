import { McpMasterError } from '../../errors.ts';
import { CLIENT_AUTH_METHODS, type ClientRegistration } from '../client/client-registration.ts';
import type { AuthorizationServer } from '../discovery/authorization-server.ts';
import { loginCommand, loginRequired } from '../login-command.ts';
import type { TokenSet } from '../tokens/token-set.ts';
import * as json from './json.ts';
import type { LoginKey } from './login-key.ts';

/** The format of the items; a later version is refused, never overwritten unread. */
const VERSION = 1;

/** All that is needed to use a login and to renew it: one item of the token store. */
export interface StoredLogin {
  /** Another one with each save. */
  revision: string;
  server: string;
  /** When the person logged in, in milliseconds since the epoch; renewing changes nothing of it. */
  loggedInAt: number;
  authorizationServer: AuthorizationServer;
  /** The `resource` parameter (RFC 8707) that the token was asked for with; undefined = none. */
  resource: string | undefined;
  client: ClientRegistration;
  tokens: TokenSet;
}

const texts = json.listOf(json.text);

const metadata = json.openRecord({
  issuer: json.word,
  authorization_endpoint: json.optional(json.word),
  token_endpoint: json.word,
});

const item = json.record({
  version: json.oneOf(VERSION),
  revision: json.word,
  server: json.word,
  loggedInAt: json.number,
  authorizationServer: json.record({
    metadata,
    source: json.oneOf('metadata', 'settings', 'assumed'),
  }),
  resource: json.optional(json.word),
  client: json.record({
    source: json.oneOf('configured', 'metadata_document', 'dynamic'),
    clientId: json.word,
    clientSecret: json.optional(json.word),
    authMethod: json.oneOf(...CLIENT_AUTH_METHODS),
    redirectUri: json.optional(json.word),
    scopes: json.optional(texts),
  }),
  tokens: json.record({
    accessToken: json.word,
    refreshToken: json.optional(json.word),
    expiresAt: json.optional(json.number),
    obtainedAt: json.number,
    scopes: texts,
  }),
});

/** The text of an item. What the configuration knows of the client is left out: it stays there. */
export function serialiseLogin(login: StoredLogin): string {
  const { clientSecret, privateKey: _, ...client } = login.client;
  const own = client.source === 'dynamic' && clientSecret !== undefined ? { clientSecret } : {};
  return JSON.stringify({ version: VERSION, ...login, client: { ...client, ...own } });
}

/**
 * Reads an item. Throws `LOGIN_REQUIRED` when it is damaged, and `INTERNAL` when it is of a later
 * version, which is not for this one to replace unasked.
 */
export function parseLogin(value: string, { server, commandFlags }: LoginKey): StoredLogin {
  const data = json.parse(item, value);
  if (data !== undefined) {
    const { version: _, ...login } = data;
    // The schema is this type, but for members that are absent instead of undefined.
    return { resource: undefined, ...login } as StoredLogin;
  }
  const version = json.parse(json.record({ version: json.number }), value)?.version ?? 0;
  if (version <= VERSION)
    throw loginRequired(server, 'its stored login is damaged', { commandFlags });
  throw new McpMasterError('INTERNAL', 'its stored login was written by a newer mcp-master', {
    hint: `Use that one, or replace the login: ${loginCommand(server, commandFlags)} --force`,
  });
}
