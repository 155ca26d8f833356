import { Authenticator } from '../auth/authenticator.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Fetch } from '../oauth/fetch.ts';
import { AuthRecords } from '../oauth/store/auth-records.ts';
import { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import { KnownIssuers } from '../oauth/store/known-issuers.ts';
import { LoginIndex } from '../oauth/store/login-index.ts';
import type { Owner } from '../oauth/store/login-key.ts';
import { Logins } from '../oauth/store/logins.ts';
import { Stores } from '../oauth/store/stores.ts';
import { UserSecrets } from '../oauth/store/user-secrets.ts';
import type { OAuthDeps } from '../oauth/tokens/token-requests.ts';
import type { CredentialWatch } from '../proxy/credential-watch.ts';
import type { Context, Folders } from './context.ts';

/** The logins and secrets of this user and profile, and what uses them. */
export interface Credentials {
  stores: Stores;
  logins: Logins;
  secrets: UserSecrets;
  challenges: ChallengeRecords;
  issuers: KnownIssuers;
  records: AuthRecords;
  authenticator: Authenticator;
  changes: CredentialWatch;
}

/**
 * How long the answer to a refresh may take, in milliseconds. Nobody's call waits for that long, but with an
 * answer that nobody hears a login is lost where refresh tokens are good for one use.
 */
const RENEWAL_MS = 120_000;

/** Opens them; nothing is read, and no store is touched, before somebody needs it. */
export function openCredentials(
  context: Context,
  config: Config,
  { folders, owner, fetch, log }: { folders: Folders; owner: Owner; fetch: Fetch; log: Logger },
): Credentials {
  const files = context.createStateFiles(folders, log);
  const { now } = context;
  const { redactor } = context;
  const secret = (value: string) => redactor.addPassing(value);
  const warn = (message: string) => log.warn(message);
  const index = new LoginIndex(files, warn);
  const stores: Stores = new Stores(
    (name) => context.createSecretStore(name, folders, config.env, log),
    {
      env: config.env,
      settings: config.tokens,
      inUse: () => new Set([...index.all().values(), ...secrets.list()].map(({ store }) => store)),
    },
  );
  const secrets = new UserSecrets({
    ...{ files, stores, owner, now, warn },
    secret: (value) => redactor.add(value),
  });
  const locks = context.createLocks(folders, log);
  const logins = new Logins(index, stores, { locks, secret, warn });
  const challenges = new ChallengeRecords(files, warn);
  const issuers = new KnownIssuers(files);
  const redact = (text: string) => redactor.redact(text);
  const records = new AuthRecords({ files, locks, now, warn, redact });
  const oauth = (server: string): OAuthDeps => ({ fetch, now, secret, log: log.named(server) });
  const authenticator = new Authenticator({
    ...{ logins, challenges, journal: records, now, owner, log },
    obtain: async (target) => {
      const { obtainWithClientCredentials } = await import('../oauth/grants/client-credentials.ts');
      const deps = { ...oauth(target.key.server), resolve: context.resolveHost };
      return obtainWithClientCredentials(target, { ...deps, challenges, issuers });
    },
    revoke: async (login, settings) => {
      const { revokeTokens } = await import('../oauth/tokens/revocation.ts');
      const { withSettings } = await import('../oauth/client/configured-client.ts');
      const client = withSettings(login.client, settings);
      return revokeTokens({ ...login, client }, oauth(login.server));
    },
    renew: async (login, settings) => {
      const { renewTokens } = await import('../oauth/renew.ts');
      return renewTokens(login, settings, { ...oauth(login.server), timeoutMs: RENEWAL_MS });
    },
  });
  const changes = watchBoth(index, secrets, authenticator);
  return { stores, logins, secrets, challenges, issuers, records, authenticator, changes };
}

function watchBoth(
  index: LoginIndex,
  secrets: UserSecrets,
  authenticator: Authenticator,
): CredentialWatch {
  return {
    watch(onChange) {
      const stops = [index.watch(onChange), secrets.watch(onChange)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    version(server: ServerConfig) {
      const key = authenticator.isUnattended(server) ? undefined : authenticator.loginKey(server);
      const login = key === undefined ? undefined : index.get(key.file)?.loggedInAt;
      const stored = server.secretRefs.map(({ name }) => secrets.version(name));
      return [login, ...stored].join();
    },
  };
}
