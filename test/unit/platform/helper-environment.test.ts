import { describe, expect, it } from 'vitest';
import { helperEnvironment } from '../../../src/platform/keychain/helper-environment.ts';

const BUS = '/run/user/1000/bus';

describe('helperEnvironment', () => {
  it('lets through what finding the keychain takes, and nothing else', () => {
    const env = {
      ...{ HOME: '/home/u', PATH: '/bin', LANG: 'C', DISPLAY: ':0', API_KEY: 'secret' },
      ...{ OAUTH_ENCRYPTION_KEY: 'secret', NODE_OPTIONS: '--inspect', LD_PRELOAD: 'x.so' },
      ...{ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/own', XAUTHORITY: undefined },
    };
    expect(helperEnvironment(env, 'linux', () => BUS)).toEqual({
      ...{ HOME: '/home/u', PATH: '/bin', LANG: 'C', DISPLAY: ':0' },
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/own',
    });
  });

  it.each([{}, { DBUS_SESSION_BUS_ADDRESS: '' }])('gives %o the bus of the user', (env) => {
    const address = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${BUS}` };
    expect(helperEnvironment(env, 'linux', () => BUS)).toEqual(address);
    expect(helperEnvironment({}, 'linux', () => undefined)).toEqual({});
    expect(helperEnvironment({}, 'darwin', () => BUS)).toEqual({});
  });

  it('knows names in the case of Windows', () => {
    const env = { Path: 'C:\\bin', SYSTEMROOT: 'C:\\Windows', Secret: 'x' };
    expect(helperEnvironment(env, 'win32', () => undefined)).toEqual({
      ...{ Path: 'C:\\bin', SYSTEMROOT: 'C:\\Windows' },
    });
  });
});
