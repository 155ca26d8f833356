import type { Context } from '../app/context.ts';
import { createMasterServer, logProblems } from '../app/create-master-server.ts';
import { type GlobalFlags, openWorkspace } from '../app/workspace.ts';
import { createClientTransport } from '../proxy/client-transport.ts';
import { EXIT } from './exit-codes.ts';
import { notYet } from './not-yet.ts';

/** `mcp-master serve`: one MCP server over stdin and stdout, until the client closes stdin. */
export async function serve(context: Context, flags: GlobalFlags): Promise<number> {
  const output = context.claimStdout();
  const workspace = await openWorkspace(context, flags);
  const { config, log, close } = workspace;
  logProblems(config, [...config.problems, ...notYet(config)], log);
  if (context.terminal.stdin) log.info('waiting for an MCP client on stdin: usually one starts it');
  const server = createMasterServer(context, workspace);
  const release = context.onInterrupt(() => void server.close());
  await server.serve(createClientTransport(context.stdin, output, log));
  release();
  await close();
  return EXIT.done;
}
