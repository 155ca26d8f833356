import type { MakeLogin } from '../auth/make-login.ts';
import { SignInDesk } from '../auth/sign-in-desk.ts';
import type { OAuthSettings, ServerConfig } from '../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { LoginDeps } from '../oauth/login.ts';
import { SignInRecords } from '../oauth/store/sign-in-records.ts';
import { unlessAborted } from '../oauth/unless-aborted.ts';
import { browserSetting } from './browser-setting.ts';
import type { Context } from './context.ts';
import { statusOf, wantsNewClient } from './login-status.ts';
import { loginWork, lostKeychain } from './login-work.ts';
import type { Workspace } from './workspace.ts';

/**
 * The logins that persons make while a client's calls wait. Throws `CONFIG_INVALID` for an unknown
 * `MCP_MASTER_BROWSER`.
 */
export function createSignInDesk(context: Context, workspace: Workspace): SignInDesk {
  const { config, folders, log, credentials, owner } = workspace;
  const { auth, challenges, logins } = credentials;
  const mayOpen = browserSetting(config) === 'on_call';
  const turns = new PortTurns();
  const browser = async () => (mayOpen ? context.createBrowser(config.env, log) : undefined);
  return new SignInDesk({
    ...{ auth, challenges, index: logins.index, now: context.now, log },
    records: new SignInRecords(context.createStateFiles(folders, log)),
    locks: context.createLocks(folders, log),
    commandFlags: owner.commandFlags,
    hasBrowser: async () => (await browser()) !== undefined,
    openBrowser: async (url) => (await (await browser())?.(url)) ?? false,
    makeLogin: (server) => makeLogin(server, { context, workspace, turns }),
  });
}

/** Where a server's login stands, for the tool that tells a client. */
export function statusRow(server: ServerConfig, context: Context, { credentials }: Workspace) {
  return { ...statusOf(server, credentials, context.now()).status };
}

/** The same login as that of `auth login`, but for who is told where to make it. */
function makeLogin(server: ServerConfig, { context, workspace, turns }: MakerDeps): MakeLogin {
  return async ({ signal, patience, invite }) => {
    const { login } = await import('../oauth/login.ts');
    const work = await loginWork(server, context, workspace);
    if (work === undefined) {
      throw new McpMasterError('CONFIG_INVALID', `no login is of use to "${server.name}"`);
    }
    // At an authorization server that has forgotten our client nobody could log in with it.
    const force = wantsNewClient(server, workspace.credentials, context.now());
    const options = { scopes: undefined, force, patience, signal };
    const deps: LoginDeps = {
      ...work.deps,
      invite: ({ authorizeUrl, facts }) =>
        invite({ url: authorizeUrl, expiresAt: context.now() + patience, ...facts }),
      inviteToDevice: ({ url, urlComplete, userCode, facts, expiresAt }) =>
        invite({ url: urlComplete ?? url, userCode, expiresAt, ...facts }),
    };
    try {
      await turns.take(fixedPort(work.target.settings), signal, () =>
        login(work.target, options, deps),
      );
    } catch (error) {
      throw lostKeychain(toMcpMasterError(error), workspace);
    }
  };
}

interface MakerDeps {
  context: Context;
  workspace: Workspace;
  turns: PortTurns;
}

/** The logins of this process that wait at one port of the configuration: one after the other. */
class PortTurns {
  readonly #last = new Map<number, Promise<unknown>>();

  async take<T>(port: number | undefined, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (port === undefined) return work();
    const before = this.#last.get(port) ?? Promise.resolve();
    const turn = unlessAborted(before, signal).then(work);
    const over = turn.catch(() => undefined);
    this.#last.set(
      port,
      Promise.all([before, over]).then(() => undefined),
    );
    return turn;
  }
}

function fixedPort({ redirectUri, redirectPort }: OAuthSettings): number | undefined {
  return redirectUri === undefined ? redirectPort : Number(new URL(redirectUri).port);
}
