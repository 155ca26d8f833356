import { createHash, randomBytes } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** A client of OAuth made of nothing but `fetch`, to see what the servers of the tests really do. */
export interface PlainClient {
  issuer: string;
  clientId: string;
  redirectUri: string;
  /** The metadata of the authorization server. */
  metadata: Readonly<Record<string, string>>;
}

/** A PKCE pair (RFC 7636). */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return { verifier, challenge };
}

/** The members of a JSON answer that tests look at are texts, or compared as they are. */
export async function readJson(response: Response): Promise<Readonly<Record<string, string>>> {
  return (await response.json()) as Record<string, string>;
}

/** The metadata of an authorization server (RFC 8414 §3.1). */
export async function readMetadata(issuer: string): Promise<PlainClient['metadata']> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname === '/' ? '' : pathname;
  return readJson(await fetch(`${origin}/.well-known/oauth-authorization-server${path}`));
}

/** Where nobody listens: for tests that take the callback's URL themselves. */
export const NOWHERE = 'http://127.0.0.1:9/callback';

/** Registers a public client. */
export async function registerPlainClient(
  issuer: string,
  redirectUri = NOWHERE,
): Promise<PlainClient> {
  const metadata = await readMetadata(issuer);
  const registered = await fetch(metadata['registration_endpoint'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    }),
  });
  const { client_id: clientId = '' } = await readJson(registered);
  return { issuer, clientId, redirectUri, metadata };
}

/** The URL of an authorization request; `more` wins, and undefined takes a parameter out. */
export function authorizationUrl(
  { metadata, clientId, redirectUri }: PlainClient,
  challenge: string,
  more: Readonly<Record<string, string | undefined>> = {},
): URL {
  const url = new URL(metadata['authorization_endpoint'] ?? '');
  const params = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'the-state',
    ...more,
  };
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

/** Posts a form as this client to an endpoint that its server's metadata names. */
export function postForm(
  { metadata, clientId }: PlainClient,
  endpoint: 'token_endpoint' | 'revocation_endpoint',
  params: Readonly<Record<string, string>>,
): Promise<Response> {
  const body = new URLSearchParams({ client_id: clientId, ...params });
  return fetch(metadata[endpoint] ?? '', { method: 'POST', body });
}

/** The SDK's client, connected with a token. */
export async function connectWithToken(
  url: URL,
  token: string | undefined,
  transport: 'http' | 'sse' = 'http',
): Promise<Client> {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const Transport = transport === 'http' ? StreamableHTTPClientTransport : SSEClientTransport;
  const client = new Client({ name: 'plain', version: '1' });
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  const made = new Transport(url, { requestInit: { headers } }) as Parameters<Client['connect']>[0];
  await client.connect(made);
  return client;
}
