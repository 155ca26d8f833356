import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured, type Workspace } from '../app/workspace.ts';
import type { Backend } from '../backend/backend.ts';
import { didYouMean } from '../config/suggest.ts';
import { McpMasterError } from '../errors.ts';
import { toolFilter } from '../proxy/tool-filter.ts';
import { isObject, type JsonObject, type Reply } from '../rpc/message.ts';
import { enabledServer } from './enabled-server.ts';
import { EXIT } from './exit-codes.ts';
import { createOwnBackend } from './own-backend.ts';
import { printable } from './text.ts';

/** What `call` was asked to call. */
export interface CallRequest {
  server: string;
  /** The server's own name for the tool. */
  tool: string;
  /** The arguments as JSON text. */
  json: string | undefined;
}

/** `mcp-master call SERVER TOOL [JSON]`: one call, its result on stdout; 1 when it `isError`. */
export async function call(
  context: Context,
  request: CallRequest,
  flags: GlobalFlags,
): Promise<number> {
  const result = await resultOf(context, request, flags);
  // Nothing is held any more, and signals end the program as usual: its reader may be slow.
  context.stdout.write(flags.json === true ? `${JSON.stringify(result, null, 2)}\n` : show(result));
  return result['isError'] === true ? EXIT.failed : EXIT.done;
}

async function resultOf(
  context: Context,
  request: CallRequest,
  flags: GlobalFlags,
): Promise<JsonObject> {
  const args = parseArguments(request.json);
  const workspace = await openConfigured(context, flags);
  const server = enabledServer(request.server, workspace.config);
  const backend = createOwnBackend(server, context.version, workspace.connectDeps);
  const release = context.onInterrupt(() => void backend.close());
  try {
    await requireTool(backend, request.tool);
    return await callTool(backend, request.tool, args, workspace);
  } finally {
    await backend.close();
    await workspace.close();
    release();
  }
}

function parseArguments(json: string | undefined): JsonObject {
  if (json === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw argumentsError((error as Error).message);
  }
  if (!isObject(value)) throw argumentsError('it is no object');
  return value;
}

function argumentsError(reason: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', `the arguments are not a JSON object: ${reason}`, {
    hint: `Write them as one shell word, for example '{"message":"hello"}'.`,
  });
}

/** Tools that a message names. */
const SHOWN = 20;

async function requireTool(backend: Backend, tool: string): Promise<void> {
  const session = await backend.connect();
  const { name, tools } = backend.config;
  const listed = await backend.list(session, 'tools');
  const shown = toolFilter(tools);
  const names = listed.flatMap(({ name: known }) =>
    typeof known === 'string' && shown(known) ? [known] : [],
  );
  if (names.includes(tool)) return;
  const hint =
    didYouMean(tool, names) ??
    `It has ${names.length} tools: ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', …' : '.'}`;
  throw new McpMasterError('UNKNOWN_TOOL', `server "${name}" has no tool "${tool}"`, { hint });
}

async function callTool(
  backend: Backend,
  tool: string,
  args: JsonObject,
  { log }: Workspace,
): Promise<JsonObject> {
  const reply = await new Promise<Reply>((resolve, reject) => {
    backend.request(
      'tools/call',
      { name: tool, arguments: args },
      {
        timeoutMs: backend.config.timeout * 1000,
        onProgress: ({ progress, total, message }) =>
          log.info(
            `progress ${progress}${total === undefined ? '' : ` of ${total}`} ${message ?? ''}`,
          ),
        onReply: resolve,
        onFailure: reject,
      },
    );
  });
  if ('result' in reply) return reply.result;
  const { code, message } = reply.error;
  throw new McpMasterError(
    'BACKEND_PROTOCOL',
    `server "${backend.name}" answered with error ${code}: ${message}`,
    { hint: 'Check the arguments against the schema of the tool.' },
  );
}

/** Texts as they are, other content by its kind; the structured content where there is nothing else. */
function show({ content, structuredContent }: JsonObject): string {
  const items = Array.isArray(content) ? content.filter(isObject) : [];
  if (items.length === 0 && structuredContent !== undefined) {
    return `${JSON.stringify(structuredContent, null, 2)}\n`;
  }
  return items.map((item) => `${printable(showItem(item))}\n`).join('');
}

function showItem(item: JsonObject): string {
  const { type, text, mimeType, uri } = item;
  if (type === 'text' && typeof text === 'string') return text;
  const details = [mimeType, uri].filter((detail) => typeof detail === 'string');
  return `[${[type, ...details].join(' ')}] (--json shows it whole)`;
}
