import type { OAuthSettings } from '../config/config.ts';
import type { LoginKey } from './store/login-key.ts';

/** Who logs in where. */
export interface LoginTarget {
  key: LoginKey;
  /** Undefined = the login of the master, which is for no server of its own. */
  url: URL | undefined;
  /** The server's own headers: without some of them it may not even say what it demands. */
  headers: Record<string, string>;
  /** With stored secrets filled in. */
  settings: OAuthSettings;
}
