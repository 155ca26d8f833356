import { type CodeLoginDeps, logInByBrowser } from './grants/authorization-code.ts';
import { logInAsClient } from './grants/client-credentials.ts';
import { type DeviceLoginDeps, logInByDevice } from './grants/device-code.ts';
import type { LoginOptions } from './grants/prepare-login.ts';
import type { LoginTarget } from './login-target.ts';
import type { StoredLogin } from './store/stored-login.ts';

/** What {@link login} works with. */
export type LoginDeps = CodeLoginDeps & DeviceLoginDeps;

/**
 * Logs in by the grant that the settings name, by default through a browser. Rejects with an
 * `McpMasterError` that says which step failed; until the new login is saved the stored one stays as it is.
 */
export function login(
  target: LoginTarget,
  options: LoginOptions,
  deps: LoginDeps,
): Promise<StoredLogin> {
  switch (target.settings.grant) {
    case 'device_code':
      return logInByDevice(target, options, deps);
    case 'client_credentials':
      return logInAsClient(target, options, deps);
    default:
      return logInByBrowser(target, options, deps);
  }
}
