import type { Context } from '../app/context.ts';
import { type GlobalFlags, openWorkspace } from '../app/workspace.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { createClientTransport } from '../proxy/client-transport.ts';
import { noConfiguration } from '../proxy/instructions.ts';
import { MasterServer } from '../proxy/master-server.ts';
import { EXIT } from './exit-codes.ts';
import { notYet } from './not-yet.ts';

/** `mcp-master serve`: one MCP server over stdin and stdout, until the client closes stdin. */
export async function serve(context: Context, flags: GlobalFlags): Promise<number> {
  const output = context.claimStdout();
  const workspace = await openWorkspace(context, flags);
  const { config, folders, log, connectDeps, credentials, close } = workspace;
  logProblems(config, log);
  if (context.terminal.stdin) log.info('waiting for an MCP client on stdin: usually one starts it');
  const server = new MasterServer(config, {
    backend: connectDeps,
    credentials: credentials.changes,
    catalogue: context.createCatalogueStore(folders, log),
    log,
    serverInfo: { name: 'mcp-master', title: 'MCP Master', version: context.version },
  });
  const release = context.onInterrupt(() => void server.close());
  await server.serve(createClientTransport(context.stdin, output, log));
  release();
  await close();
  return EXIT.done;
}

function logProblems(config: Config, log: Logger): void {
  if (config.file === undefined) log.warn(noConfiguration(config.folder));
  for (const { level, path, line, message, hint } of [...config.problems, ...notYet(config)]) {
    const where = `${config.file ?? ''}${line === undefined ? '' : `:${line}`}`;
    const text = `${where}${path === '' ? '' : ` ${path}`}: ${message}${hint ? ` ${hint}` : ''}`;
    if (level === 'error') log.error(text);
    else log.warn(text);
  }
}
