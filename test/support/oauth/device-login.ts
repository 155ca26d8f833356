import type { AuthHome, LoginEnd } from './auth-home.ts';
import { type BrowseOptions, browse } from './browse.ts';

/** How the person comes to the page; all of it may be left out. */
export interface DevicePerson extends BrowseOptions {
  /** Types the code instead of opening the address that has it. */
  typesCode?: boolean;
}

/** A whole login by device code, with a person who enters the code in a browser somewhere else. */
export async function logInByDevice(
  home: AuthHome,
  args: readonly [server: string, ...flags: string[]],
  { typesCode = false, ...person }: DevicePerson = {},
): Promise<LoginEnd> {
  const login = home.startLogin(args);
  const { url, url_complete: complete, user_code: code } = await login.event('device_code');
  const address = typesCode ? url : complete;
  const visit = await browse(String(address), { ...person, userCode: String(code) });
  const ended = await login.ended;
  return { ...ended, events: login.events, last: login.events.at(-1) ?? {}, visit };
}
