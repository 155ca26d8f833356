import type { LoginTarget } from '../login-target.ts';
import type { ChallengeRecords } from '../store/challenge-records.ts';
import type { KnownIssuers } from '../store/known-issuers.ts';
import type { Logins, NewLogin } from '../store/logins.ts';
import type { StoredLogin } from '../store/stored-login.ts';

/** What a grant has brought. */
export type Gain = Pick<NewLogin, 'authorizationServer' | 'client' | 'resource' | 'tokens'>;

/** What {@link saveLogin} works with. */
export interface SaveDeps {
  logins: Logins;
  challenges: ChallengeRecords;
  issuers: KnownIssuers;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A login as it is saved, of what a grant has brought now. */
export function newLogin(
  { key: { server } }: LoginTarget,
  { authorizationServer, client, resource, tokens }: Gain,
  now: number,
): NewLogin {
  return { server, loggedInAt: now, authorizationServer, client, resource, tokens };
}

/** Saves a login in place of the one that there is: what the server demanded is met. */
export async function saveLogin(
  target: LoginTarget,
  gain: Gain,
  { logins, challenges, issuers, now }: SaveDeps,
): Promise<StoredLogin> {
  const { key } = target;
  const saved = await logins.save(key, newLogin(target, gain, now()));
  await challenges.clear(key.file, gain.tokens.scopes);
  await issuers.put(key.file, gain.authorizationServer.metadata.issuer);
  return saved;
}
