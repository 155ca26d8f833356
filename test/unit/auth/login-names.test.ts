import { describe, expect, it } from 'vitest';
import { LoginNames } from '../../../src/auth/login-names.ts';
import { type AuthDeps, ServerAuth } from '../../../src/auth/server-auth.ts';
import { Strategies } from '../../../src/auth/strategies.ts';
import type { OAuthSettings, ServerConfig } from '../../../src/config/config.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { noMaster } from '../../support/no-master.ts';
import { remoteEndpoint, serverConfig } from '../../support/server-config.ts';
import { memoryLogins } from '../../support/stored-login.ts';

const never = async (): Promise<never> => {
  throw new Error('no server is asked');
};

/** The names, and the authentication that has to go by them. */
function create(world: Partial<Pick<AuthDeps, 'masterOauth' | 'masterToken'>>, home = '') {
  const { logins, files } = memoryLogins();
  const none = () => undefined;
  const journal = { used: none, refreshed: none, refused: none, failed: none, succeeded: none };
  const owner = { profile: 'work', home, commandFlags: ' --profile=work' };
  const deps: AuthDeps = {
    ...{ ...noMaster(), ...world, logins, journal, owner, log: memoryLog().log, now: () => 0 },
    challenges: new ChallengeRecords(files, none),
    ...{ renew: never, obtain: never, revoke: never },
    lookup: (name) => (name === 'SET' ? 'token' : undefined),
    hasSecret: (name) => name === 'stored',
  };
  const strategies = new Strategies(undefined, new Map(), deps);
  const names = new LoginNames({ strategies, owner, masterToken: deps.masterToken });
  return { names, auth: new ServerAuth(strategies, deps) };
}

const MASTER: OAuthSettings = { issuer: 'https://as.example', clientId: 'master' };
const oauth = (settings: OAuthSettings = {}) => settings;

const SERVERS: [string, ServerConfig][] = [
  ['a program', serverConfig()],
  ...(
    [
      ['detect', { strategy: 'detect' }],
      ['bypass_auth', { strategy: 'bypass_auth' }],
      ['an API key', { strategy: 'api_key', header: 'X', template: '{key}', key: 'k' }],
      ['delegate_oauth', { strategy: 'delegate_oauth', oauth: oauth({ clientId: 'c' }) }],
      [
        'a client of its own',
        {
          strategy: 'delegate_oauth',
          oauth: oauth({ grant: 'client_credentials', scopes: ['a'] }),
        },
      ],
      ['master_oauth', { strategy: 'master_oauth', oauth: oauth() }],
      ['proxy_oauth', { strategy: 'proxy_oauth', oauth: oauth() }],
      ['a token', { strategy: 'proxy_oauth', oauth: oauth({ tokenSource: 'env:SET' }) }],
      ['no token', { strategy: 'proxy_oauth', oauth: oauth({ tokenSource: 'env:UNSET' }) }],
      [
        'a stored one',
        { strategy: 'proxy_oauth', oauth: oauth({ tokenSource: 'keyring:stored' }) },
      ],
      ['a passed one', { strategy: 'proxy_oauth', oauth: oauth({ allowPassthrough: true }) }],
    ] as const
  ).map(([what, auth]): [string, ServerConfig] => {
    return [what, serverConfig({ name: 'x', endpoint: remoteEndpoint({ auth }) })];
  }),
];

describe('the names of logins and records', () => {
  it.each(SERVERS)('of a server with %s are those that requests go by', (_, server) => {
    const worlds = [
      create({}),
      create({}, '/home/other'),
      create({ masterOauth: MASTER }),
      create({ masterToken: 'm' }),
      create({ masterOauth: MASTER, masterToken: 'm' }),
    ];
    for (const { names, auth } of worlds) {
      expect(names.loginKey(server)).toEqual(auth.loginKey(server));
      expect(names.loginKeys(server)).toEqual(auth.loginKeys(server));
      expect(names.recordName(server)).toBe(auth.recordName(server));
      expect(names.recordName(server, names.loginKey(server))).toBe(auth.recordName(server));
      expect(names.isUnattended(server)).toBe(auth.isUnattended(server));
      expect(names.hasMasterToken).toBe(auth.hasMasterToken);
    }
  });

  it('differ from strategy to strategy', () => {
    const { names } = create({ masterOauth: MASTER });
    const keys = SERVERS.map(([, server]) => names.loginKey(server)?.file);
    expect(keys.filter((key) => key === undefined)).toHaveLength(5);
    expect(new Set(keys).size).toBeGreaterThanOrEqual(5);
    expect(SERVERS.filter(([, server]) => names.isUnattended(server))).toHaveLength(1);
    expect(SERVERS.filter(([, server]) => names.loginKeys(server).length === 2)).toHaveLength(1);
  });
});
