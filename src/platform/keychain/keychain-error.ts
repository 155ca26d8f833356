import type { Environment } from '../../config/config.ts';
import { type ErrorCode, McpMasterError } from '../../errors.ts';
import { excerpt } from '../../oauth/shown.ts';
import { MAKE_KEY } from '../encryption-key.ts';
import type { Failure, FailureKind } from './failure.ts';

/** What the advice depends on. */
export interface Situation {
  platform: NodeJS.Platform;
  env: Environment;
}

const CODES: Readonly<Record<FailureKind, ErrorCode>> = {
  locked: 'KEYCHAIN_LOCKED',
  silent: 'KEYCHAIN_LOCKED',
  'no-collection': 'KEYCHAIN_UNAVAILABLE',
  unavailable: 'KEYCHAIN_UNAVAILABLE',
  binding: 'KEYCHAIN_UNAVAILABLE',
  changed: 'KEYCHAIN_UNAVAILABLE',
  helper: 'KEYCHAIN_UNAVAILABLE',
  damaged: 'INTERNAL',
  ambiguous: 'INTERNAL',
  other: 'KEYCHAIN_UNAVAILABLE',
};

const WHAT: Readonly<Record<FailureKind, string>> = {
  locked: 'the keychain is locked',
  silent: 'the keychain does not answer; it may be waiting for a password',
  'no-collection': 'the keychain has no collection that could hold a login',
  unavailable: 'no keychain can be reached',
  binding: 'the package @napi-rs/keyring lacks its native part for this computer',
  changed: 'the keychain keeps changing',
  helper: 'the program that talks to the keychain does not run',
  damaged: 'an item of the keychain is damaged',
  ambiguous: 'the keychain has several items of one name',
  other: 'the keychain refused',
};

const FILE_INSTEAD = `keep logins in encrypted files: make a key with \`${MAKE_KEY}\`, keep it, and set OAUTH_ENCRYPTION_KEY to it`;

/** A refusal of the keychain as an error with the way out. `account` where it is one item's alone. */
export function keychainError(
  failure: Failure,
  situation: Situation,
  account?: string,
): McpMasterError {
  const where = account === undefined ? '' : ` (item ${account})`;
  const message = `${WHAT[failure.kind]}${where}: ${excerpt(failure.message)}`;
  return new McpMasterError(CODES[failure.kind], message, { hint: hintFor(failure, situation) });
}

function hintFor({ kind }: Failure, situation: Situation): string {
  switch (kind) {
    case 'locked':
    case 'silent':
      return unlockHint(situation);
    case 'binding':
      return 'Install mcp-master again, on this computer and with its optional packages (npm install -g mcp-master).';
    case 'damaged':
      return 'Save it again: mcp-master auth login, or mcp-master secret set for a secret of your own.';
    case 'helper':
      return `Run it again with --log-level=debug to see why, or ${FILE_INSTEAD}.`;
    case 'ambiguous':
      return 'Another program has made an item with the attributes of ours: delete both in the keychain (on Linux: secret-tool clear service mcp-master username NAME), then save it again.';
    case 'changed':
      return 'Try again.';
    default:
      return serviceHint(situation);
  }
}

function unlockHint({ platform, env }: Situation): string {
  if (platform === 'darwin') {
    return env['SSH_CONNECTION']
      ? 'Unlock it in this SSH session: security unlock-keychain'
      : 'Answer the prompt of the keychain (it may be behind other windows), then try again.';
  }
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) {
    return `No display is known, so no prompt can be shown: unlock the keychain in your desktop session, or ${FILE_INSTEAD}.`;
  }
  return 'Unlock the keychain, or answer its prompt (it may be behind other windows), then try again.';
}

function serviceHint({ platform, env }: Situation): string {
  if (platform !== 'linux') return `Check the keychain of your account, or ${FILE_INSTEAD}.`;
  if (env['WSL_DISTRO_NAME']) return `WSL has no keychain of its own: ${FILE_INSTEAD}.`;
  return `Start a keyring service (such as gnome-keyring) in your session and make a default keyring there, or ${FILE_INSTEAD}.`;
}
