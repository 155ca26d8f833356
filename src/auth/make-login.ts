import type { SignInInvitation } from '../oauth/store/sign-in-records.ts';

/** How long a login waits for its person, in milliseconds. */
export const SIGN_IN_MS = 600_000;

/** Makes the login: `invite` is called when a person can come. Rejects as `login()` does. */
export type MakeLogin = (options: {
  signal: AbortSignal;
  patience: number;
  invite(invitation: SignInInvitation): Promise<void>;
}) => Promise<unknown>;
