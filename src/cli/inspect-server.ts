import type { Context } from '../app/context.ts';
import type { Workspace } from '../app/workspace.ts';
import type { Backend } from '../backend/backend.ts';
import type { Session } from '../backend/connect.ts';
import { createToolCheck, type LeftOutTool } from '../backend/tool-schemas.ts';
import type { ServerConfig } from '../config/config.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import { toolFilter } from '../proxy/tool-filter.ts';
import { createOwnBackend } from './own-backend.ts';

/** Where one server stands; null where it did not say. */
export interface ServerReport {
  server: string;
  transport: string;
  state: 'ready' | 'login_required' | 'error' | 'disabled';
  /** Counts, after the filters of the configuration. */
  tools: number | null;
  resources: number | null;
  prompts: number | null;
  /** Milliseconds to connect and to list. */
  ms: number | null;
  error: { code: string; message: string; hint: string | null } | null;
  /** Tools that can't be shown, and why. */
  left_out: LeftOutTool[];
}

/**
 * Connects to a server, lists what it offers, and closes the connection; `signal` and Ctrl-C call that off.
 * Never rejects.
 */
export async function inspectServer(
  server: ServerConfig,
  context: Context,
  { connectDeps }: Workspace,
  signal?: AbortSignal,
): Promise<ServerReport> {
  const { name, endpoint } = server;
  const report = { ...NOTHING_KNOWN, server: name, transport: endpoint.kind };
  if (!server.enabled) return { ...report, state: 'disabled' };
  const backend = createOwnBackend(server, context.version, connectDeps);
  const started = context.now();
  const end = () => void backend.close();
  const release = context.onInterrupt(end);
  signal?.addEventListener('abort', end);
  try {
    const session = await backend.connect();
    const counts = await count(backend, session);
    const ms = context.now() - started;
    return { ...report, transport: session.transport, state: 'ready', ...counts, ms };
  } catch (error) {
    return { ...report, ...failure(toMcpMasterError(error)) };
  } finally {
    await backend.close();
    signal?.removeEventListener('abort', end);
    release();
  }
}

/** The report of a server that was not asked. */
export const NOTHING_KNOWN = {
  tools: null,
  resources: null,
  prompts: null,
  ms: null,
  error: null,
  left_out: [],
};

/** What a server offers, and what of it can't be used. */
type Offer = Pick<ServerReport, 'tools' | 'resources' | 'prompts' | 'left_out'>;

async function count(backend: Backend, session: Session): Promise<Offer> {
  const [tools, resources, prompts] = await Promise.all([
    backend.list(session, 'tools'),
    backend.list(session, 'resources'),
    backend.list(session, 'prompts'),
  ]);
  const { usable, leftOut } = await createToolCheck()(tools);
  const isShown = toolFilter(backend.config.tools);
  const shown = usable.filter(({ name }) => typeof name === 'string' && isShown(name));
  return {
    tools: shown.length,
    resources: resources.length,
    prompts: prompts.length,
    left_out: leftOut,
  };
}

function failure({ code, message, hint }: McpMasterError): Pick<ServerReport, 'state' | 'error'> {
  const state = code === 'LOGIN_REQUIRED' ? 'login_required' : 'error';
  return { state, error: { code, message, hint: hint ?? null } };
}
