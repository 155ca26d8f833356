import { expect } from 'vitest';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server.ts';
import { createMasterStage, type MasterStage } from './strategy-stage.ts';
import { anyOf, keysOf, startWitness, type Witness } from './strategy-witness.ts';
import { untilTestEnds } from './test-lifetime.ts';
import type { TokenChecker } from './token-checker.ts';

/** A token that a server has given out once: the value of a token_source. */
export const SOURCE_KEY = 'a-key-that-the-server-has-given-out';

/** Which tokens the server `api` lets in. */
type Accepted = 'source' | 'own' | 'master';

/** A server with an authorization server of its own, beside that of the master; it is called `api`. */
export interface ProxyStage extends MasterStage {
  /** Issues the tokens of the server's own login. */
  own: AuthorizationServer;
  api: Witness;
  /** Writes it into the configuration with these settings, and the root block of the master. */
  configure(settings?: object): Promise<unknown>;
  /** Logs in to the server itself, and gives the access token. */
  logInToServer(): Promise<string>;
}

/** Starts it. The server takes tokens of every kind unless told. */
export async function createProxyStage(
  env: Record<string, string> = {},
  accepted: readonly Accepted[] = ['source', 'own', 'master'],
  options: AuthorizationServerOptions = {},
): Promise<ProxyStage> {
  const stage = await createMasterStage({}, env);
  const own = await untilTestEnds(
    startAuthorizationServer({ refreshTokens: 'always', ...options }),
  );
  const kinds: Record<Accepted, TokenChecker> = {
    source: keysOf(own.issuer, SOURCE_KEY),
    own,
    master: stage.provider,
  };
  // Its metadata names its own authorization server, whatever it accepts.
  const nobody = keysOf(own.issuer);
  const api = await startWitness(anyOf(nobody, ...accepted.map((kind) => kinds[kind])));
  return {
    ...{ ...stage, own, api },
    configure: (settings = {}) => {
      const entry = { url: api.url, auth_strategy: 'proxy_oauth', auth_config: settings };
      return stage.home.configure({ api: entry }, { master_oauth: stage.block });
    },
    logInToServer: async () => {
      const known = new Set(api.tokens());
      const { last } = await stage.home.logIn(['api']);
      expect(last).toMatchObject({ server: 'api', store: 'file' });
      // The login is proved at the server.
      const [token, ...others] = api.tokens().filter((sent) => !known.has(sent));
      if (token === undefined) throw new Error('The login was not proved');
      expect(others).toEqual([]);
      return token;
    },
  };
}
