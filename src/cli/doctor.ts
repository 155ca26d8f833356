import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import { type ConfigCheck, checkConfig } from '../config/load.ts';
import { McpMasterError } from '../errors.ts';
import { unlessAborted } from '../oauth/unless-aborted.ts';
import { checkConfiguration } from './doctor-configuration.ts';
import type { Finding } from './doctor-finding.ts';
import { renderFindings } from './doctor-report.ts';
import { checkServer } from './doctor-server.ts';
import { checkNode, checkProxies, checkStateFolder, checkStore } from './doctor-system.ts';
import { EXIT } from './exit-codes.ts';
import { serverNamed } from './select.ts';

/** The flags of `doctor`. */
export interface DoctorFlags extends GlobalFlags {
  server?: string;
}

/** `mcp-master doctor`: everything that may be wrong, looked at at once, and what to do about it. */
export async function doctor(context: Context, flags: DoctorFlags): Promise<number> {
  const folders = context.findFolders(flags.profile);
  const file = flags.config || context.env['MCP_MASTER_CONFIG'] || undefined;
  const checked = await checkConfig({ file, folder: folders.config }, context.files);
  // Of a file that can't be read as a whole, nothing but that can be said.
  const findings =
    checked.config === undefined
      ? [checkNode(), ...checkConfiguration(checked, undefined)]
      : await withWorkspace(checked, context, flags);
  const shown = findings.map((finding) => redacted(finding, context));
  context.stdout.write(
    flags.json === true ? `${JSON.stringify(shown, null, 2)}\n` : renderFindings(shown, context),
  );
  return shown.some(({ level }) => level === 'error') ? EXIT.failed : EXIT.done;
}

async function withWorkspace(
  checked: ConfigCheck,
  context: Context,
  flags: DoctorFlags,
): Promise<Finding[]> {
  const workspace = await openConfigured(context, flags);
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort(interruption()));
  try {
    const work = checkAll(checked, context, workspace, flags);
    return await unlessAborted(work, interrupted.signal);
  } finally {
    await workspace.close();
    release();
  }
}

/** All at the same time: what hangs delays nothing else. The findings come server by server. */
async function checkAll(
  checked: ConfigCheck,
  context: Context,
  workspace: Workspace,
  { server: only }: DoctorFlags,
): Promise<Finding[]> {
  const { config } = workspace;
  const isRejected = config.rejected.some(({ name }) => name === only);
  const named = only === undefined || isRejected ? [] : [serverNamed(only, config)];
  const servers = only === undefined ? config.servers.filter(({ enabled }) => enabled) : named;
  const [folder, store, ...each] = await Promise.all([
    checkStateFolder(context, workspace),
    checkStore(context, workspace),
    ...servers.map((server) => checkServer(server, context, workspace)),
  ]);
  const findings = [
    checkNode(),
    ...checkConfiguration(checked, only),
    ...checkProxies(config.env),
    folder,
    ...store,
    ...each.flat(),
  ];
  const order = [null, ...[...config.servers, ...config.rejected].map(({ name }) => name)];
  return findings.sort((one, other) => order.indexOf(one.server) - order.indexOf(other.server));
}

/** The configuration's secrets are known once that is loaded, and those of the servers when they are used. */
function redacted(finding: Finding, { redactor }: Context): Finding {
  const { message, hint } = finding;
  return {
    ...finding,
    message: redactor.redact(message),
    hint: hint && redactor.redact(hint),
  };
}

function interruption(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the examination was interrupted');
}
