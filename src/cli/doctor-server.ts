import type { Context } from '../app/context.ts';
import { errorText, type FoundStatus, statusOf } from '../app/login-status.ts';
import { ago, counted, untilExpiry } from '../app/times.ts';
import type { Workspace } from '../app/workspace.ts';
import type { ServerConfig } from '../config/config.ts';
import { fillSecrets } from '../config/secrets.ts';
import { loginCommand } from '../oauth/login-command.ts';
import { soon, unlessAborted } from '../oauth/unless-aborted.ts';
import { checkCredentials } from './doctor-credential.ts';
import { type Finding, failed, fine, type Place, warning } from './doctor-finding.ts';
import { inspectServer, NOTHING_KNOWN, type ServerReport } from './inspect-server.ts';

/** The `startup_timeout` has an error of its own, which says more and should come first. */
const MARGIN_MS = 100;

/** The processes of a server that ignores its end are given this long before they are left alone. */
const CLOSING_MS = 2500;

/** A login that ends within this time, and can't be renewed, is worth a warning. */
const SOON_MS = 86_400_000;

/** What is to be said of one server. Takes its `startup_timeout` and a moment at most; never rejects. */
export async function checkServer(
  server: ServerConfig,
  context: Context,
  workspace: Workspace,
): Promise<Finding[]> {
  if (!server.enabled) return [fine(at('connection', server), 'it is disabled')];
  // Before the connection, whose success is written down as well.
  const before = statusOf(server, workspace.credentials, context.now());
  const [report, credentials] = await Promise.all([
    inspectInTime(server, context, workspace),
    soon(credentialsOf(server, context, workspace), server.startupTimeout * 1000),
  ]);
  const now = context.now();
  const after = await standing(server, workspace, now);
  return [
    ...connectionOf(report, server),
    ...toolsOf(report, server),
    ...loginOf(report, after, now),
    ...(credentials === 'later' ? [] : credentials),
    ...recordOf(before, report, now),
  ];
}

/** Where its login stands now, and what decides what that means. */
interface Standing extends FoundStatus {
  /** Its login needs no person. */
  unattended: boolean;
  /** It demands a wider scope than that of the login. */
  wantsMore: boolean;
  commandFlags: string;
}

async function standing(
  server: ServerConfig,
  { credentials, owner }: Workspace,
  now: number,
): Promise<Standing> {
  const { challenges, records, auth } = credentials;
  // What the connection has come to know is on disk before it is read.
  await Promise.all([challenges.flush(), records.flush()]);
  const key = auth.loginKey(server);
  return {
    ...statusOf(server, credentials, now),
    unattended: auth.isUnattended(server),
    wantsMore: key !== undefined && challenges.get(key.file)?.error === 'insufficient_scope',
    commandFlags: owner.commandFlags,
  };
}

/** Whatever of it hangs: its start, its lists, or its end. */
async function inspectInTime(
  server: ServerConfig,
  context: Context,
  workspace: Workspace,
): Promise<ServerReport> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), server.startupTimeout * 1000 + MARGIN_MS);
  const work = inspectServer(server, context, workspace, late.signal);
  const report = await unlessAborted(work, late.signal).catch(() => soon(work, CLOSING_MS));
  clearTimeout(timer);
  if (report === 'later') return tooSlow(server);
  // What it failed with may just be that it was called off.
  const isCalledOff = late.signal.aborted && report.error !== null;
  return isCalledOff && report.error?.code !== 'BACKEND_TIMEOUT' ? tooSlow(server) : report;
}

function at(check: Place['check'], { name }: ServerConfig): Place {
  return { check, server: name };
}

function tooSlow({ name, endpoint, startupTimeout }: ServerConfig): ServerReport {
  const message = `it did not connect and list its tools within ${startupTimeout} s`;
  const hint = 'If it only needs longer, raise `startup_timeout` in its entry.';
  const error = { code: 'BACKEND_TIMEOUT', message, hint };
  return { ...NOTHING_KNOWN, server: name, transport: endpoint.kind, state: 'error', error };
}

