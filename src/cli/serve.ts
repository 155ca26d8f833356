import { browserSetting } from '../app/browser-setting.ts';
import type { Context } from '../app/context.ts';
import { greetingDeps, logProblems } from '../app/greeting.ts';
import type { Serving } from '../app/serving.ts';
import { configRequest, type GlobalFlags, openSettings } from '../app/settings.ts';
import type { Config } from '../config/config.ts';
import { ConfigWatch } from '../config/watch.ts';
import { toMcpMasterError } from '../errors.ts';
import { createClientTransport } from '../proxy/client-transport.ts';
import { MasterServer } from '../proxy/master-server.ts';
import { EXIT } from './exit-codes.ts';
import { notYet } from './not-yet.ts';

/** `mcp-master serve`: one MCP server over stdin and stdout, until the client closes stdin. */
export async function serve(context: Context, flags: GlobalFlags): Promise<number> {
  const output = await context.claimStdout();
  const request = configRequest(context, flags, context.findFolders(flags.profile));
  const watch = new ConfigWatch(request, context.files);
  const settings = await openSettings(context, flags);
  const { config, log } = settings;
  const report = (read: Config) => logProblems(read, [...read.problems, ...notYet(read)], log);
  report(config);
  // Said now or never: later there is a client, and nobody who reads why.
  browserSetting(config);
  if (context.terminal.stdin) log.info('waiting for an MCP client on stdin: usually one starts it');
  let opening: Promise<Serving> | undefined;
  const open = async (): Promise<Serving> => {
    // Not needed for the answer to `initialize`, and a good part of what there is to load.
    const { openServing } = await import('../app/serving.ts');
    return openServing({ context, flags, settings, server, report });
  };
  const opened = () => {
    opening ??= open();
    return opening;
  };
  const deps = async () => (await opened()).sessionDeps;
  const server: MasterServer = new MasterServer(config, greetingDeps(context, settings), deps);
  const onChange = async () => {
    try {
      (await opened()).reload();
    } catch (error) {
      const { message, hint = '' } = toMcpMasterError(error);
      log.error(`a change of the configuration can't be taken up: ${message}. ${hint}`.trimEnd());
    }
  };
  // A client may speak long after it has started us: it is answered as things are then.
  watch.start(() => void onChange());
  const release = context.onInterrupt(() => void server.close());
  await server.serve(createClientTransport(context.stdin, output, log));
  release();
  watch.stop();
  await (await opening)?.close();
  return EXIT.done;
}
