import type { ServerConfig } from '../config/config.ts';
import { fillSecrets } from '../config/secrets.ts';
import { McpMasterError } from '../errors.ts';
import type { LoginDeps } from '../oauth/login.ts';
import type { LoginTarget } from '../oauth/login-target.ts';
import type { Context } from './context.ts';
import type { Workspace } from './workspace.ts';

/** What a login is made with, but for the ways in which a person is invited to it. */
export interface LoginWork {
  target: LoginTarget;
  deps: Omit<LoginDeps, 'invite' | 'inviteToDevice'>;
}

/**
 * What a login for a server (or of the master) is made with, its stored secrets filled in. Undefined where
 * it has no use for one. Rejects with what reading the secrets, or choosing the store, rejects with.
 */
export async function loginWork(
  server: ServerConfig,
  context: Context,
  { credentials, fetch, log, connectDeps }: Workspace,
): Promise<LoginWork | undefined> {
  const { endpoint } = await fillSecrets(server, connectDeps.readSecret);
  const found =
    endpoint.kind === 'stdio' ? undefined : credentials.auth.loginTarget(server, endpoint);
  if (found === undefined) return undefined;
  const target = { ...found, settings: await credentials.filled(found.key.server, found.settings) };
  const { stores, logins, challenges, issuers } = credentials;
  const { now, redactor } = context;
  const deps = {
    ...{ fetch, log: log.named(target.key.server), now, listen: context.listenOnLoopback },
    ...{ resolve: context.resolveHost, store: stores.current(), logins, challenges, issuers },
    secret: (value: string) => redactor.addPassing(value),
  };
  return { target, deps };
}

/** A keychain that is gone can't be left by setting a key alone: there are logins in it. */
export function lostKeychain(error: McpMasterError, { credentials }: Workspace): McpMasterError {
  const { logins, secrets } = credentials;
  const there = [...logins.index.all().values(), ...secrets.list()];
  const inKeychain = there.some(({ store }) => store === 'keychain');
  if (error.code !== 'KEYCHAIN_UNAVAILABLE' || !inKeychain) return error;
  const way = 'set OAUTH_ENCRYPTION_KEY and run mcp-master auth migrate --to file --force';
  return new McpMasterError(error.code, error.message, {
    hint: `${error.hint ?? ''} There are logins or secrets in it: if it is gone for good, ${way}.`,
    cause: error.cause,
  });
}
