import type { JsonObject } from '../../../src/rpc/message.ts';
import { waitFor } from '../bin.ts';
import type { Answer, RecordingClient } from '../recording-client.ts';
import { type AuthHome, createAuthHome, type ProtectedPair, startPair } from './auth-home.ts';
import type { AuthorizationServerOptions } from './authorization-server.ts';
import { connectWithToken } from './plain-client.ts';
import type { ProtectedServerOptions } from './protected-server.ts';
import { type AtBrowser, type ScreenBrowser, startScreenBrowser } from './sign-in-browser.ts';
import { type SignInClientOptions, startClient } from './sign-in-client.ts';

/** Longer than a test may take: who is answered meanwhile was not kept waiting for a login. */
export const FOR_EVER = 3600;

/** How the stage is set; all of it may be left out. */
export interface SignInOptions {
  provider?: AuthorizationServerOptions;
  protection?: Omit<ProtectedServerOptions, 'authorizationServer'>;
  /** The block `serve` of the configuration; `login_wait` is {@link FOR_EVER} by default. */
  serve?: JsonObject;
  /** Laid over the server's entry. */
  entry?: JsonObject;
  /** Who sits before the screen; default: somebody who agrees. */
  person?: AtBrowser;
}

/** A protected server `api`, whose tools anybody may list and nobody call without a login. */
export interface SignInStage extends ProtectedPair {
  home: AuthHome;
  browser: ScreenBrowser;
  /** Starts `serve` for a client; it has the browser unless `env` says otherwise. */
  start(options?: SignInClientOptions): Promise<RecordingClient>;
  /** The same for a client that has no screen. */
  startHeadless(options?: SignInClientOptions): Promise<RecordingClient>;
  /** How many authorizations were begun at the provider. */
  authorizations(): number;
  /** Waits until the server has refused so many tool calls: so many wait for a login. */
  waitForRefused(calls: number): Promise<void>;
  /** What the server itself answers to a call with the token that it saw last. */
  callDirectly(name: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Ends each login at the provider: no token is good any more, and none can be renewed. */
  endLogins(): Promise<void>;
}

/** Sets the stage for the test that runs. */
export async function signInStage(options: SignInOptions = {}): Promise<SignInStage> {
  const { protection = { guard: 'calls' }, serve = {}, entry = {} } = options;
  const home = await createAuthHome();
  const pair = await startPair(options.provider, protection);
  const browser = await startScreenBrowser(options.person);
  await home.configure(
    { api: { url: pair.entry.url, ...entry } },
    { serve: { login_wait: FOR_EVER, ...serve } },
  );
  const { provider, server } = pair;
  return {
    ...{ ...pair, home, browser },
    start: ({ env, ...more } = {}) =>
      startClient(home, { env: { ...browser.env, ...env }, ...more }),
    startHeadless: (more) => startClient(home, more),
    authorizations: () => provider.seen.at('authorize').length,
    waitForRefused: async (calls) => {
      const refused = () =>
        server.requests.filter((one) => one.rpc === 'tools/call' && one.refused === 401);
      await waitFor(() => refused().length >= calls, {
        ...{ deadline: 30_000, what: `${calls} calls that were refused` },
      });
    },
    callDirectly: async (name, args = {}) => {
      const token = server
        .authorizations()
        .at(-1)
        ?.replace(/^Bearer /, '');
      const client = await connectWithToken(server.url, token);
      try {
        return await client.callTool({ name, arguments: args });
      } finally {
        await client.close();
      }
    },
    endLogins: async () => {
      await provider.forgetRefreshTokens();
      await provider.expireAccessTokens();
    },
  };
}

/** Lists the tools, so that the client knows them, and calls `whoami` of the server. */
export async function whoami(client: RecordingClient): Promise<JsonObject> {
  await client.listTools();
  return client.callTool('api__whoami');
}

/** The error of an answer; fails when there is none. */
export function errorOf({ error, result }: Answer): NonNullable<Answer['error']> {
  if (error !== undefined) return error;
  throw new Error(`It was answered: ${JSON.stringify(result)}`);
}