function connectionOf(report: ServerReport, server: ServerConfig): Finding[] {
  const place = at('connection', server);
  const { error, transport, ms, tools, resources, prompts } = report;
  // That is about its login.
  if (error?.code === 'LOGIN_REQUIRED') return [];
  if (error !== null) return [failed(place, asError(error, server))];
  const offers = [
    counted(tools ?? 0, 'tool'),
    ...(resources ? [counted(resources, 'resource')] : []),
    ...(prompts ? [counted(prompts, 'prompt')] : []),
  ];
  return [fine(place, `connected over ${transport} in ${ms} ms: ${offers.join(', ')}`)];
}

/** Under its own name, a server need not be named again. */
function asError(
  { message, ...error }: NonNullable<ServerReport['error']>,
  { name }: ServerConfig,
) {
  return { ...error, message: message.replace(`server "${name}": `, '') };
}

function toolsOf({ left_out: leftOut }: ServerReport, server: ServerConfig): Finding[] {
  const hint = 'Tell whoever makes the server. Its other tools are not affected.';
  return leftOut.map(({ tool, reason }) =>
    warning(at('tools', server), `tool "${tool}" is left out: ${reason}`, hint),
  );
}

function loginOf(report: ServerReport, after: Standing, now: number): Finding[] {
  const { status, server, entry, unattended, commandFlags } = after;
  const place = at('login', server);
  const { error } = report;
  if (error?.code === 'LOGIN_REQUIRED') return [failed(place, asError(error, server))];
  if (status.next !== null) return [wanting(place, status.next, { ...report, ...after })];
  if (entry === undefined) return [];
  const { expiresAt = Number.POSITIVE_INFINITY, store } = entry;
  const hasRefreshToken = entry.hasRefreshToken || unattended;
  const where = store === 'file' ? 'an encrypted file' : 'the keychain';
  const message = `logged in, by what is in ${where}; ${untilExpiry({ ...entry, hasRefreshToken }, now)}`;
  if (hasRefreshToken || expiresAt - now > SOON_MS) return [fine(place, message)];
  const hint = `Log in again then: ${loginCommand(server.name, commandFlags)}`;
  return [warning(place, `${message}, and nothing can renew it`, hint)];
}

/** By what is on disk; the server itself has said nothing of it, or is down. */
function wanting(
  place: Place,
  command: string,
  { state, wantsMore }: Pick<ServerReport, 'state'> & Pick<Standing, 'wantsMore'>,
): Finding {
  const message = wantsMore
    ? 'it has asked for another login, with more scopes'
    : 'a new login is needed: the last one has expired, or was refused';
  const hint = `Log in: ${command}`;
  return { ...place, level: state === 'ready' ? 'warning' : 'error', message, hint };
}

/** Rejects when a stored secret can't be filled in: the connection fails over that, too, and says so. */
async function credentialsOf(
  server: ServerConfig,
  { now }: Context,
  { connectDeps }: Workspace,
): Promise<Finding[]> {
  return checkCredentials(await fillSecrets(server, connectDeps.readSecret), now());
}

function recordOf({ server, record }: FoundStatus, report: ServerReport, now: number): Finding[] {
  if (record === undefined) return [];
  const place = at('record', server);
  const { lastUsedAt, lastError, refreshes, refusals } = record;
  const used = lastUsedAt === undefined ? 'not used yet' : `last used ${ago(lastUsedAt, now)}`;
  const counts = `${counted(refreshes, 'renewal')}, ${counted(refusals, 'refusal')} (401)`;
  const history = `${used}; ${counts}`;
  // What is so now is told already.
  if (lastError === undefined || lastError.code === report.error?.code)
    return [fine(place, history)];
  const message = `${history}; last error ${ago(lastError.at, now)}: ${errorText(lastError)}`;
  return [report.state === 'ready' ? fine(place, message) : warning(place, message)];
}
