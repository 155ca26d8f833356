import type { Context } from '../app/context.ts';
import { createSessionDeps, logProblems } from '../app/create-master-server.ts';
import { ConfigReload } from '../app/reload.ts';
import { configRequest, type GlobalFlags, openWorkspace } from '../app/workspace.ts';
import type { Config } from '../config/config.ts';
import { ConfigWatch } from '../config/watch.ts';
import { createClientTransport } from '../proxy/client-transport.ts';
import { MasterServer } from '../proxy/master-server.ts';
import { EXIT } from './exit-codes.ts';
import { notYet } from './not-yet.ts';

/** `mcp-master serve`: one MCP server over stdin and stdout, until the client closes stdin. */
export async function serve(context: Context, flags: GlobalFlags): Promise<number> {
  const output = context.claimStdout();
  const request = configRequest(context, flags, context.findFolders(flags.profile));
  const watch = new ConfigWatch(request, context.files);
  const workspace = await openWorkspace(context, flags);
  const { config, log } = workspace;
  const report = (read: Config) => logProblems(read, [...read.problems, ...notYet(read)], log);
  report(config);
  if (context.terminal.stdin) log.info('waiting for an MCP client on stdin: usually one starts it');
  const sessionDeps = createSessionDeps(context, workspace);
  const server = new MasterServer(config, sessionDeps);
  const followed = { context, flags, watch, workspace, server, sessionDeps, report };
  const reload = new ConfigReload(followed);
  const release = context.onInterrupt(() => void server.close());
  await server.serve(createClientTransport(context.stdin, output, log));
  release();
  await reload.close();
  return EXIT.done;
}
