import { describe, expect, it } from 'vitest';
import { classify, concernsAll, DamagedItem } from '../../../src/platform/keychain/failure.ts';
import { keychainError } from '../../../src/platform/keychain/keychain-error.ts';

const DBUS = 'Platform failure: DBus error: ';
const STORAGE = "Couldn't access platform storage: ";

describe('classify', () => {
  it.each([
    [`${STORAGE}Secret Service: unlock prompt was dismissed`, 'locked'],
    [`${DBUS}org.freedesktop.Secret.Error.IsLocked`, 'locked'],
    ['User interaction is not allowed.', 'locked'],
    [`${STORAGE}OSStatus -25308`, 'locked'],
    ['Secret Service: no result found', 'no-collection'],
    ['Cannot find native binding. npm has a bug related to optional dependencies', 'binding'],
    ["Cannot find package '@napi-rs/keyring' imported from keychain.js", 'binding'],
    [`${DBUS}Did not receive a reply. Possible causes include: …`, 'silent'],
    [`${DBUS}Using X11 for dbus-daemon autolaunch was disabled at compile time`, 'unavailable'],
    [
      `${DBUS}The name org.freedesktop.secrets was not provided by any .service files`,
      'unavailable',
    ],
    [`${DBUS}Failed to connect to socket /run/user/1000/bus: Connection refused`, 'unavailable'],
    [`${DBUS}The session /org/freedesktop/secrets/session/s1 does not exist`, 'changed'],
    [`${DBUS}No such interface “org.freedesktop.Secret.Item” on object at path /…/11`, 'changed'],
    [`${DBUS}Message recipient disconnected from message bus without replying`, 'changed'],
    ['Entry is matched by 2 credentials: [Entry { … }]', 'ambiguous'],
    [`${DBUS}The maximum number of active connections for UID 0 has been reached`, 'other'],
  ])('knows "%s"', (message, kind) => {
    expect(classify(new Error(message))).toEqual({ kind, message });
  });

  it('knows our own damage by its class, whatever it says', () => {
    expect(classify(new DamagedItem('it is locked: IsLocked')).kind).toBe('damaged');
  });

  it('lets the failure of an item be that of the item alone', () => {
    const kinds = ['damaged', 'ambiguous', 'other'] as const;
    for (const kind of kinds) expect(concernsAll({ kind, message: '' })).toBe(false);
    expect(concernsAll({ kind: 'locked', message: '' })).toBe(true);
  });
});

describe('keychainError', () => {
  const linux = { platform: 'linux', env: { DISPLAY: ':0' } } as const;
  it.each([
    ['locked', linux, 'KEYCHAIN_LOCKED', 'Unlock the keychain'],
    ['silent', linux, 'KEYCHAIN_LOCKED', 'behind other windows'],
    ['locked', { ...linux, env: {} }, 'KEYCHAIN_LOCKED', 'openssl rand -hex 32'],
    [
      'locked',
      { platform: 'darwin', env: { SSH_CONNECTION: 'a b c d' } },
      'KEYCHAIN_LOCKED',
      'security unlock-keychain',
    ],
    ['locked', { platform: 'darwin', env: {} }, 'KEYCHAIN_LOCKED', 'Answer the prompt'],
    ['no-collection', linux, 'KEYCHAIN_UNAVAILABLE', 'default keyring'],
    ['unavailable', linux, 'KEYCHAIN_UNAVAILABLE', 'OAUTH_ENCRYPTION_KEY'],
    [
      'unavailable',
      { ...linux, env: { WSL_DISTRO_NAME: 'Debian' } },
      'KEYCHAIN_UNAVAILABLE',
      'WSL has no keychain',
    ],
    ['other', { platform: 'win32', env: {} }, 'KEYCHAIN_UNAVAILABLE', 'openssl rand -hex 32'],
    ['binding', linux, 'KEYCHAIN_UNAVAILABLE', 'Install mcp-master again'],
    ['helper', linux, 'KEYCHAIN_UNAVAILABLE', '--log-level=debug'],
    ['changed', linux, 'KEYCHAIN_UNAVAILABLE', 'Try again'],
    ['damaged', linux, 'INTERNAL', 'auth login'],
    ['ambiguous', linux, 'INTERNAL', 'secret-tool clear'],
  ] as const)('says what to do: %s, %o', (kind, situation, code, hint) => {
    const error = keychainError({ kind, message: 'as it says' }, situation, 'alpha');
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/ \(item alpha\): as it says$/);
    expect(error.hint).toContain(hint);
  });

  it('shows foreign words in one line, and not too many', () => {
    const message = `line\nbreak \u001b[31m${'x'.repeat(5000)}`;
    const error = keychainError({ kind: 'other', message }, linux);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(300);
  });
});
