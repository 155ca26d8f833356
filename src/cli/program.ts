import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { LOG_LEVELS } from '../log.ts';
import type { LoginFlags } from './auth-login.ts';
import type { LogoutFlags } from './auth-logout.ts';
import type { MigrateFlags } from './auth-migrate.ts';
import type { StatusFlags } from './auth-status.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { ListFlags } from './list.ts';
import { reportError } from './report-error.ts';
import type { GlobalFlags } from './workspace.ts';

/** Runs one command line (without `node` and the script) and gives its exit code. Never rejects. */
export async function run(argv: string[], context: Context): Promise<number> {
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
    return reportError(error, context);
  }
}

type Done = (exitCode: number) => void;

/** Each command's code is loaded when it runs: `serve` has to answer fast. */
function createProgram(context: Context, done: Done): Command {
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
  addCall(program, context, done);
  addConfig(program, context, done);
  return program.addHelpText('after', EXAMPLES);
}

const EXAMPLES = `
Examples:
  mcp-master config check                     look for mistakes in the configuration
  mcp-master auth login --server=github       log in through the browser
  mcp-master auth status                      show where each login stands
  mcp-master list                             connect to each server and show where it stands
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
      const { serve } = await import('./serve.ts');
      done(await serve(context, command.optsWithGlobals<GlobalFlags>()));
    });
}

function addAuth(program: Command, context: Context, done: Done): void {
  const auth = program.command('auth').description('log in to servers, and out of them');
  addLogin(auth, context, done);
  auth
    .command('status')
    .description('show where each login stands, and what to do next')
    .option('--server <name>', 'only this one', once)
    .option('--check', 'contact the servers: is each login accepted?')
    .addHelpText('after', '\nExample:\n  mcp-master auth status --json')
    .action(async (_: object, command: Command) => {
      const { authStatus } = await import('./auth-status.ts');
      done(await authStatus(context, command.optsWithGlobals<StatusFlags>()));
    });
  auth
    .command('logout')
    .description('revoke the tokens of a login where possible, and delete them')
    .option('--server <name>', 'the server to log out of', once)
    .option('--all', 'every login of this profile')
    .addHelpText('after', '\nExample:\n  mcp-master auth logout --server=github')
    .action(async (_: object, command: Command) => {
      const { authLogout } = await import('./auth-logout.ts');
      done(await authLogout(context, command.optsWithGlobals<LogoutFlags>()));
    });
  auth
    .command('migrate')
    .description('move all logins and secrets into another store')
    .addOption(
      new Option('--to <store>', 'where to').choices(['keychain', 'file']).makeOptionMandatory(),
    )
    .option('--force', 'forget what can not be read, since its keychain or its key is gone')
    .addHelpText('after', '\nExample:\n  mcp-master auth migrate --to keychain')
    .action(async (_: object, command: Command) => {
      const { authMigrate } = await import('./auth-migrate.ts');
      done(await authMigrate(context, command.optsWithGlobals<MigrateFlags>()));
    });
}

/** How long a person has for a login, in seconds: RFC 8252 leaves it open; tabs get forgotten. */
const LOGIN_SECONDS = 600;

function addLogin(auth: Command, context: Context, done: Done): void {
  auth
    .command('login')
    .description('log in to a server through the browser')
    .option('--server <name>', 'the server to log in to', once)
    .option('--all', 'every server that needs it, one after the other')
    .option('--no-browser', 'print the address instead of opening a browser (also HEADLESS=true)')
    .option(
      '--force',
      'also when there is a login; a client that was registered is registered anew',
    )
    .option('--timeout <seconds>', 'how long to wait for the browser', parseTimeout, LOGIN_SECONDS)
    .option('--scope <scopes>', 'ask for these instead of what the server names', parseScope)
    .addHelpText(
      'after',
      `
Examples:
  mcp-master auth login --server=github
  mcp-master auth login --all --no-browser`,
    )
    .action(async (_: object, command: Command) => {
      const { authLogin } = await import('./auth-login.ts');
      done(await authLogin(context, command.optsWithGlobals<LoginFlags>()));
    });
}

function parseScope(value: string): string {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected scopes, separated by spaces.');
}

/** The last of two would win without a word. */
function once(value: string, before: string | undefined): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError('It was given twice.');
}

function parseTimeout(value: string): number {
  const seconds = Number(value);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= LOGIN_SECONDS) return seconds;
  throw new InvalidArgumentError(`Expected whole seconds, 1 to ${LOGIN_SECONDS}.`);
}

function addSecret(program: Command, context: Context, done: Done): void {
  const secret = program
    .command('secret')
    .description('store credentials under a name, for keyring:NAME in the configuration');
  secret
    .command('set')
    .description('store the value that stands on stdin, or that is typed unseen')
    .argument('<name>', 'what to write after keyring:')
    .addHelpText('after', '\nExample:\n  printf %s "$KEY" | mcp-master secret set acme')
    .action(async (name: string, _: object, command: Command) => {
      const { secretSet } = await import('./secret.ts');
      done(await secretSet(context, name, command.optsWithGlobals<GlobalFlags>()));
    });
  secret
    .command('list')
    .description('show the names of the stored secrets')
    .action(async (_: object, command: Command) => {
      const { secretList } = await import('./secret.ts');
      done(await secretList(context, command.optsWithGlobals<GlobalFlags>()));
    });
  secret
    .command('delete')
    .description('delete a stored secret')
    .argument('<name>', 'its name')
    .action(async (name: string, _: object, command: Command) => {
      const { secretDelete } = await import('./secret.ts');
      done(await secretDelete(context, name, command.optsWithGlobals<GlobalFlags>()));
    });
}

function addList(program: Command, context: Context, done: Done): void {
  program
    .command('list')
    .description('connect to each server and show where it stands')
    .option('--server <name>', 'only this one', once)
    .addHelpText('after', '\nExample:\n  mcp-master list --server=github --json')
    .action(async (_: object, command: Command) => {
      const { list } = await import('./list.ts');
      done(await list(context, command.optsWithGlobals<ListFlags>()));
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
        const { call } = await import('./call.ts');
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
      const { configCheck } = await import('./config-check.ts');
      done(await configCheck(context, file, command.optsWithGlobals<GlobalFlags>()));
    });
}
