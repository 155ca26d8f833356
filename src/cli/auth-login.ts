import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured } from '../app/workspace.ts';
import type { ServerConfig } from '../config/config.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { type LoginWork, loginOne } from './login-one.ts';
import { createLoginReport } from './login-report.ts';
import { loginServers } from './select.ts';

/** The flags of `auth login`. */
export interface LoginFlags extends GlobalFlags {
  server?: string;
  all?: boolean;
  /** False with `--no-browser`. */
  browser: boolean;
  force?: boolean;
  /** Seconds. */
  timeout: number;
  /** Separated by spaces or commas. */
  scope?: string;
}

/** `mcp-master auth login`: from nothing to a login that its server has proved to accept. */
export async function authLogin(context: Context, flags: LoginFlags): Promise<number> {
  const workspace = await openConfigured(context, flags, 'warn');
  const report = createLoginReport(context, flags);
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort(interruption()));
  const work: LoginWork = { context, flags, workspace, report, signal: interrupted.signal };
  try {
    return await loginAll(loginServers(workspace, flags), work);
  } catch (error) {
    report.failed(flags.server ?? null, toMcpMasterError(error));
    return exitCodeOf(toMcpMasterError(error).code);
  } finally {
    await workspace.close();
    release();
  }
}

/** One failure of `--all` does not keep the others from their login; the person's Ctrl-C does. */
async function loginAll(servers: ServerConfig[], work: LoginWork): Promise<number> {
  let worst: number = EXIT.done;
  for (const server of servers) {
    const code = await attempt(server, work);
    if (code === EXIT.interrupted) return code;
    worst = Math.max(worst, code);
  }
  return work.flags.all === true && worst !== EXIT.done ? EXIT.login : worst;
}

async function attempt(server: ServerConfig, work: LoginWork): Promise<number> {
  const { report, signal } = work;
  try {
    const ended = await loginOne(server, work);
    if (ended.outcome === 'unproved') report.failed(server.name, ended.error);
    else report.ended(ended);
    return ended.outcome === 'unproved' ? unprovedExit(ended.error) : EXIT.done;
  } catch (thrown) {
    const error = toMcpMasterError(signal.aborted ? signal.reason : thrown);
    report.failed(server.name, error);
    return failureExit(error);
  }
}

/** Whatever keeps somebody from logging in, it is a login that failed. */
function failureExit({ code }: McpMasterError): number {
  const exit = exitCodeOf(code);
  return exit === EXIT.failed || code === 'INSECURE_URL' ? EXIT.login : exit;
}

/** Tokens that the server refuses are no login; of one that can't be reached nobody knows. */
function unprovedExit({ code }: McpMasterError): number {
  return exitCodeOf(code) === EXIT.login ? EXIT.login : EXIT.failed;
}

function interruption(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the login was interrupted', {
    hint: 'Run it again when you are ready.',
  });
}
