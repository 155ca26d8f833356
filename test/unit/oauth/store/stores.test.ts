import { describe, expect, it } from 'vitest';
import type { StoreName } from '../../../../src/oauth/store/secret-store.ts';
import { chooseStore } from '../../../../src/oauth/store/stores.ts';

function choose(env: Record<string, string>, store?: StoreName, ...inUse: StoreName[]) {
  return chooseStore({ env, settings: { store }, inUse: () => new Set(inUse) });
}

describe('chooseStore', () => {
  it.each([
    ['the keychain, when nothing says otherwise', 'keychain', {}, undefined, []],
    ['files, when there is a key for them', 'file', { OAUTH_ENCRYPTION_KEY: 'k' }, undefined, []],
    ['files, for a key file', 'file', { OAUTH_ENCRYPTION_KEY_FILE: '/k' }, undefined, []],
    [
      'where logins are, whatever key there is',
      'keychain',
      { OAUTH_ENCRYPTION_KEY: 'k' },
      undefined,
      ['keychain'],
    ],
    ['where logins are, also without a key', 'file', {}, undefined, ['file']],
    ['what the configuration says', 'file', {}, 'file', []],
    ['the variable before that', 'keychain', { MCP_MASTER_TOKEN_STORE: 'keychain' }, 'file', []],
    ['an empty variable is none', 'file', { MCP_MASTER_TOKEN_STORE: '' }, 'file', ['file']],
  ] as const)('takes %s', (_, expected, env, store, inUse) => {
    expect(choose({ ...env }, store, ...inUse)).toBe(expected);
  });

  it.each([
    ['the configuration', {}, 'file', ['keychain'], 'auth migrate --to file'],
    ['the variable', { MCP_MASTER_TOKEN_STORE: 'keychain' }, undefined, ['file'], '--to keychain'],
    ['half a move', {}, undefined, ['keychain', 'file'], '--to file'],
    ['half a move, chosen', {}, 'keychain', ['keychain', 'file'], '--to keychain'],
  ] as const)(
    'never takes another store than the logins are in: %s',
    (_, env, store, inUse, hint) => {
      expect(() => choose({ ...env }, store, ...inUse)).toThrow(
        expect.objectContaining({ code: 'STORE_MISMATCH', hint: expect.stringContaining(hint) }),
      );
    },
  );

  it('refuses a store that there is not', () => {
    expect(() => choose({ MCP_MASTER_TOKEN_STORE: 'vault' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: 'Use keychain or file.' }),
    );
  });
});
