import { MultiAuthManager } from '../auth/multi-auth-manager.ts';
import type { ServerAuth } from '../auth/server-auth.ts';
import type { Config, OAuthSettings, ServerConfig } from '../config/config.ts';
import { lookupIn } from '../config/environment.ts';
import { MASTER } from '../config/master.ts';
import { fillMasterSecrets } from '../config/secrets.ts';
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

/** The settings of a login with their stored secrets. Rejects as {@link fillMasterSecrets} does. */
export type FillSettings = (server: string, settings: OAuthSettings) => Promise<OAuthSettings>;

/** The logins and secrets of this user and profile, and what uses them. */
export interface Credentials {
  stores: Stores;
  logins: Logins;
  secrets: UserSecrets;
  challenges: ChallengeRecords;
  issuers: KnownIssuers;
  records: AuthRecords;
  auth: ServerAuth;
  filled: FillSettings;
  changes: CredentialWatch;
}

/**
 * How long the answer to a refresh may take, in milliseconds. Nobody's call waits for that long, but with an
 * answer that nobody hears a login is lost where refresh tokens are good for one use.
 */
const RENEWAL_MS = 120_000;

/** What {@link openCredentials} works with. */
export interface CredentialOptions {
  folders: Folders;
  owner: Owner;
  fetch: Fetch;
  log: Logger;
  /** Has strategies of its own for some servers. Default: one that goes by the configuration. */
  manager?: MultiAuthManager | undefined;
}

/** Opens them; nothing is read, and no store is touched, before somebody needs it. */
export function openCredentials(
  context: Context,
  config: Config,
  { folders, owner, fetch, log, manager = new MultiAuthManager() }: CredentialOptions,
): Credentials {
  const files = context.createStateFiles(folders, log);
  const { now, redactor } = context;
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
  const lookup = lookupIn(config.env, context.platform);
  const filled: FillSettings = async (server, settings) => {
    // Those of a server come so; the master's are needed where nobody connects to it.
    if (server !== MASTER || !auth.isConfiguredMaster) return settings;
    const stored = await fillMasterSecrets(config, (name) => secrets.read(name));
    return { ...settings, ...stored };
  };
  warnOfUnknown(manager, config, log);
  const auth: ServerAuth = manager.attach({
    ...{ logins, challenges, journal: records, now, owner, log, lookup },
    ...{ secret: (value) => redactor.add(value), masterOauth: config.masterOauth },
    // A file that it was read from may have ended in a line break.
    masterToken: (lookup('MCP_MASTER_TOKEN') ?? '').trim(),
    hasSecret: (name) => secrets.version(name) !== undefined,
    obtain: async (unfilled) => {
      const { obtainWithClientCredentials } = await import('../oauth/grants/client-credentials.ts');
      const settings = await filled(unfilled.key.server, unfilled.settings);
      const target = { ...unfilled, settings };
      const deps = { ...oauth(target.key.server), resolve: context.resolveHost };
      return obtainWithClientCredentials(target, { ...deps, challenges, issuers });
    },
    revoke: async (login, settings) => {
      const { revokeTokens } = await import('../oauth/tokens/revocation.ts');
      const { withSettings } = await import('../oauth/client/configured-client.ts');
      const client = withSettings(login.client, await filled(login.server, settings));
      return revokeTokens({ ...login, client }, oauth(login.server));
    },
    renew: async (login, settings) => {
      const { renewTokens } = await import('../oauth/renew.ts');
      const known = await filled(login.server, settings);
      return renewTokens(login, known, { ...oauth(login.server), timeoutMs: RENEWAL_MS });
    },
  });
  const changes = watchBoth(index, secrets, auth);
  const parts = { stores, logins, secrets, challenges, issuers, records };
  return { ...parts, auth, filled, changes };
}

/** A name that is mistyped would leave its server with another strategy. */
function warnOfUnknown({ registered }: MultiAuthManager, { servers }: Config, log: Logger): void {
  for (const name of registered) {
    if (servers.some((server) => server.name === name)) continue;
    log.warn(`a strategy is registered for "${name}", and no server has that name`);
  }
}

function watchBoth(index: LoginIndex, secrets: UserSecrets, auth: ServerAuth): CredentialWatch {
  return {
    watch(onChange) {
      const stops = [index.watch(onChange), secrets.watch(onChange)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    version(server: ServerConfig) {
      const keys = auth.isUnattended(server) ? [] : auth.loginKeys(server);
      const logins = keys.map(({ file }) => index.get(file)?.loggedInAt);
      const stored = server.secretRefs.map(({ name }) => secrets.version(name));
      return [...logins, ...stored].join();
    },
  };
}
