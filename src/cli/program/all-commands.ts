import { Command, CommanderError, Option } from 'commander';
import type { Context } from '../../app/context.ts';
import type { GlobalFlags } from '../../app/settings.ts';
import { LOG_LEVELS } from '../../log.ts';
import type { DoctorFlags } from '../doctor.ts';
import { EXIT } from '../exit-codes.ts';
import type { ListFlags } from '../list.ts';
import type { ToolsFlags } from '../tools.ts';
import { addAuth } from './auth-commands.ts';
import { type Done, once } from './options.ts';
import { addSecret } from './secret-commands.ts';

/**
 * Runs any command line and gives its exit code. Rejects with what the command fails with; what is wrong with the
 * line itself has been printed.
 */
export async function runAny(argv: string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own message; help and version end this way, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

/** All commands. The code of each is loaded when it runs: none has to wait for that of the others. */
export function createProgram(context: Context, done: Done): Command {
  const program = new Command('mcp-master')
    .description('Many MCP servers behind one.')
    .version(context.version, '--version', 'print the version')
    .helpOption('--help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .showSuggestionAfterError()
    .exitOverride();
  addGlobalOptions(program);
  addServe(program, context, done);
  addAuth(program, context, done);
  addSecret(program, context, done);
  addList(program, context, done);
  addTools(program, context, done);
  addCall(program, context, done);
  addConfig(program, context, done);
  addDoctor(program, context, done);
  return program.addHelpText('after', EXAMPLES);
}

const EXAMPLES = `
Examples:
  mcp-master config check                     look for mistakes in the configuration
  mcp-master auth login --server=github       log in through the browser
  mcp-master auth status                      show where each login stands
  mcp-master list                             connect to each server and show where it stands
  mcp-master tools --search=issue             find tools, by the names that a client sees
  mcp-master doctor                           find out what is wrong, and what to do
  mcp-master call files list_directory '{"path":"/tmp"}'
  mcp-master serve                            what a desktop client starts`;

function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'the configuration file (also MCP_MASTER_CONFIG)')
    .option('--profile <name>', 'keep configuration and logins apart (also MCP_MASTER_PROFILE)')
    .addOption(new Option('--log-level <level>', 'what to log on stderr').choices(LOG_LEVELS))
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'log errors only');
}

function addServe(program: Command, context: Context, done: Done): void {
  program
    .command('serve')
    .description('serve all configured servers as one MCP server over stdin and stdout')
    .addHelpText(
      'after',
      `
Example, in the configuration of a desktop client:
  { "mcpServers": { "master": { "command": "mcp-master", "args": ["serve"] } } }`,
    )
    .action(async (_: object, command: Command) => {
      const { serve } = await import('../serve.ts');
      done(await serve(context, command.optsWithGlobals<GlobalFlags>()));
    });
}

function addList(program: Command, context: Context, done: Done): void {
  program
    .command('list')
    .description('connect to each server and show where it stands')
    .option('--server <name>', 'only this one', once)
    .addHelpText('after', '\nExample:\n  mcp-master list --server=github --json')
    .action(async (_: object, command: Command) => {
      const { list } = await import('../list.ts');
      done(await list(context, command.optsWithGlobals<ListFlags>()));
    });
}

function addTools(program: Command, context: Context, done: Done): void {
  program
    .command('tools')
    .description('connect to the servers and show their tools, as a client sees them')
    .argument('[server]', 'only those of this one')
    .option('--search <text>', 'only those with this in name or description', once)
    .addHelpText(
      'after',
      `
TOKENS is a rough count of what a definition costs a model: the characters of its JSON, divided by four.

Example:
  mcp-master tools github --search=issue`,
    )
    .action(async (server: string | undefined, _: object, command: Command) => {
      const { tools } = await import('../tools.ts');
      done(await tools(context, server, command.optsWithGlobals<ToolsFlags>()));
    });
}

function addCall(program: Command, context: Context, done: Done): void {
  program
    .command('call')
    .description('call one tool and print its result')
    .argument('<server>', 'the name of the server in the configuration')
    .argument('<tool>', "the server's own name for the tool")
    .argument('[json]', 'the arguments, a JSON object')
    .addHelpText('after', `\nExample:\n  mcp-master call everything echo '{"message":"hello"}'`)
    .action(
      async (
        server: string,
        tool: string,
        json: string | undefined,
        _: object,
        command: Command,
      ) => {
        const { call } = await import('../call.ts');
        done(await call(context, { server, tool, json }, command.optsWithGlobals<GlobalFlags>()));
      },
    );
}

function addConfig(program: Command, context: Context, done: Done): void {
  const config = program.command('config').description('look at the configuration');
  config
    .command('check')
    .description('name everything that is wrong with a configuration, with lines')
    .argument('[file]', 'the file to check instead of the one in use')
    .addHelpText('after', '\nExample:\n  mcp-master config check ./config.yaml')
    .action(async (file: string | undefined, _: object, command: Command) => {
      const { configCheck } = await import('../config-check.ts');
      done(await configCheck(context, file, command.optsWithGlobals<GlobalFlags>()));
    });
}

function addDoctor(program: Command, context: Context, done: Done): void {
  program
    .command('doctor')
    .description('look for all that may be wrong, and tell what to do')
    .option('--server <name>', 'of the servers, only this one', once)
    .addHelpText('after', '\nExample:\n  mcp-master doctor --server=github')
    .action(async (_: object, command: Command) => {
      const { doctor } = await import('../doctor.ts');
      done(await doctor(context, command.optsWithGlobals<DoctorFlags>()));
    });
}
