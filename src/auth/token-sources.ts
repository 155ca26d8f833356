import type { OAuthSettings } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { LoginTarget } from '../oauth/login-target.ts';
import type { ChallengeRecords } from '../oauth/store/challenge-records.ts';
import type { Logins, NewLogin } from '../oauth/store/logins.ts';
import type { StoredLogin } from '../oauth/store/stored-login.ts';
import { TokenSource } from '../oauth/token-source.ts';
import type { TokenSet } from '../oauth/tokens/token-set.ts';
import { soon } from '../oauth/unless-aborted.ts';
import type { AuthJournal } from './request-auth.ts';

/** What {@link TokenSources} work with. */
export interface TokenSourceDeps {
  logins: Logins;
  challenges: ChallengeRecords;
  journal: AuthJournal;
  /** Asks for new tokens, with the client's credentials from these settings. */
  renew(login: StoredLogin, settings: OAuthSettings): Promise<TokenSet>;
  /** Takes the tokens of a login back, where the authorization server offers that (RFC 7009). */
  revoke(login: StoredLogin, settings: OAuthSettings): Promise<unknown>;
  /** Gets a login without a person, where the settings name a grant that needs none. */
  obtain(target: LoginTarget): Promise<NewLogin>;
  now(): number;
  log: Logger;
}

/** Desktop clients kill a program that does not end within a few seconds. */
const LAST_MOMENT_MS = 1500;

interface KnownSource {
  source: TokenSource;
  /** As they were filled in last. */
  target: LoginTarget;
}

/** The one source of tokens of each login, however many servers and connections use it. */
export class TokenSources {
  readonly #deps: TokenSourceDeps;
  /** By account. */
  readonly #known = new Map<string, KnownSource>();

  constructor(deps: TokenSourceDeps) {
    this.#deps = deps;
  }

  /** The source of a login, which works with the newest settings. */
  of(target: LoginTarget): TokenSource {
    const known = this.#known.get(target.key.account);
    if (known === undefined) return this.#create(target);
    known.target = target;
    return known.source;
  }

  /** The source of a login, if anybody has used it yet. */
  get({ account }: LoginTarget['key']): TokenSource | undefined {
    return this.#known.get(account)?.source;
  }

  /** Settles when no tokens are on their way that are not saved yet, but after a moment all the same. */
  async settled(): Promise<void> {
    const sources = [...this.#known.values()].map(({ source }) => source.settled());
    await soon(Promise.all(sources), LAST_MOMENT_MS);
  }

  #create(target: LoginTarget): TokenSource {
    const { key, settings } = target;
    const { logins, challenges, journal, now, renew, revoke, obtain, log } = this.#deps;
    const unattended = settings.grant === 'client_credentials';
    const entry: KnownSource = {
      target,
      source: new TokenSource(key, {
        ...{ logins, now, log: log.named(key.server) },
        renew: (login) => renew(login, entry.target.settings),
        revoke: (login) => revoke(login, entry.target.settings),
        obtain: unattended ? () => obtain(entry.target) : undefined,
        onObtained: () => {
          journal.succeeded(key.file);
          challenges.clearMet(key.file);
        },
        onRenewed: () => {
          journal.refreshed(key.file);
          challenges.clearMet(key.file);
        },
        onFailed: (error) => {
          journal.failed(key.file, error);
          if (error.code === 'REFRESH_REJECTED') challenges.noteNeed(key.file);
        },
      }),
    };
    this.#known.set(key.account, entry);
    return entry.source;
  }
}
