import { LoginNames } from '../auth/login-names.ts';
import { Strategies } from '../auth/strategies.ts';
import { lookupIn } from '../config/environment.ts';
import { AuthRecords } from '../oauth/store/auth-records.ts';
import { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import { LoginIndex } from '../oauth/store/login-index.ts';
import { secretVersion } from '../oauth/store/user-secrets.ts';
import type { Context } from './context.ts';
import type { StatusSources } from './login-status.ts';
import type { Settings } from './settings.ts';

/**
 * What {@link statusOf} reads, without all that connections and logins need beside it: `auth status` is asked often,
 * and has nothing to wait for.
 */
export function openStatusSources(
  context: Context,
  { config, folders, owner, log }: Settings,
): StatusSources {
  const { now, redactor, platform } = context;
  const files = context.createStateFiles(folders, log);
  const locks = context.createLocks(folders, log);
  const warn = (message: string) => log.warn(message);
  const redact = (text: string) => redactor.redact(text);
  const lookup = lookupIn(config.env, platform);
  const masterToken = (lookup('MCP_MASTER_TOKEN') ?? '').trim();
  const strategies = new Strategies(undefined, new Map(), {
    ...{ masterToken, masterOauth: config.masterOauth, lookup, log },
    hasSecret: (name) => secretVersion(files, name) !== undefined,
    secret: (value) => redactor.add(value),
  });
  return {
    auth: new LoginNames({ strategies, owner, masterToken }),
    logins: { index: new LoginIndex(files, warn) },
    challenges: new ChallengeRecords(files, warn),
    records: new AuthRecords({ files, locks, now, warn, redact }),
  };
}
