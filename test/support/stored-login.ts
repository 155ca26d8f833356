import { LoginIndex } from '../../src/oauth/store/login-index.ts';
import { loginKey } from '../../src/oauth/store/login-key.ts';
import { Logins } from '../../src/oauth/store/logins.ts';
import type { StoreName } from '../../src/oauth/store/secret-store.ts';
import type { StoredLogin } from '../../src/oauth/store/stored-login.ts';
import { Stores } from '../../src/oauth/store/stores.ts';
import { UserSecrets } from '../../src/oauth/store/user-secrets.ts';
import { MemoryLocks, MemoryStore, memoryFiles } from './memory-stores.ts';

/** The names of a login at a server that is called `x`. */
export const KEY = loginKey({
  owner: { profile: '', home: '', commandFlags: '' },
  server: 'x',
  url: 'https://x.example/mcp',
  settings: {},
});

/** A login as it is saved, with any parts replaced. */
export function someLogin(more: Partial<StoredLogin> = {}): Omit<StoredLogin, 'revision'> {
  return {
    server: 'x',
    loggedInAt: 1000,
    authorizationServer: {
      metadata: {
        issuer: 'https://as.example',
        authorization_endpoint: 'https://as.example/authorize',
        token_endpoint: 'https://as.example/token',
      },
      source: 'metadata',
    },
    resource: 'https://x.example/mcp',
    client: {
      source: 'dynamic',
      clientId: 'client-1',
      authMethod: 'none',
      redirectUri: 'http://127.0.0.1:4711/oauth/callback',
    },
    tokens: {
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
      obtainedAt: 0,
      expiresAt: 3_600_000,
      scopes: ['read'],
    },
    ...more,
  };
}

/** Logins and secrets over stores in memory; `env` and `settings` choose the store. */
export function memoryLogins(
  env: Record<string, string> = {},
  store?: StoreName,
  files = memoryFiles(),
) {
  const shown: string[] = [];
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const secret = (value: string) => void shown.push(value);
  const keychain = new MemoryStore('keychain');
  const file = new MemoryStore('file');
  const index = new LoginIndex(files, warn);
  const stores: Stores = new Stores((name) => (name === 'file' ? file : keychain), {
    env,
    settings: { store },
    inUse: () => new Set([...index.all().values(), ...secrets.list()].map((entry) => entry.store)),
  });
  const secrets = new UserSecrets({
    ...{ files, stores, secret, warn, now: () => 5000 },
    owner: { profile: '', home: '', commandFlags: '' },
  });
  const locks = new MemoryLocks();
  const logins = new Logins(index, stores, { locks, secret, warn });
  return { logins, locks, index, stores, secrets, keychain, file, files, hidden: shown, warnings };
}
