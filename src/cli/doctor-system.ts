import { versions } from 'node:process';
import type { Context } from '../app/context.ts';
import type { Workspace } from '../app/workspace.ts';
import type { Environment } from '../config/config.ts';
import { pathsOf } from '../config/locate.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { StateFiles } from '../oauth/store/state-files.ts';
import { type Finding, failed, fine, type Place, warning } from './doctor-finding.ts';

/** As `engines` in package.json says: the least minor versions of some major ones; all later ones will do. */
const LEAST_MINORS = new Map([
  [20, 17],
  [22, 3],
]);
const LAST_MAJOR = Math.max(...LEAST_MINORS.keys());

/** Whether mcp-master runs on this Node.js: 21 lacks what 20.17 has. */
export function checkNode(version = versions.node): Finding {
  const place: Place = { check: 'node', server: null };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const least = LEAST_MINORS.get(major) ?? Number.POSITIVE_INFINITY;
  if (major > LAST_MAJOR || minor >= least) return fine(place, `Node.js ${version}`);
  const message = `Node.js ${version} is not supported`;
  const hint = 'Install the latest Node.js, and start mcp-master with it: 20.17 or 22.3 at least.';
  return { ...place, level: 'error', message, hint };
}

/** The company proxies in use, by the names of their variables: their values may hold a password. */
export function checkProxies(env: Environment): Finding[] {
  const set = (name: string) => [name.toLowerCase(), name].find((known) => env[known]);
  const proxies = ['HTTPS_PROXY', 'HTTP_PROXY'].flatMap((name) => set(name) ?? []);
  if (proxies.length === 0) return [];
  const exceptions = set('NO_PROXY');
  const but = exceptions === undefined ? '' : `, but for what ${exceptions} names`;
  const through = `requests to other computers go through ${proxies.join(' and ')}${but}`;
  return [fine({ check: 'proxy', server: null }, through)];
}

/** Whether the store in use keeps what it is given. */
export async function checkStore(context: Context, workspace: Workspace): Promise<Finding[]> {
  const place: Place = { check: 'token_store', server: null };
  const { credentials, config } = workspace;
  try {
    const store = credentials.stores.current();
    await store.probe();
    const what = store.name === 'keychain' ? 'the keychain keeps' : 'encrypted files keep';
    const key = store.name === 'file' ? checkKey(config.env, context) : [];
    return [fine(place, `${what} what is written to it`), ...key];
  } catch (error) {
    // Where nobody logs in and nothing is stored, none is needed.
    return [failed(place, toMcpMasterError(error), isStoreNeeded(workspace) ? 'error' : 'warning')];
  }
}

function isStoreNeeded({ config, credentials }: Workspace): boolean {
  const { logins, secrets } = credentials;
  if (logins.index.files().length > 0 || secrets.list().length > 0) return true;
  return config.servers.some(({ enabled, endpoint, secretRefs }) => {
    const logsIn = endpoint.kind !== 'stdio' && 'oauth' in endpoint.auth;
    return enabled && (logsIn || secretRefs.length > 0);
  });
}

/** Fewer different characters than any random key has. */
const LEAST_CHARACTERS = 10;

/** Whether the key is hard to guess and hard to read; that it works is known. */
function checkKey(env: Environment, context: Context): Finding[] {
  const place: Place = { check: 'encryption_key', server: null };
  const path = env['OAUTH_ENCRYPTION_KEY_FILE'];
  const source = path ? 'OAUTH_ENCRYPTION_KEY_FILE' : 'OAUTH_ENCRYPTION_KEY';
  const text = path ? context.files.readFile(path) : (env['OAUTH_ENCRYPTION_KEY'] ?? '');
  const findings: Finding[] = [];
  if (new Set(text.trim()).size < LEAST_CHARACTERS) {
    const hint = 'Make one with `openssl rand -hex 32`. The logins have to be made again with it.';
    findings.push(warning(place, `the key in ${source} is easy to guess`, hint));
  }
  if (path && isOpen(path, context)) {
    const hint = `Keep it for yourself: chmod 600 ${path}`;
    findings.push(warning(place, `others on this computer can read the key in ${path}`, hint));
  }
  return findings.length > 0 ? findings : [fine(place, `the key is in ${source}`)];
}

/** Folders of the state folder, all with files `<name>.json`. */
const STATE = ['logins', 'challenges', 'step-ups', 'issuers', 'records', 'secrets', 'tokens'];
const PROBED = 'records';

/** Whether the state folder can be written to, and is for its owner alone. */
export async function checkStateFolder(
  context: Context,
  { folders, log }: Workspace,
): Promise<Finding> {
  const place: Place = { check: 'state_folder', server: null };
  const { state } = folders;
  const files = context.createStateFiles(folders, log);
  try {
    await probe(files, context);
  } catch (error) {
    return failed(place, toMcpMasterError(error));
  }
  const { join } = pathsOf(context.platform);
  const paths = STATE.flatMap((folder) => [
    join(state, folder),
    ...files.list(folder).map((file) => join(state, folder, `${file}.json`)),
  ]);
  const [first, ...others] = [state, ...paths].filter((path) => isOpen(path, context));
  if (first === undefined) return fine(place, `${state} can be written to, by you alone`);
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const message = `others on this computer have access to ${first}${more}`;
  return warning(place, message, `Keep it for yourself: chmod -R go= '${state}'`);
}

async function probe(files: StateFiles, { now }: Context): Promise<void> {
  const name = `doctor.${now()}`;
  await files.write(PROBED, name, name);
  const read = files.read(PROBED, name);
  await files.remove(PROBED, name);
  if (read === name) return;
  throw new McpMasterError('STORE_UNAVAILABLE', 'the state folder does not keep what it is given', {
    hint: 'Set MCP_MASTER_HOME to a folder on another disk.',
  });
}

/** Whether anybody but its owner has access; on Windows the mode says nothing of that. */
function isOpen(path: string, { files, platform }: Context): boolean {
  return platform !== 'win32' && ((files.stat(path)?.mode ?? 0) & 0o077) !== 0;
}
