import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type AuthHome, createAuthHome } from './auth-home.ts';
import { type AuthorizationServer, startAuthorizationServer } from './authorization-server.ts';
import type { ProviderOptions } from './provider-configuration.ts';
import { type SharedServer, startSharedServer, WORKER_HEADERS } from './shared-server.ts';
import { untilTestEnds } from './test-lifetime.ts';
import { type Exchange, startTokenRelay, type TokenRelay } from './token-relay.ts';

/** How long the tests with a crowd of processes last unless MCP_MASTER_TEST_SECONDS says otherwise. */
const SECONDS = 120;

/** The life of an access token, in seconds. */
const LIFE_SECONDS = 2;

/** A token is renewed when a fifth of its life is left. */
const MARGIN_MS = LIFE_SECONDS * 200;

/** How long a crowd of processes has to work, in seconds. */
export function crowdSeconds(): number {
  const given = process.env['MCP_MASTER_TEST_SECONDS'];
  if (given === undefined) return SECONDS;
  process.stderr.write(`MCP_MASTER_TEST_SECONDS=${given}\n`);
  return Number(given);
}

/** A home with a login to `api`, whose access tokens live two seconds and whose refresh token rotates. */
export interface RefreshStage {
  home: AuthHome;
  provider: AuthorizationServer;
  server: SharedServer;
  /** What stands before the provider's token endpoint; each request notes when the stored token ends. */
  relay: TokenRelay;
  /** The server's entry for the configuration. */
  entry: object;
}

/** Starts all but the login, which follows when the configuration is written. */
export async function createRefreshStage(options: ProviderOptions = {}): Promise<RefreshStage> {
  const home = await createAuthHome({ WORKER: 'nobody' });
  const provider = await untilTestEnds(
    startAuthorizationServer({
      ...{ accessTokenSeconds: LIFE_SECONDS, refreshTokens: 'always', ...options },
    }),
  );
  const server = await untilTestEnds(startSharedServer(provider));
  const relay = await untilTestEnds(
    startTokenRelay(`${provider.origin}/token`, () => storedExpiry(home, 'api')),
  );
  const entry = {
    url: server.url,
    auth_strategy: 'delegate_oauth',
    auth_config: { token_endpoint: relay.url },
    headers: WORKER_HEADERS,
  };
  return { home, provider, server, relay, entry };
}

/** When the stored access token of a server ends, from the index; undefined when there is none. */
export function storedExpiry({ path }: AuthHome, server: string): number | undefined {
  const folder = join(path, 'state', 'logins');
  try {
    const file = readdirSync(folder).find((name) =>
      new RegExp(`^${server}-[0-9a-f]{12}\\.json$`).test(name),
    );
    if (file === undefined) return undefined;
    // The program's own record of a login.
    return (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { expiresAt?: number })
      .expiresAt;
  } catch {
    // Nobody has logged in yet.
    return undefined;
  }
}

/**
 * The refreshes for which there was no reason: four fifths of the life of the token that was stored were
 * not over yet, and the provider, which counts in whole seconds, still took it. Does not depend on how
 * fast anything is.
 */
export function earlyRefreshes({ exchanges }: TokenRelay): Exchange[] {
  return exchanges.filter((exchange, index) => {
    if (exchange.grant !== 'refresh_token') return false;
    const origin = exchanges
      .slice(0, index)
      .findLast(({ issued }) => issued?.refreshToken === exchange.shown);
    const refusedFrom = (Math.floor((origin?.begunAt ?? 0) / 1000) + LIFE_SECONDS) * 1000;
    const renewedFrom = (exchange.noted ?? 0) - MARGIN_MS;
    return exchange.begunAt < Math.min(refusedFrom, renewedFrom);
  });
}

/** How many tokens that were stored have come to their end, as those who renewed them saw it. */
export function countExpiries(relay: TokenRelay): number {
  return new Set(relay.refreshes().map(({ noted }) => noted)).size;
}
