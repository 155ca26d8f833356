import { expect } from 'vitest';
import { waitFor } from '../bin.ts';
import type { RecordingClient } from '../recording-client.ts';
import { changed } from './answers.ts';
import { type AuthHome, createAuthHome, type LoginEnd } from './auth-home.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server.ts';
import type { KnownClient } from './provider-configuration.ts';
import { startWitness, type Witness, type WitnessProtection } from './strategy-witness.ts';
import { untilTestEnds } from './test-lifetime.ts';
import { startTokenRelay, type TokenRelay } from './token-relay.ts';

/** The command that every server of the master's token needs. */
export const MASTER_LOGIN = 'mcp-master auth login --server=master';

/** A client that gets tokens as itself. */
export const ROBOT: KnownClient & { client_secret: string } = {
  ...{ client_id: 'robot', client_secret: 'the-secret-of-the-robot', redirect_uris: [] },
  ...{ token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'] },
};

/** A home whose master has an authorization server. */
export interface MasterStage {
  home: AuthHome;
  /** Issues the tokens of the master. */
  provider: AuthorizationServer;
  /** Stands before its token endpoint. */
  relay: TokenRelay;
  /** The root block `master_oauth`. */
  block: object;
  /** A good token that no login has led to: one for MCP_MASTER_TOKEN. */
  issue(): Promise<string>;
  /** A server that lets in who has a token of the provider. */
  startServer(protection?: WitnessProtection): Promise<Witness>;
  /** Logs in as the master, and gives the access token. */
  logIn(options?: { env?: Record<string, string> }): Promise<string>;
  /** The same, with a token that is said to end after two seconds, and waits for that; those that follow last. */
  logInUntilExpired(): Promise<string>;
}

/** Starts it; the configuration is the test's. `env` is added to that of everything in the home. */
export async function createMasterStage(
  options: AuthorizationServerOptions = {},
  env: Record<string, string> = {},
): Promise<MasterStage> {
  const home = await createAuthHome({ MCP_MASTER_BROWSER: 'never', ...env });
  const provider = await untilTestEnds(
    startAuthorizationServer({ refreshTokens: 'always', clients: [ROBOT], ...options }),
  );
  const relay = await untilTestEnds(startTokenRelay(`${provider.issuer}/token`));
  const logIn: MasterStage['logIn'] = async (how = {}) => {
    const ended: LoginEnd = await home.logIn(['master'], how);
    expect(ended).toMatchObject({ code: 0, last: { event: 'logged_in', server: 'master' } });
    return newestToken(relay);
  };
  return {
    ...{ home, provider, relay, logIn },
    block: { issuer: provider.issuer, token_endpoint: relay.url, scopes: ['mcp:read'] },
    issue: () => issueToken(provider),
    startServer: (protection) => startWitness(provider, protection),
    logInUntilExpired: async () => {
      relay.intercept(async (_, pass) => changed(await pass(), { expires_in: 2 }));
      const token = await logIn();
      relay.intercept(undefined);
      await untilExpired(home, 'master');
      return token;
    },
  };
}

/** Resolves when the stored token of a server has ended. */
export async function untilExpired(home: AuthHome, server: string): Promise<void> {
  const { expires_at: end } = await statusOf(home, server);
  await waitFor(() => Date.now() > Date.parse(String(end)), { what: 'the end of the token' });
}

/** The access token that was issued last. */
export function newestToken({ exchanges }: TokenRelay): string {
  const issued = exchanges.findLast((exchange) => exchange.issued !== undefined)?.issued;
  if (issued === undefined) throw new Error('No token was issued');
  return issued.accessToken;
}

async function issueToken({ issuer }: AuthorizationServer): Promise<string> {
  const { client_id, client_secret } = ROBOT;
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret });
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
  expect(answer.status).toBe(200);
  // RFC 6749 §5.1
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** A row of `auth status`. */
export async function statusOf(
  home: AuthHome,
  server: string,
  env: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const { value } = await home.json(['auth', 'status'], { env });
  const row = value.find((one) => one['server'] === server);
  if (row === undefined) throw new Error(`No row of ${server}: ${JSON.stringify(value)}`);
  return row;
}

/** A row of `list`. */
export interface ListRow {
  server: string;
  state: string;
  tools: number | null;
  error: { code: string; message: string; hint: string | null } | null;
}

/** The rows of `list`, by server. */
export async function listed(
  home: AuthHome,
  env: Record<string, string> = {},
): Promise<Record<string, ListRow>> {
  const { value } = await home.json<ListRow[]>(['list'], { env });
  return Object.fromEntries(value.map((row) => [row.server, row]));
}

/** Calls `echo` of a server. Undefined when it was answered, else all that the client was told instead. */
export async function refusalOf(
  client: RecordingClient,
  server: string,
): Promise<string | undefined> {
  const params = { name: `${server}__echo`, arguments: { text: 'x' } };
  const { result, error } = await client.request('tools/call', params);
  if (result !== undefined && result['isError'] !== true) return undefined;
  return JSON.stringify(error ?? result);
}
