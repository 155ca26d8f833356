import { type Command, Option } from 'commander';
import type { Context } from '../../app/context.ts';
import type { LoginFlags } from '../auth-login.ts';
import type { LogoutFlags } from '../auth-logout.ts';
import type { MigrateFlags } from '../auth-migrate.ts';
import type { RefreshFlags } from '../auth-refresh.ts';
import type { StatusFlags } from '../auth-status.ts';
import { type Done, LOGIN_SECONDS, once, parseScope, parseTimeout } from './options.ts';

/** `mcp-master auth …`. */
export function addAuth(program: Command, context: Context, done: Done): void {
  const auth = program.command('auth').description('log in to servers, and out of them');
  addLogin(auth, context, done);
  addStatus(auth, context, done);
  addRefresh(auth, context, done);
  addLogout(auth, context, done);
  addMigrate(auth, context, done);
}

function addLogin(auth: Command, context: Context, done: Done): void {
  auth
    .command('login')
    .description('log in to a server: in the browser, by a code, or as a client of its own')
    .option('--server <name>', 'the server to log in to', once)
    .option('--all', 'every server that needs it, one after the other')
    .option('--no-browser', 'print the address instead of opening a browser (also HEADLESS=true)')
    .option(
      '--force',
      'also when there is a login; a client that was registered is registered anew',
    )
    .option('--timeout <seconds>', 'how long to wait for the person', parseTimeout, LOGIN_SECONDS)
    .option('--scope <scopes>', 'ask for these instead of what the server names', parseScope)
    .addHelpText(
      'after',
      `
Examples:
  mcp-master auth login --server=github
  mcp-master auth login --all --no-browser`,
    )
    .action(async (_: object, command: Command) => {
      const { authLogin } = await import('../auth-login.ts');
      done(await authLogin(context, command.optsWithGlobals<LoginFlags>()));
    });
}

function addStatus(auth: Command, context: Context, done: Done): void {
  auth
    .command('status')
    .description('show where each login stands, and what to do next')
    .option('--server <name>', 'only this one', once)
    .option('--check', 'contact the servers: is each login accepted?')
    .addHelpText('after', '\nExample:\n  mcp-master auth status --json')
    .action(async (_: object, command: Command) => {
      const { authStatus } = await import('../auth-status.ts');
      done(await authStatus(context, command.optsWithGlobals<StatusFlags>()));
    });
}

function addRefresh(auth: Command, context: Context, done: Done): void {
  auth
    .command('refresh')
    .description('renew the tokens of a login now, whatever their expiry')
    .option('--server <name>', 'the server whose login is renewed', once)
    .option('--all', 'every login of the configured servers')
    .addHelpText('after', '\nExample:\n  mcp-master auth refresh --server=github')
    .action(async (_: object, command: Command) => {
      const { authRefresh } = await import('../auth-refresh.ts');
      done(await authRefresh(context, command.optsWithGlobals<RefreshFlags>()));
    });
}

function addLogout(auth: Command, context: Context, done: Done): void {
  auth
    .command('logout')
    .description('revoke the tokens of a login where possible, and delete them')
    .option('--server <name>', 'the server to log out of', once)
    .option('--all', 'every login of this profile')
    .addHelpText('after', '\nExample:\n  mcp-master auth logout --server=github')
    .action(async (_: object, command: Command) => {
      const { authLogout } = await import('../auth-logout.ts');
      done(await authLogout(context, command.optsWithGlobals<LogoutFlags>()));
    });
}

function addMigrate(auth: Command, context: Context, done: Done): void {
  auth
    .command('migrate')
    .description('move all logins and secrets into another store')
    .addOption(
      new Option('--to <store>', 'where to').choices(['keychain', 'file']).makeOptionMandatory(),
    )
    .option('--force', 'forget what can not be read, since its keychain or its key is gone')
    .addHelpText('after', '\nExample:\n  mcp-master auth migrate --to keychain')
    .action(async (_: object, command: Command) => {
      const { authMigrate } = await import('../auth-migrate.ts');
      done(await authMigrate(context, command.optsWithGlobals<MigrateFlags>()));
    });
}
