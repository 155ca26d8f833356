import type { ServerConfig } from '../config/config.ts';
import { digest, type LoginKey, loginKey, type Owner } from '../oauth/store/login-key.ts';
import { type LoginSubject, masterSubject } from './login-subject.ts';
import type { Strategies } from './strategies.ts';

const DIGITS = 12;

/** What {@link LoginNames} follow from. */
export interface LoginNamesDeps {
  strategies: Pick<Strategies, 'subject' | 'passesMaster' | 'master'>;
  owner: Owner;
  /** The master's own token, which comes from outside; '' = there is none. */
  masterToken: string;
}

/** The names of servers' logins and records: what can be known of an authentication without a token. */
export class LoginNames {
  readonly #deps: LoginNamesDeps;

  constructor(deps: LoginNamesDeps) {
    this.#deps = deps;
  }

  /** Whether the master's token comes from outside, so that it needs no login. */
  get hasMasterToken(): boolean {
    return this.#deps.masterToken !== '';
  }

  /** The names of the login that a server's requests carry; undefined where they carry none. */
  loginKey(server: ServerConfig): LoginKey | undefined {
    const subject = this.#deps.strategies.subject(server);
    return subject && this.keyOf(subject);
  }

  /** All logins of which a server's requests may carry the token. */
  loginKeys(server: ServerConfig): LoginKey[] {
    const own = this.loginKey(server);
    const { strategies } = this.#deps;
    const { master } = strategies;
    const isPassed = master !== undefined && strategies.passesMaster(server);
    const passed = isPassed ? this.keyOf(masterSubject(master)) : undefined;
    return [own, passed].flatMap((key) => key ?? []);
  }

  /**
   * The name of the record of a server's authentication; undefined for a program on this computer.
   *
   * @param key the names of its login, for who knows them already
   */
  recordName(server: ServerConfig, key = this.loginKey(server)): string | undefined {
    const { name, endpoint } = server;
    if (endpoint.kind === 'stdio') return undefined;
    if (key?.server === name) return key.file;
    const facts = ['static', name, endpoint.url, this.#deps.owner.home];
    return `${name}-${digest(JSON.stringify(facts), DIGITS)}`;
  }

  /** Whether a server's login needs no person. */
  isUnattended(server: ServerConfig): boolean {
    return this.#deps.strategies.subject(server)?.settings.grant === 'client_credentials';
  }

  /** The names of a login. */
  keyOf({ server, url = '', settings }: LoginSubject): LoginKey {
    return loginKey({ owner: this.#deps.owner, server, url, settings });
  }
}
