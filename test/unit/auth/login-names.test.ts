import { describe, expect, it } from 'vitest';
import { LoginNames } from '../../../src/auth/login-names.ts';
import { Strategies, type StrategiesDeps } from '../../../src/auth/strategies.ts';
import type { AuthConfig, OAuthSettings } from '../../../src/config/config.ts';
import { noMaster } from '../../support/no-master.ts';
import { remoteEndpoint, serverConfig } from '../../support/server-config.ts';

type World = Partial<Pick<StrategiesDeps, 'masterOauth' | 'masterToken'>>;

function namesIn(world: World = {}, home = ''): LoginNames {
  const deps: StrategiesDeps = {
    ...{ ...noMaster(), ...world },
    lookup: (name) => (name === 'SET' ? 'token' : undefined),
    hasSecret: (name) => name === 'stored',
  };
  const strategies = new Strategies(undefined, new Map(), deps);
  const owner = { profile: 'work', home, commandFlags: ' --profile=work' };
  return new LoginNames({ strategies, owner, masterToken: deps.masterToken });
}

const MASTER: OAuthSettings = { issuer: 'https://as.example', clientId: 'master' };
const UNATTENDED: OAuthSettings = { grant: 'client_credentials', scopes: ['a'] };

const delegated = (oauth: OAuthSettings = {}): AuthConfig => ({
  strategy: 'delegate_oauth',
  oauth,
});
const proxied = (oauth: OAuthSettings = {}): AuthConfig => ({ strategy: 'proxy_oauth', oauth });
const OF_MASTER: AuthConfig = { strategy: 'master_oauth', oauth: {} };

const serverWith = (auth: AuthConfig) =>
  serverConfig({ name: 'x', endpoint: remoteEndpoint({ auth }) });

const HASH = '[0-9a-f]{12}';

describe('the names of logins and records', () => {
  it.each<[string, AuthConfig]>([
    ['detects what it needs', { strategy: 'detect' }],
    ['has a login', delegated({ clientId: 'c' })],
    ['has a login that needs no person', delegated(UNATTENDED)],
    ['has a login in front of another token', proxied()],
    ['has a source without a token', proxied({ tokenSource: 'env:UNSET' })],
  ])('are those of its login for a server that %s', (_, auth) => {
    const names = namesIn();
    const server = serverWith(auth);
    const key = names.loginKey(server);
    expect(key).toMatchObject({ server: 'x', commandFlags: ' --profile=work' });
    expect(key?.file).toMatch(new RegExp(`^x-${HASH}$`));
    expect(names.loginKeys(server)).toEqual([key]);
    expect(names.recordName(server)).toBe(key?.file);
    expect(names.recordName(server, key)).toBe(key?.file);
  });

  it.each<[string, AuthConfig]>([
    ['sends no credential', { strategy: 'bypass_auth' }],
    ['has a key', { strategy: 'api_key', header: 'X', template: '{key}', key: 'k' }],
    ['has a token in a variable', proxied({ tokenSource: 'env:SET' })],
    ['has a token in the store', proxied({ tokenSource: 'keyring:stored' })],
    ['is sent the token of a master that has no login', OF_MASTER],
  ])('are those of a record alone for a server that %s', (_, auth) => {
    const names = namesIn();
    const server = serverWith(auth);
    expect(names.loginKey(server)).toBeUndefined();
    expect(names.loginKeys(server)).toEqual([]);
    expect(names.isUnattended(server)).toBe(false);
    const record = names.recordName(server);
    expect(record).toMatch(new RegExp(`^x-${HASH}$`));
    expect(record).not.toBe(names.recordName(serverWith(delegated())));
    expect(record).not.toBe(namesIn({}, '/home/other').recordName(server));
  });

  it('are those of the master where its login is what is sent, and of the server for the record', () => {
    const names = namesIn({ masterOauth: MASTER });
    const server = serverWith(OF_MASTER);
    const key = names.loginKey(server);
    expect(key?.file).toMatch(new RegExp(`^master-${HASH}$`));
    expect(names.loginKeys(server)).toEqual([key]);
    expect(names.recordName(server)).toMatch(new RegExp(`^x-${HASH}$`));
    expect(names.hasMasterToken).toBe(false);
  });

  it('are none of the master where its token comes from outside', () => {
    const names = namesIn({ masterOauth: MASTER, masterToken: 'm' });
    expect(names.loginKey(serverWith(OF_MASTER))).toBeUndefined();
    expect(names.hasMasterToken).toBe(true);
  });

  it('are those of both where the token of the master may take the place of its own', () => {
    const server = serverWith(proxied({ allowPassthrough: true }));
    const both = namesIn({ masterOauth: MASTER }).loginKeys(server);
    expect(both.map((key) => key.server)).toEqual(['x', 'master']);
    expect(namesIn().loginKeys(server)).toHaveLength(1);
    expect(namesIn({ masterToken: 'm' }).loginKeys(server)).toHaveLength(1);
  });

  it('stay what they are: records are found by them after an update', () => {
    expect(namesIn().recordName(serverWith({ strategy: 'bypass_auth' }))).toBe('x-9dc6b7933b81');
  });

  it('tell the one login that needs no person', () => {
    const names = namesIn();
    expect(names.isUnattended(serverWith(delegated(UNATTENDED)))).toBe(true);
    expect(names.isUnattended(serverWith(delegated()))).toBe(false);
    expect(names.isUnattended(serverConfig())).toBe(false);
  });

  it('are none for a program on this computer', () => {
    const names = namesIn({ masterOauth: MASTER });
    expect(names.loginKey(serverConfig())).toBeUndefined();
    expect(names.recordName(serverConfig())).toBeUndefined();
  });
});
