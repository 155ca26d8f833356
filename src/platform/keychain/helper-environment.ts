import { lstatSync } from 'node:fs';
import { posix } from 'node:path';
import type { Environment } from '../../config/config.ts';

/** What finding the keychain takes from an environment: nothing secret. */
const NAMES = [
  ...['HOME', 'USER', 'LOGNAME', 'PATH', 'LANG', 'TMPDIR'],
  ...['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'],
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY'],
  ...['SystemRoot', 'SystemDrive', 'windir', 'TEMP', 'TMP'],
  ...['USERPROFILE', 'USERNAME', 'USERDOMAIN', 'APPDATA', 'LOCALAPPDATA'],
];

const ALLOWED = new Set(NAMES.map((name) => name.toUpperCase()));

const BUS = 'DBUS_SESSION_BUS_ADDRESS';

/**
 * The environment of the keychain's helper. Desktop clients start their servers without the address
 * of the user's D-Bus; on Linux it is given back where `findBus` finds the socket.
 */
export function helperEnvironment(
  env: Environment,
  platform: NodeJS.Platform,
  findBus: () => string | undefined,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // Windows writes `Path`, and does not care.
    if (value !== undefined && ALLOWED.has(name.toUpperCase())) kept[name] = value;
  }
  const bus = platform === 'linux' && !kept[BUS] ? findBus() : undefined;
  return bus === undefined ? kept : { ...kept, [BUS]: `unix:path=${bus}` };
}

/** The socket of a user's D-Bus in the place where systemd makes it, if it is there and theirs. */
export function findUserBus(uid: number, runFolder = '/run/user'): string | undefined {
  const path = posix.join(runFolder, String(uid), 'bus');
  try {
    const stats = lstatSync(path);
    return stats.isSocket() && stats.uid === uid ? path : undefined;
  } catch {
    // What is not there, or may not be looked at, is not this user's.
    return undefined;
  }
}
